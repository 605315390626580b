import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { conforms } from '../agents/agent-status.js';
import { createWorkerPool } from '../database/worker-pool.js';
import { EnrollmentRefusals } from '../enrollment/refusals.js';
import { AgentPresence } from '../nats/agent-presence.js';
import { createSeed, publicKeyOf } from '@longhaul/contracts/nkey';
import { ensurePartitions } from '../telemetry/partitions.js';
import { Rollups } from '../telemetry/rollups.js';
import { TelemetryStore } from '../telemetry/telemetry-store.js';
import { AlertWorld, at } from '../testing/alert-world.js';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import { flowRecord, linkRecord, telemetryMessage } from '../testing/telemetry-records.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { connectTestAgent, startTestNats, type TestAgent, type TestNats } from '../testing/test-nats.js';
import { DEFAULT_RULES, ensureDefaultRules } from './default-rules.js';
import { evaluateOrganization } from './evaluation.js';

let database: TestDatabase;
let nats: TestNats;
let fixtures: Fixtures;
let pool: pg.Pool;
let presence: AgentPresence;
let world: AlertWorld;
const agents: TestAgent[] = [];

beforeAll(async () => {
  [database, nats] = await Promise.all([startTestDatabase(), startTestNats()]);
  fixtures = new Fixtures(database.server.superuserUrl);
  pool = createWorkerPool(database.server.workerUrl, 4);
  await ensurePartitions(pool);
  presence = new AgentPresence(nats.service, pool, nats.state.nats.agentsAccount.key);
  presence.start();
});
afterAll(async () => {
  presence.stop();
  await Promise.all(agents.map(({ connection }) => connection.close().catch(() => undefined)));
  await fixtures.close();
  await pool.end();
  await nats.stop();
  await database.stop();
});
beforeEach(async () => {
  world = await AlertWorld.create(database, fixtures, presence);
});

interface Enrolled {
  readonly agentId: string;
  readonly seed: string;
}

const enrol = async (siteId: string): Promise<Enrolled> => {
  const seed = createSeed('user');
  return { agentId: await fixtures.agent(world.organizationId, siteId, publicKeyOf(seed)), seed };
};

const connect = async ({ agentId, seed }: Enrolled): Promise<TestAgent> => {
  const { organizationId } = world;
  const agent = await connectTestAgent(nats, { organizationId, agentId, state: 'approved' }, { seed });
  agents.push(agent);
  await eventually(() => presence.isOnline(organizationId, agentId));
  await fixtures.query('UPDATE agents SET last_seen_at = now() WHERE id = $1', [agentId]);
  return agent;
};

const disconnect = async (agent: TestAgent): Promise<void> => {
  await agent.connection.close();
  await eventually(() => !presence.isOnline(world.organizationId, agent.agentId));
};

const states = async (): Promise<string[]> => (await world.alerts()).map(({ state }) => state);

