import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appliedMessageSchema, type AppliedMessage, type DesiredState } from '@longhaul/contracts';
import { pino } from 'pino';
import { LastGoodState } from './last-good-state.js';
import { Reconciler, type ReconcilerOptions } from './reconciler.js';
import { someState } from './testing/states.js';

describe('going from one desired state to the next', () => {
  const addressee = { organizationId: randomUUID(), agentId: randomUUID() };
  let dir: string;
  let nowMs: number;
  /** Generations in the order in which they were put in force; 0: none. */
  let inForce: number[];
  let refuse: (state: DesiredState | null) => string | undefined;
  let confirm: ReconcilerOptions['confirm'];
  let reports: AppliedMessage[];

  const reconciler = (over: Partial<ReconcilerOptions> = {}) =>
    new Reconciler({
      addressee,
      bootId: randomUUID(),
      target: {
        apply: (state) => {
          const reason = refuse(state);
          if (reason !== undefined) return Promise.reject(new Error(reason));
          inForce.push(state?.generation ?? 0);
          return Promise.resolve();
        },
      },
      store: new LastGoodState(dir, addressee),
      confirm: (signal) => confirm(signal),
      report: (outcome) => reports.push(appliedMessageSchema.parse(outcome)),
      log: pino({ level: 'silent' }),
      nowMs: () => nowMs,
      confirmTimeoutMs: 30,
      ...over,
    });
  const document = (generation: number, over: Partial<DesiredState> = {}) =>
    Buffer.from(JSON.stringify(someState(addressee, generation, over)));
  const neverConfirmed = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(new Error('cut off'))));

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'longhaul-reconciler-'));
    nowMs = 1_000_000;
    inForce = [];
    reports = [];
    refuse = () => undefined;
    confirm = () => Promise.resolve();
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('goes forward only: by generation within an epoch, by epoch before all', async () => {
    const agent = reconciler();
    expect(await agent.offer(document(5))).toBe('applied');
    expect(await agent.offer(document(5))).toBe('ignored');
    expect(await agent.offer(document(4))).toBe('ignored');
    expect(await agent.offer(document(7))).toBe('applied');
    expect(await agent.offer(document(1, { epoch: 2 }))).toBe('applied');
    expect(await agent.offer(document(8, { epoch: 1 }))).toBe('ignored');
    expect(await agent.offer(document(2, { epoch: 2 }))).toBe('applied');
    expect(inForce).toEqual([5, 7, 1, 2]);
    expect(reports.map(({ epoch, generation }) => [epoch, generation])).toEqual([
      [1, 5],
      [1, 7],
      [2, 1],
      [2, 2],
    ]);
    expect(agent.position).toMatchObject({ epoch: 2, generation: 2 });
  });

  it('begins with the last good state, and does not take the same or a lower one after it', async () => {
    await reconciler().offer(document(5));
    const restarted = reconciler();
    await restarted.start();
    expect(inForce).toEqual([5, 5]);
    expect(await restarted.offer(document(5))).toBe('ignored');
    expect(await restarted.offer(document(4))).toBe('ignored');
    expect(await restarted.offer(document(6))).toBe('applied');
  });

  it('starts with nothing when the stored state cannot be put in force, and takes it again from the controller', async () => {
    await reconciler().offer(document(5));
    refuse = () => 'the port is taken';
    const restarted = reconciler();
    await restarted.start();
    expect(restarted.position).toEqual({ epoch: 0, generation: 0 });
    refuse = () => undefined;
    expect(await restarted.offer(document(5))).toBe('applied');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a newer version', { version: 2, invented: true }, 'upgrade the agent'],
    ['a field that is missing', { tunnelPort: undefined }, 'tunnelPort'],
    ['another agent', { agentId: randomUUID() }, 'another agent'],
    [
      'a peer that is not there',
      { allow: [{ peerAgentId: randomUUID(), prefixes: ['::/0'], ports: [{ from: 1, to: 2 }] }] },
      'not among the peers',
    ],
    [
      'a rule with nobody to accelerate to',
      { rules: [{ ...someState(addressee, 1).rules[0], peerAgentId: undefined }] },
      'names no peer',
    ],
    [
      'a fixed rate without a rate',
      { peers: [{ ...someState(addressee, 1).peers[0], profile: 'fixed' }] },
      'no rate',
    ],
    ['a peer twice', { peers: [1, 2].map(() => someState(addressee, 1).peers[0]) }, 'twice'],
    [
      'two forwards at one place',
      { forwards: [1, 2].map(() => someState(addressee, 1).forwards[0]) },
      'same place',
    ],
  ])('rejects %s, says why, and stays as it is', async (_, over, reason) => {
    const agent = reconciler();
    await agent.offer(document(1));
    expect(await agent.offer(document(2, over))).toBe('rejected');
    expect(reports.at(-1)).toMatchObject({
      generation: 2,
      outcome: 'rejected',
      error: expect.stringContaining(reason),
    });
    expect(inForce).toEqual([1]);
    expect(await agent.offer(document(2))).toBe('ignored');
    expect(await agent.offer(document(3))).toBe('applied');
  });

  it('ignores what is not a state at all', async () => {
    const agent = reconciler();
    expect(await agent.offer(Buffer.from('{"version":'))).toBe('ignored');
    expect(await agent.offer(Buffer.from('[]'))).toBe('ignored');
    expect(reports).toEqual([]);
  });

  it('reports what the data plane will not be', async () => {
    const agent = reconciler();
    refuse = (state) => (state?.generation === 2 ? 'port 9000 is taken' : undefined);
    await agent.offer(document(1));
    expect(await agent.offer(document(2))).toBe('rejected');
    expect(reports.at(-1)).toMatchObject({ outcome: 'rejected', error: 'port 9000 is taken' });
    expect(agent.position).toMatchObject({ generation: 1 });
    expect(await new LastGoodState(dir, addressee).load()).toMatchObject({ generation: 1 });
  });

  it('goes back when a state cannot be confirmed, says so, and does not store it', async () => {
    const agent = reconciler();
    await agent.offer(document(1));
    confirm = neverConfirmed;
    expect(await agent.offer(document(2))).toBe('reverted');
    expect(inForce).toEqual([1, 2, 1]);
    expect(reports.at(-1)).toMatchObject({
      generation: 2,
      outcome: 'reverted',
      error: expect.stringMatching(/cut off.*generation 1/),
    });
    expect(await new LastGoodState(dir, addressee).load()).toMatchObject({ generation: 1 });
  });

  it('goes back to nothing when the first state ever cannot be confirmed', async () => {
    confirm = neverConfirmed;
    expect(await reconciler().offer(document(1))).toBe('reverted');
    expect(inForce).toEqual([1, 0]);
  });

  it('tries a state that was reverted once more, but not soon', async () => {
    const agent = reconciler({ revertedRetryMs: 1000 });
    confirm = neverConfirmed;
    await agent.offer(document(1));
    confirm = () => Promise.resolve();
    nowMs += 999;
    expect(await agent.offer(document(1))).toBe('ignored');
    nowMs += 1;
    expect(await agent.offer(document(1))).toBe('applied');
    nowMs += 10_000;
    expect(await agent.offer(document(1))).toBe('ignored');
  });

  it('lets a newer state end the trial of an older one at once', async () => {
    const agent = reconciler({ confirmTimeoutMs: 3_600_000 });
    confirm = neverConfirmed;
    const second = agent.offer(document(2));
    await new Promise((resolve) => setImmediate(resolve));
    confirm = () => Promise.resolve();
    const [third, fourth] = [agent.offer(document(3)), agent.offer(document(4))];
    expect(await Promise.all([second, third, fourth])).toEqual(['superseded', 'superseded', 'applied']);
    expect(inForce).toEqual([2, 4]);
    expect(reports.map(({ generation }) => generation)).toEqual([4]);
  });

  it('does not stay in a state on trial when the one that ended the trial is refused', async () => {
    const agent = reconciler({ confirmTimeoutMs: 3_600_000 });
    await agent.offer(document(1));
    confirm = neverConfirmed;
    refuse = (state) => (state?.generation === 3 ? 'no' : undefined);
    const second = agent.offer(document(2));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await agent.offer(document(3))).toBe('rejected');
    expect(await second).toBe('superseded');
    expect(inForce).toEqual([1, 2, 1]);
  });

  it('keeps a state that cannot be stored in force, and warns', async () => {
    await writeFile(join(dir, 'no-directory'), '');
    const agent = reconciler({ store: new LastGoodState(join(dir, 'no-directory'), addressee) });
    expect(await agent.offer(document(1))).toBe('applied');
    expect(reports.at(-1)).toMatchObject({
      outcome: 'applied',
      error: expect.stringContaining('not stored'),
    });
  });
});
