import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { subjects } from '@longhaul/contracts';
import { loadEnrollment } from './credential-store.js';
import { eventually } from './testing/eventually.js';
import { TestFleet, type TestAgent } from './testing/running-agent.js';
import { someState } from './testing/states.js';
import { someToken } from './testing/test-controller.js';

describe("an agent's credential", () => {
  let fleet: TestFleet;
  let agent: TestAgent;
  const renewals = () => fleet.controller.requests.filter(({ path }) => path.endsWith('/renew')).length;
  const connected = () => eventually('connected', () => agent.source?.status().connected);
  const takes = async (generation: number) => {
    await fleet.nats.putState(someState(agent.addressee, generation));
    await eventually(`generation ${generation}`, () => agent.source?.status().generation === generation);
  };

  beforeAll(async () => {
    fleet = await TestFleet.start();
  });
  afterAll(() => fleet.stop());
  beforeEach(() => {
    fleet.controller.jwtLifeSeconds = 3600;
    fleet.controller.requests.length = 0;
  });
  afterEach(() => agent.stop());

  it('is renewed at half of its life, stored, and used', async () => {
    // Half of it is what the first hello may take, and what this test does.
    fleet.controller.jwtLifeSeconds = 12;
    agent = await fleet.enroll();
    fleet.controller.jwtLifeSeconds = 3600;
    const issuedAt = async () => {
      const { credential } = await loadEnrollment(agent.stateDir);
      const claims = Buffer.from(credential.natsJwt.split('.')[1] ?? '', 'base64url').toString();
      return (JSON.parse(claims) as { iat: number }).iat;
    };
    const first = await issuedAt();
    await agent.start();
    await eventually('a second hello, by the new credential', () => agent.hellos.length === 2);
    expect(renewals()).toBe(1);
    expect((await issuedAt()) - first).toBeGreaterThanOrEqual(5);
    await takes(1);
  });

  it('is renewed when it has expired while the agent was off', async () => {
    fleet.controller.jwtLifeSeconds = 1;
    agent = await fleet.enroll();
    fleet.controller.jwtLifeSeconds = 3600;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await agent.start();
    await connected();
    expect(renewals()).toBe(1);
  });

  it('is asked for again when NATS refuses it early', async () => {
    agent = await fleet.enroll();
    await agent.start();
    await connected();
    await fleet.nats.revoke(agent.natsPublicKey);
    await eventually('it asks', () => renewals() > 0);
    await fleet.nats.pardon(agent.natsPublicKey);
    await connected();
    await takes(1);
  });

  it('is lost by an agent that was revoked: it says so, keeps its last good state, and does not hammer', async () => {
    agent = await fleet.enroll();
    await agent.start();
    await takes(1);
    fleet.controller.exclude(agent.natsPublicKey);
    await fleet.nats.revoke(agent.natsPublicKey);
    await eventually('it knows', () => agent.source?.status().standing === 'revoked');
    expect(agent.source?.status()).toMatchObject({
      connected: false,
      problem: expect.stringContaining('revoked'),
    });
    expect(agent.inForce).toHaveLength(1);
    const asked = renewals();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(renewals()).toBe(asked);
  });

  it('of an agent that waits for approval lets it say hello and nothing more, until it is approved', async () => {
    const token = someToken();
    fleet.controller.needsApproval.add(token);
    agent = await fleet.enroll(token);
    const { organizationId, agentId } = agent.addressee;
    const said = fleet.nats.listen(subjects.agentPublish(organizationId, agentId));
    await fleet.nats.putState(someState(agent.addressee, 1));
    await agent.start({ timing: { pendingPollMs: 3_600_000 } });
    await eventually('hello', () => agent.hellos.length === 1 && said.length > 0);
    expect(agent.source?.status()).toMatchObject({ standing: 'pending', generation: 0 });
    expect(said).toEqual(agent.hellos);
    fleet.controller.approve(agent.natsPublicKey);
    fleet.nats.connection.publish(subjects.nudge(organizationId, agentId));
    await eventually('the state', () => agent.source?.status().generation === 1);
    await eventually('the outcome', () => agent.outcomes.length === 1);
    expect(agent.source?.status().standing).toBe('approved');
  });

  it('comes with approval also without a nudge', async () => {
    const token = someToken();
    fleet.controller.needsApproval.add(token);
    agent = await fleet.enroll(token);
    await agent.start();
    await connected();
    fleet.controller.approve(agent.natsPublicKey);
    await takes(1);
  });
});