describe('an agent that is down', () => {
  test('is told of when it has been away for long enough, and again when it is back', async () => {
    const agent = await enrol(await fixtures.site(world.organizationId, 'Ghent'));
    const connected = await connect(agent);
    const ruleId = await world.rule('AGENT_DOWN', { forSeconds: 30, clearForSeconds: 20 });
    const webhookId = await world.webhook(ruleId);
    await world.pass(at(0));
    expect(await states()).toEqual([]);
    await disconnect(connected);
    await world.pass(at(5));
    expect(await states()).toEqual(['PENDING']);
    await world.pass(at(34));
    expect(await states()).toEqual(['PENDING']);
    expect(await world.told()).toEqual([]);
    await world.pass(at(35));
    const [alert] = await world.alerts();
    expect(alert).toMatchObject({
      state: 'FIRING',
      subjectKind: 'AGENT',
      subjectId: agent.agentId,
      summary: 'host at Ghent is not connected to the controller.',
      pendingSince: at(5),
      firingSince: at(35),
    });
    const told = [{ event: 'alert.firing', alertIds: [alert?.id], target: webhookId }];
    expect(await world.told()).toEqual(told);
    await connect(agent);
    await world.pass(at(40));
    await world.pass(at(59));
    expect(await states()).toEqual(['FIRING']);
    await world.pass(at(60));
    expect((await world.alerts())[0]).toMatchObject({
      id: alert?.id,
      state: 'RESOLVED',
      resolution: 'CLEARED',
      resolvedAt: at(60),
    });
    expect(await world.told()).toEqual([
      ...told,
      { event: 'alert.resolved', alertIds: [alert?.id], target: webhookId },
    ]);
    await world.pass(at(65));
    expect(await world.told()).toHaveLength(2);
  });

  test('is none that never came, waits to be approved, or was revoked', async () => {
    const siteId = await fixtures.site(world.organizationId, 'Ghent');
    const [never, pending, revoked] = [await enrol(siteId), await enrol(siteId), await enrol(siteId)];
    await fixtures.query(
      `UPDATE agents SET last_seen_at = CASE WHEN id = $1 THEN NULL ELSE now() END,
         state = CASE id WHEN $2 THEN 'PENDING' WHEN $3 THEN 'REVOKED' ELSE state END
       WHERE organization_id = $4`,
      [never.agentId, pending.agentId, revoked.agentId, world.organizationId],
    );
    await world.rule('AGENT_DOWN');
    await world.pass(at(0));
    expect(await states()).toEqual([]);
  });

  test('that is revoked while its alert fires has it resolved', async () => {
    const { agentId } = await enrol(await fixtures.site(world.organizationId, 'Ghent'));
    await fixtures.query('UPDATE agents SET last_seen_at = now() WHERE id = $1', [agentId]);
    await world.rule('AGENT_DOWN');
    await world.pass(at(0));
    expect(await states()).toEqual(['FIRING']);
    await fixtures.query("UPDATE agents SET state = 'REVOKED' WHERE id = $1", [agentId]);
    await world.pass(at(5));
    expect(await world.alerts()).toEqual([
      expect.objectContaining({ state: 'RESOLVED', resolution: 'GONE' }),
    ]);
  });

  test('is not looked for where nobody can say who is connected, and what fires stays', async () => {
    const { agentId } = await enrol(await fixtures.site(world.organizationId, 'Ghent'));
    await fixtures.query('UPDATE agents SET last_seen_at = now() WHERE id = $1', [agentId]);
    await world.rule('AGENT_DOWN');
    const blind = world.seenBy(undefined);
    await blind.pass(at(0));
    expect(await states()).toEqual([]);
    await world.pass(at(5));
    await blind.pass(at(10));
    expect(await world.alerts()).toEqual([
      expect.objectContaining({ state: 'FIRING', missingSince: at(10) }),
    ]);
  });
});

describe('drift', () => {
  test('is what an agent that is connected has not applied, by the same rule as everywhere', async () => {
    const siteId = await fixtures.site(world.organizationId, 'Ghent');
    const desired = { epoch: 2, generation: 5, revision: 1 };
    const cases = [
      undefined,
      { epoch: 2, generation: 5, outcome: 'APPLIED' },
      { epoch: 2, generation: 5, outcome: 'REJECTED' },
      { epoch: 2, generation: 5, outcome: 'REVERTED' },
      { epoch: 2, generation: 4, outcome: 'APPLIED' },
      { epoch: 1, generation: 5, outcome: 'APPLIED' },
    ] as const;
    const drifting: string[] = [];
    for (const applied of cases) {
      const agent = await enrol(siteId);
      await connect(agent);
      await fixtures.desiredState(world.organizationId, agent.agentId, desired.generation, desired.epoch);
      if (applied !== undefined) {
        await fixtures.query(
          `INSERT INTO agent_applied (organization_id, agent_id, epoch, generation, outcome, boot_id, applied_at)
           VALUES ($1, $2, $3, $4, $5, gen_random_uuid(), now())`,
          [world.organizationId, agent.agentId, applied.epoch, applied.generation, applied.outcome],
        );
      }
      if (!conforms(desired, applied && { ...applied, policyRevision: 1 })) drifting.push(agent.agentId);
    }
    expect(drifting).toHaveLength(5);
    await world.rule('DRIFT');
    await world.pass(at(0));
    const found = (await world.alerts()).map(({ subjectId }) => subjectId);
    expect(found.sort()).toEqual(drifting.sort());
  });

  test('of one that is away says nothing: it cannot know better', async () => {
    const { agentId } = await enrol(await fixtures.site(world.organizationId, 'Ghent'));
    await fixtures.desiredState(world.organizationId, agentId, 1);
    await world.rule('DRIFT');
    await world.pass(at(0));
    expect(await states()).toEqual([]);
  });
});

