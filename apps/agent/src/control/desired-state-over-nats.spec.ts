import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { appliedMessageSchema, helloMessageSchema, subjects } from '@longhaul/contracts';
import { pino } from 'pino';
import { eventually } from './testing/eventually.js';
import { TestFleet, type TestAgent } from './testing/running-agent.js';
import { PEER_ID, someState } from './testing/states.js';

describe('an enrolled agent and its desired state', () => {
  let fleet: TestFleet;
  let agent: TestAgent;
  const put = (generation: number, over = {}, nudge = true) =>
    fleet.nats.putState(someState(agent.addressee, generation, over), nudge);
  const outcome = (generation: number) =>
    eventually(`an outcome of generation ${generation}`, () =>
      agent.outcomes
        .map((each) => appliedMessageSchema.parse(each))
        .find((each) => each.generation === generation),
    );

  beforeAll(async () => {
    fleet = await TestFleet.start();
  });
  afterAll(() => fleet.stop());
  beforeEach(async () => {
    agent = await fleet.enroll();
  });
  afterEach(() => agent.stop());

  it('says hello, takes the state that is there, and reports it applied', async () => {
    await put(1, {}, false);
    await agent.start();
    expect(await outcome(1)).toMatchObject({ outcome: 'applied', epoch: 1, policyRevision: 1 });
    expect(helloMessageSchema.parse(agent.hellos[0])).toMatchObject({
      appliedEpoch: 0,
      appliedGeneration: 0,
    });
    const [state] = agent.inForce;
    expect(state).toMatchObject({
      tunnel: { address: '::', port: 4810 },
      peers: [{ id: PEER_ID, name: 'far', endpoints: ['192.0.2.1:4810'] }],
      rules: [{ id: 'r1', action: 'accelerate', treatment: { peerId: PEER_ID, class: 'bulk', weight: 1 } }],
      forwards: [
        { listen: { address: '127.0.0.1', port: 9000 }, target: { address: '198.51.100.7', port: 22 } },
      ],
      allow: [{ peerId: PEER_ID, prefixes: ['203.0.113.0/24'] }],
    });
    expect(state?.management).toEqual(
      expect.arrayContaining([
        { address: '127.0.0.1', port: fleet.controller.port },
        { address: '127.0.0.1', port: fleet.nats.server.port },
      ]),
    );
  });

  it('has in its log what the controller has to tell, and nothing that it cannot read', async () => {
    const lines: string[] = [];
    await agent.start({ log: pino({ level: 'error' }, { write: (line: string) => void lines.push(line) }) });
    await eventually('a hello', () => agent.hellos[0]);
    const { organizationId, agentId } = agent.addressee;
    const subject = subjects.notice(organizationId, agentId);
    fleet.nats.say(subject, { version: 2, surprise: true });
    fleet.nats.say(subject, { version: 1, code: 'CLONED', message: 'two processes work as this agent' });
    await eventually('a line in the log', () => lines[0]);
    expect(lines.join('')).toContain('the controller says: two processes work as this agent');
    expect(lines).toHaveLength(1);
  });

  it('says at every start which state is in force', async () => {
    await agent.start();
    await put(1);
    await outcome(1);
    await agent.stop();
    await agent.start();
    const again = await eventually('a second hello', () => agent.hellos[1]);
    expect(helloMessageSchema.parse(again)).toMatchObject({ appliedEpoch: 1, appliedGeneration: 1 });
    expect(again).not.toMatchObject({ bootId: helloMessageSchema.parse(agent.hellos[0]).bootId });
  });

  it('follows a nudge, and ignores what is older', async () => {
    await agent.start();
    await put(3);
    await outcome(3);
    await put(2);
    await put(4);
    await outcome(4);
    expect(agent.inForce).toHaveLength(2);
    expect(agent.source?.status()).toMatchObject({ generation: 4, connected: true, standing: 'approved' });
  });

  it('takes a state that comes with a nudge, and reads none then', async () => {
    await agent.start();
    await put(1);
    await outcome(1);
    const { organizationId, agentId } = agent.addressee;
    // Only in the nudge: whoever reads finds the first one.
    fleet.nats.say(subjects.nudge(organizationId, agentId), someState(agent.addressee, 2));
    expect(await outcome(2)).toMatchObject({ outcome: 'applied' });
    fleet.nats.say(subjects.nudge(organizationId, agentId), { generation: 'no state' });
    await put(3);
    expect(await outcome(3)).toMatchObject({ outcome: 'applied' });
    expect(agent.inForce).toHaveLength(3);
  });

  it('reads its state now and then without being told', async () => {
    await agent.start({ timing: { pollIntervalMs: 100 } });
    await put(1, {}, false);
    await outcome(1);
  });

  it('rejects what it cannot be, with the reason', async () => {
    agent.onApply = ({ forwards }) => {
      if (forwards.length === 0) throw new Error('the data plane does not like that');
    };
    await agent.start();
    await put(1);
    await outcome(1);
    await put(2, { forwards: [] });
    expect(await outcome(2)).toMatchObject({
      outcome: 'rejected',
      error: 'the data plane does not like that',
    });
    await put(3, { version: 2 });
    expect(await outcome(3)).toMatchObject({
      outcome: 'rejected',
      error: expect.stringContaining('upgrade'),
    });
    expect(agent.source?.status().generation).toBe(1);
  });

  it('goes back when a state cuts it off, and says so when it is back', async () => {
    await agent.start({ timing: { confirmTimeoutMs: 3000, pollIntervalMs: 200 } });
    await put(1);
    expect(await outcome(1)).toMatchObject({ outcome: 'applied' });
    agent.onApply = async ({ rules }) => {
      if (rules.length === 0) await fleet.nats.server.kill();
      else await fleet.nats.server.restart();
    };
    await put(2, { rules: [] });
    expect(await outcome(2)).toMatchObject({
      outcome: 'reverted',
      error: expect.stringContaining('generation 1'),
    });
    expect(agent.inForce.map(({ rules }) => rules.length)).toEqual([1, 0, 1]);
    expect(agent.source?.status().generation).toBe(1);
  });

  it('connects again after nats-server was killed with -9, and reads what it missed', async () => {
    await agent.start();
    await put(1);
    await outcome(1);
    await put(2, {}, false);
    await fleet.nats.server.kill();
    await eventually('the connection is lost', () => agent.source?.status().connected === false);
    expect(agent.inForce).toHaveLength(1);
    await fleet.nats.server.restart();
    await eventually('the second state', () => agent.source?.status().generation === 2);
  });

  it('works on with its last good state while neither controller nor NATS is there', async () => {
    await agent.start();
    await put(1);
    await outcome(1);
    await agent.stop();
    await fleet.nats.server.kill();
    await fleet.controller.stop();
    agent.inForce.length = 0;
    await agent.start();
    expect(agent.inForce).toHaveLength(1);
    expect(agent.source?.status()).toMatchObject({ generation: 1, connected: false });
    await fleet.restartController();
    await fleet.nats.server.restart();
    await put(2);
    await outcome(2);
  });

  it('tells the last outcome again, for a controller that was away', async () => {
    await agent.start({ timing: { pollIntervalMs: 100 } });
    await put(1);
    const first = await outcome(1);
    await eventually('it is told again', () => agent.outcomes.length > 2);
    expect(agent.outcomes.every((each) => JSON.stringify(each) === JSON.stringify(first))).toBe(true);
    expect(agent.inForce).toHaveLength(1);
  });
});