describe('a link', () => {
  let links: Record<'lossy' | 'clean' | 'idle', string>;
  let hub: string;

  beforeEach(async () => {
    const { organizationId } = world;
    hub = await fixtures.site(organizationId, 'Hub');
    const near = await enrol(hub);
    const store = new TelemetryStore(pool);
    const made: Record<string, string> = {};
    for (const [name, record] of [
      ['lossy', { packetsSent: 1000, packetsLost: 50, smoothedRttMs: 300 }],
      ['clean', { packetsSent: 1000, packetsLost: 1, smoothedRttMs: 20 }],
      ['idle', { packetsSent: 10, packetsLost: 9, smoothedRttMs: null, minRttMs: null }],
    ] as const) {
      const siteId = await fixtures.site(organizationId, name);
      const far = await enrol(siteId);
      const [link] = await fixtures.query<{ id: string }>(
        `INSERT INTO links (organization_id, site_a_id, site_b_id)
         VALUES ($1, least($2::uuid, $3::uuid), greatest($2::uuid, $3::uuid)) RETURNING id`,
        [organizationId, hub, siteId],
      );
      made[name] = link?.id ?? '';
      const atMs = Date.now() - 90_000;
      const ends = [
        { agentId: near.agentId, peer: far.agentId },
        { agentId: far.agentId, peer: near.agentId },
      ];
      await store.store(
        ends.map(({ agentId, peer }, index) =>
          telemetryMessage(
            { organizationId, agentId },
            {
              sequence: Object.keys(made).length * 2 + index,
              links: [linkRecord(peer, { ...record, atMs })],
            },
          ),
        ),
      );
    }
    await new Rollups(pool).run(Date.now() + 60_000);
    links = made as typeof links;
  });

  test('that loses packets is found by what both ends measured; of too few packets nothing is said', async () => {
    await world.rule('LINK_LOSS', { threshold: 2, clearThreshold: 1 });
    await world.pass(new Date());
    expect(await world.alerts()).toEqual([
      expect.objectContaining({
        subjectKind: 'LINK',
        subjectId: links.lossy,
        value: 5,
        summary: expect.stringMatching(/^(Hub – lossy|lossy – Hub) loses 5 % of its packets\.$/),
      }),
    ]);
  });

  test('that is slow is found by its mean round trip', async () => {
    await world.rule('LINK_RTT', { threshold: 250, clearThreshold: 200 });
    await world.pass(new Date());
    expect(await world.alerts()).toEqual([
      expect.objectContaining({ subjectId: links.lossy, value: 300, siteIds: expect.arrayContaining([hub]) }),
    ]);
  });

  test('is in the scope of the sites at both of its ends, and of no other', async () => {
    const siteId = await fixtures.site(world.organizationId, 'Elsewhere');
    await fixtures.query(
      "UPDATE sites SET labels = '{branch}' WHERE organization_id = $1 AND name = 'lossy'",
      [world.organizationId],
    );
    const terms = { threshold: 2, clearThreshold: 1 };
    const rules = [
      await world.rule('LINK_LOSS', { ...terms, siteId: hub }),
      await world.rule('LINK_LOSS', { ...terms, siteLabel: 'branch' }),
      await world.rule('LINK_LOSS', { ...terms, siteId }),
      await world.rule('LINK_LOSS', { ...terms, siteLabel: 'nobody' }),
    ];
    await world.pass(new Date());
    const fired = (await world.alerts()).map(({ ruleId }) => ruleId);
    expect(fired.sort()).toEqual(rules.slice(0, 2).sort());
  });

  test('of which nothing is heard any more keeps its alert, until an hour is over', async () => {
    await world.rule('LINK_LOSS', { threshold: 2, clearThreshold: 1 });
    const begin = new Date();
    const later = (minutes: number): Date => new Date(begin.getTime() + minutes * 60_000);
    await world.pass(begin);
    for (let minutes = 1; minutes < 66; minutes += 1) await world.pass(later(minutes));
    expect((await world.alerts())[0]).toMatchObject({ state: 'RESOLVED', resolution: 'NO_DATA' });
  });
});

test('connections that a rule accelerates and that went straight, or were refused without a tunnel, are counted', async () => {
  const { organizationId } = world;
  const agent = await enrol(await fixtures.site(organizationId, 'Ghent'));
  const { agentId } = agent;
  await fixtures.desiredState(organizationId, agentId, 1);
  const rules = [
    { id: 'fast', action: 'accelerate' },
    { id: 'fast/2', action: 'accelerate' },
    { id: 'straight', action: 'pass' },
    { id: 'never', action: 'deny' },
  ];
  await fixtures.query(
    `UPDATE agent_desired_states SET document = jsonb_set(document, '{rules}', $2) WHERE agent_id = $1`,
    [agentId, JSON.stringify(rules)],
  );
  const flows = [
    ...Array.from({ length: 7 }, () => ({ handling: 'passed', ruleId: 'fast' }) as const),
    ...Array.from({ length: 3 }, () => ({ handling: 'passed', ruleId: 'fast/2' }) as const),
    { handling: 'passed', ruleId: 'forward 0.0.0.0:445' } as const,
    { handling: 'refused', ruleId: 'fast', ended: 'unreachable' } as const,
    // Not these: the policy has it so, or no rule knows of them, or they were accelerated, or it is long ago.
    ...Array.from({ length: 20 }, () => ({ handling: 'passed', ruleId: 'straight' }) as const),
    ...Array.from({ length: 20 }, () => ({ handling: 'refused', ruleId: 'never', ended: 'denied' }) as const),
    ...Array.from({ length: 20 }, () => ({ handling: 'passed', ruleId: null }) as const),
    ...Array.from({ length: 20 }, () => ({ handling: 'accelerated', ruleId: 'fast' }) as const),
    ...Array.from({ length: 20 }, () => ({
      handling: 'passed' as const,
      ruleId: 'fast',
      startedAtMs: Date.now() - 400_000,
    })),
  ];
  const records = flows.map((flow) => flowRecord(null, randomUUID(), flow));
  await new TelemetryStore(pool).store([
    telemetryMessage({ organizationId, agentId }, { sequence: 1, flows: records }),
  ]);
  await world.rule('NO_ACCELERATION', { threshold: 12 });
  await world.rule('NO_ACCELERATION', { threshold: 13 });
  await world.pass(new Date());
  expect(await world.alerts()).toEqual([expect.objectContaining({ subjectId: agentId, value: 12 })]);
  const [later, then] = [301_000, 302_000].map((ms) => new Date(Date.now() + ms)) as [Date, Date];
  await world.pass(later);
  expect(await world.alerts()).toEqual([
    expect.objectContaining({ state: 'FIRING', value: 12, missingSince: later }),
  ]);
  await connect(agent);
  await world.pass(then);
  expect(await states()).toEqual(['RESOLVED']);
});

describe('refused enrolments', () => {
  let refusals: EnrollmentRefusals;
  beforeEach(() => {
    refusals = new EnrollmentRefusals(database.worker);
  });
  const soon = (): Date => new Date(Date.now() + 1000);

  test('of one token are its own alert, at its site', async () => {
    const { organizationId } = world;
    const siteId = await fixtures.site(organizationId, 'Ghent');
    const tokens = [
      await fixtures.token(organizationId, siteId),
      await fixtures.token(organizationId, siteId),
    ];
    const [tried = '', spared = ''] = tokens.map((token) =>
      token.slice('lh_enr_'.length, 'lh_enr_'.length + 12),
    );
    for (let count = 0; count < 10; count += 1) await refusals.note('TOKEN_USED_UP', tried, '192.0.2.7');
    await refusals.note('TOKEN_UNKNOWN', tried, '192.0.2.8');
    await refusals.note('TOKEN_EXPIRED', spared, '192.0.2.7');
    await world.rule('TOKEN_ABUSE', { threshold: 11, clearThreshold: 5, siteId });
    await world.pass(soon());
    expect(await world.alerts()).toEqual([
      expect.objectContaining({
        state: 'FIRING',
        subjectKind: 'ENROLLMENT_TOKEN',
        siteIds: [siteId],
        value: 11,
        summary: expect.stringContaining(
          '11 enrolments were refused in the last 10 minutes: token "test", last from',
        ),
      }),
    ]);
    await world.pass(new Date(Date.now() + 700_000));
    expect(await states()).toEqual(['RESOLVED']);
  });

  test('that no token is known for, and requests that came too soon, are of the organization that runs the controller', async () => {
    const { organizationId } = world;
    await fixtures.query('UPDATE organizations SET is_provider = (id = $1)', [organizationId]);
    const siteId = await fixtures.site(organizationId, 'Ghent');
    for (let count = 0; count < 5; count += 1)
      await refusals.note('TOKEN_UNKNOWN', 'A'.repeat(12), '192.0.2.7');
    for (let count = 0; count < 1000; count += 1) refusals.noteTurnedAway('192.0.2.9');
    await refusals.stop();
    await world.rule('TOKEN_ABUSE', { threshold: 1005 });
    await world.rule('TOKEN_ABUSE', { threshold: 1, siteId });
    await world.pass(soon());
    expect(await world.alerts()).toEqual([
      expect.objectContaining({
        subjectKind: 'ORGANIZATION',
        subjectId: organizationId,
        siteIds: [],
        value: 1005,
        summary: expect.stringContaining('last from 192.0.2.'),
      }),
    ]);
    await fixtures.query('UPDATE organizations SET is_provider = false');
  });
});

describe('of several replicas', () => {
  let ruleId: string;
  beforeEach(async () => {
    const { agentId } = await enrol(await fixtures.site(world.organizationId, 'Ghent'));
    await fixtures.query('UPDATE agents SET last_seen_at = now() WHERE id = $1', [agentId]);
    ruleId = await world.rule('AGENT_DOWN', { emails: ['noc@example.com'] });
  });

  test('one makes each pass, and the others pass by', async () => {
    for (let round = 0; round < 10; round += 1) {
      const made = await Promise.all(Array.from({ length: 4 }, () => world.pass(at(round * 5), 5000)));
      expect(made.filter(Boolean)).toHaveLength(1);
    }
    expect(await states()).toEqual(['FIRING']);
    expect(await world.told()).toHaveLength(1);
  });

  test('one that is killed in the middle of a pass leaves nothing of it, and the next one does it', async () => {
    const killed = database.worker.transaction(async (tx) => {
      await evaluateOrganization(tx, world.organizationId, {
        intervalMs: 5000,
        presence,
        publicUrl: 'https://controller.example',
        now: at(0),
      });
      const inside = await tx.alert.count({ where: { organizationId: world.organizationId } });
      const [backend] = await tx.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      await fixtures.query('SELECT pg_terminate_backend($1)', [backend?.pid]);
      await tx.$queryRaw`SELECT 1`;
      return inside;
    });
    await expect(killed).rejects.toThrow();
    expect(await states()).toEqual([]);
    expect(await world.told()).toEqual([]);
    expect(await world.pass(at(1), 5000)).toBe(true);
    expect(await states()).toEqual(['FIRING']);
    expect(await world.told()).toHaveLength(1);
  });

  test('all go on with what any of them has written down', async () => {
    await world.setRule(ruleId, { forSeconds: 30 });
    await world.pass(at(0));
    const other = world.seenBy(presence);
    await other.pass(at(29));
    expect(await states()).toEqual(['PENDING']);
    await other.pass(at(30));
    expect(await states()).toEqual(['FIRING']);
  });
});

describe('who is told', () => {
  let ruleId: string;
  beforeEach(async () => {
    const { agentId } = await enrol(await fixtures.site(world.organizationId, 'Ghent'));
    await fixtures.query('UPDATE agents SET last_seen_at = now() WHERE id = $1', [agentId]);
    ruleId = await world.rule('AGENT_DOWN', { emails: ['a@example.com', 'b@example.com'] });
  });
  const events = async (): Promise<string[]> =>
    (await world.told()).map(({ event, target }) => `${event.replace('alert.', '')} ${target.charAt(0)}`);
  const set = (data: Record<string, unknown>) =>
    database.worker.prisma.alert.updateMany({ where: { organizationId: world.organizationId }, data });

  test('everybody, once; again and again where the rule says so, until somebody acknowledges it', async () => {
    await world.pass(at(0));
    await world.pass(at(5));
    expect(await events()).toEqual(['firing a', 'firing b']);
    await world.setRule(ruleId, { repeatSeconds: 60, emails: ['a@example.com'] });
    await world.pass(at(59));
    expect(await events()).toHaveLength(2);
    await world.pass(at(60));
    await world.pass(at(119));
    await world.pass(at(120));
    expect((await events()).slice(2)).toEqual(['firing a', 'firing a']);
    await set({ acknowledgedAt: at(121), acknowledgedBy: 'somebody' });
    await world.pass(at(500));
    expect(await events()).toHaveLength(4);
  });

  test('nobody while it is silenced; that it ended is told to those who were told that it began', async () => {
    await world.setRule(ruleId, { silencedUntil: at(60) });
    await world.pass(at(0));
    await world.pass(at(59));
    expect(await states()).toEqual(['FIRING']);
    expect(await events()).toEqual([]);
    await world.pass(at(60));
    expect(await events()).toEqual(['firing a', 'firing b']);
    await set({ silencedUntil: at(1000) });
    await world.setRule(ruleId, { repeatSeconds: 60 });
    await world.pass(at(200));
    expect(await events()).toHaveLength(2);
    await world.setRule(ruleId, { enabled: false });
    await world.pass(at(205));
    expect((await world.alerts())[0]).toMatchObject({ state: 'RESOLVED', resolution: 'RULE_ENDED' });
    expect((await events()).slice(2).sort()).toEqual(['resolved a', 'resolved b']);
  });

  test('nobody of the end of what they were not told of', async () => {
    await world.setRule(ruleId, { silencedUntil: at(1000) });
    await world.pass(at(0));
    await fixtures.query("UPDATE agents SET state = 'REVOKED' WHERE organization_id = $1", [
      world.organizationId,
    ]);
    await world.pass(at(5));
    expect(await states()).toEqual(['RESOLVED']);
    expect(await events()).toEqual([]);
  });

  test('not a webhook that is switched off', async () => {
    const webhookId = await world.webhook(ruleId);
    await fixtures.query('UPDATE webhooks SET enabled = false WHERE id = $1', [webhookId]);
    await world.pass(at(0));
    expect((await world.told()).map(({ target }) => target)).not.toContain(webhookId);
  });

  test('whoever watches: each change is in the outbox once', async () => {
    const changes = () =>
      fixtures.query<{ subject_id: string }>(
        `SELECT subject_id FROM outbox WHERE organization_id = $1 AND topic = 'changed' AND payload ->> 'kind' = 'alert'`,
        [world.organizationId],
      );
    await world.pass(at(0));
    const [alert] = await world.alerts();
    expect(await changes()).toEqual([{ subject_id: alert?.id }]);
    await world.pass(at(5));
    expect(await changes()).toHaveLength(1);
  });
});

test('alerts of a rule that went with its site are over', async () => {
  const { organizationId } = world;
  const siteId = await fixtures.site(organizationId, 'Ghent');
  const { agentId } = await enrol(siteId);
  await fixtures.query('UPDATE agents SET last_seen_at = now() WHERE id = $1', [agentId]);
  await world.rule('AGENT_DOWN', { siteId });
  await world.pass(at(0));
  await fixtures.query('DELETE FROM agents WHERE id = $1', [agentId]);
  await fixtures.query('DELETE FROM sites WHERE id = $1', [siteId]);
  await world.pass(at(5));
  expect(await world.alerts()).toEqual([
    expect.objectContaining({ state: 'RESOLVED', resolution: 'RULE_ENDED', open: null }),
  ]);
});

test('default rules are made once, by whoever comes first', async () => {
  const organizationId = await fixtures.organization();
  const made = await Promise.all(
    Array.from({ length: 4 }, () =>
      database.worker.transaction((tx) => ensureDefaultRules(tx, organizationId)),
    ),
  );
  expect(made.filter(Boolean)).toHaveLength(1);
  const where = { organizationId };
  expect(await database.worker.prisma.alertRule.count({ where })).toBe(DEFAULT_RULES.length);
  await database.tenants.transaction(organizationId, (tx) => tx.alertRule.deleteMany());
  await database.tenants.transaction(organizationId, (tx) => ensureDefaultRules(tx, organizationId));
  expect(await database.worker.prisma.alertRule.count({ where })).toBe(0);
});

describe('ten thousand agents', () => {
  const MANY = 10_000;

  test('that are lost at once are as many alerts in one pass, told of by the hundred, and the next pass writes nothing', async () => {
    const { organizationId } = world;
    await fixtures.query(
      `WITH places AS (INSERT INTO sites (organization_id, name) SELECT $1, 'Site ' || n FROM generate_series(1, $2::int) n RETURNING id)
       INSERT INTO agents (organization_id, site_id, hostname, state, version, nats_public_key, tunnel_public_key, tunnel_port, last_seen_at)
       SELECT $1, id, 'edge', 'APPROVED', '1', 'U' || id, 'K' || id, 4500, now() FROM places`,
      [organizationId, MANY],
    );
    const ruleId = await world.rule('AGENT_DOWN', { emails: ['noc@example.com'] });
    await world.webhook(ruleId);
    await world.pass(at(0));
    const stored = () =>
      fixtures.query<{ alerts: number; versions: string }>(
        `SELECT count(*)::int AS alerts, sum(xmin::text::bigint)::text AS versions FROM alerts
         WHERE organization_id = $1 AND state = 'FIRING'`,
        [organizationId],
      );
    const before = await stored();
    expect(before[0]?.alerts).toBe(MANY);
    const told = await world.told();
    expect(told.filter(({ target }) => target === 'noc@example.com')).toHaveLength(1);
    const posted = told.filter(({ target }) => target !== 'noc@example.com');
    expect(posted).toHaveLength(MANY / 100);
    expect(new Set(posted.flatMap(({ alertIds }) => alertIds)).size).toBe(MANY);
    await world.pass(at(5));
    expect(await stored()).toEqual(before);
    expect(await world.told()).toHaveLength(told.length);
  });
});
