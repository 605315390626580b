import { randomUUID } from 'node:crypto';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { subjects, TELEMETRY_STREAM, type FlowRecord, type LinkRecord } from '@longhaul/contracts';
import { createWorkerPool } from '../database/worker-pool.js';
import { registry } from '../metrics/metrics.js';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { bootId, flowRecord, linkRecord, telemetryMessage } from '../testing/telemetry-records.js';
import { connectTestAgent, startTestNats, type TestAgent, type TestNats } from '../testing/test-nats.js';
import { KeptAside, MAX_KEPT_ASIDE } from './kept-aside.js';
import { deleteOldConnections } from './old-connections.js';
import { dropExpiredPartitions, ensurePartitions } from './partitions.js';
import { TelemetryQueries } from './telemetry-queries.js';
import { TelemetryStore } from './telemetry-store.js';
import { TelemetryService } from './telemetry.service.js';

const organizationId = randomUUID();
const peerAgentId = randomUUID();

const link = (more: Partial<LinkRecord> = {}): LinkRecord => linkRecord(peerAgentId, more);
const flow = (flowId: string, more: Partial<FlowRecord> = {}): FlowRecord =>
  flowRecord(peerAgentId, flowId, more);

// Real servers are killed and started again, on machines that have other things to do.
describe('telemetry', () => {
  let database: TestDatabase;
  let nats: TestNats;
  let pool: pg.Pool;
  let store: TelemetryStore;
  let fixtures: Fixtures;
  let agent: TestAgent;
  let service: TelemetryService | undefined;
  const queries = new TelemetryQueries();

  beforeAll(async () => {
    [database, nats] = await Promise.all([startTestDatabase(), startTestNats()]);
    pool = createWorkerPool(database.server.workerUrl, 5);
    fixtures = new Fixtures(database.server.superuserUrl);
    await ensurePartitions(pool);
    store = new TelemetryStore(pool);
    agent = await connectTestAgent(
      nats,
      { organizationId, agentId: randomUUID(), state: 'approved' },
      { reconnect: true },
    );
  });

  afterAll(async () => {
    await agent.connection.close();
    await pool.end();
    await fixtures.close();
    await nats.stop();
    await database.stop();
  });

  afterEach(async () => {
    await service?.stop();
    service = undefined;
  });

  const startService = async (): Promise<void> => {
    service = new TelemetryService(nats.service, pool);
    await service.start();
  };

  const message = (
    agentId: string,
    body: Parameters<typeof telemetryMessage>[1],
    organization = organizationId,
  ) => telemetryMessage({ organizationId: organization, agentId }, body);

  const totals = async (agentId: string) => {
    const [links] = await fixtures.query(
      'SELECT count(*)::int AS samples, sum(bytes_sent)::float8 AS sent FROM telemetry.link_samples WHERE agent_id = $1',
      [agentId],
    );
    const [flows] = await fixtures.query(
      'SELECT count(*)::int AS flows, sum(bytes_up)::float8 AS up, max(ended) AS ended FROM telemetry.flows WHERE agent_id = $1',
      [agentId],
    );
    return { ...links, ...flows };
  };

  it('counts a batch once, however often and in whatever company it comes', async () => {
    const agentId = randomUUID();
    const flowId = randomUUID();
    const startedAtMs = Date.now() - 60_000;
    const first = message(agentId, { sequence: 0, flows: [flow(flowId, { startedAtMs })] });
    const last = message(agentId, {
      sequence: 1,
      flows: [flow(flowId, { startedAtMs, ended: 'closed', bytesUp: 7 })],
    });
    const links = message(agentId, { sequence: 0, links: [link(), link({ bytesSent: 5 })] });
    await store.store([first, links]);
    await store.store([first, first, last, links]);
    await Promise.all([store.store([last, first]), store.store([links, last])]);
    expect(await totals(agentId)).toEqual({
      samples: 2,
      sent: 1_000_005,
      flows: 1,
      up: 107,
      ended: 'closed',
    });
    // Another start of the agent counts from nought again.
    await store.store([{ ...first, data: Buffer.from(first.data.toString().replace(bootId, randomUUID())) }]);
    expect(await totals(agentId)).toMatchObject({ flows: 1, up: 207 });
  });

  it('keeps aside what cannot be stored, with the reason, and stores the rest of the batch', async () => {
    const agentId = randomUUID();
    const good = message(agentId, { sequence: 5, links: [link()] });
    const bad = [
      { ...good, data: Buffer.from('not json'), seq: good.seq },
      message(agentId, { sequence: 6, links: [{ ...link(), mtu: 'x' }] }),
      message(agentId, { sequence: 7, links: [link({ atMs: Date.now() + 10 * 86_400_000 })] }),
      message(agentId, { sequence: 8, links: [link({ atMs: Date.now() - 10 * 86_400_000 })] }),
      message(agentId, { sequence: 9, links: [link({ bytesSent: 1e300 })] }),
      message(agentId, { sequence: 10, links: [link({ mtu: 1e12 })] }),
      message(agentId, { sequence: 11, flows: [flow(randomUUID(), { source: 'a\0b' })] }),
    ];
    await store.store([...bad, good]);
    await store.store([...bad, good]);
    expect(await totals(agentId)).toMatchObject({ samples: 1, flows: 0 });
    const poison = await fixtures.query<{ reason: string; body: Buffer }>(
      'SELECT reason, body FROM telemetry.poison WHERE agent_id = $1 ORDER BY stream_sequence',
      [agentId],
    );
    expect(poison.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('not JSON'),
      expect.stringContaining('mtu'),
      expect.stringContaining('clock'),
      expect.stringContaining('clock'),
      expect.stringContaining('too large'),
      expect.stringContaining('out of range'),
      expect.stringContaining('0x00'),
    ]);
    expect(poison[0]?.body.toString()).toBe('not json');
  });

  it('keeps a few messages of an agent aside and says once what is wrong, however many come, and not for ever', async () => {
    const agentId = randomUUID();
    const said: string[] = [];
    Logger.overrideLogger({ log: () => 0, error: () => 0, warn: (text: string) => said.push(text) });
    const ahead = (sequence: number) =>
      message(agentId, { sequence, links: [link({ atMs: Date.now() + 100 * 3_600_000 })] });
    const batch = Array.from({ length: 30 }, (_, sequence) => ahead(sequence));
    await store.store(batch);
    await store.store(batch);
    Logger.overrideLogger(['fatal']);
    expect(said).toEqual([expect.stringMatching(`${agentId} .* 100 h ahead .* NTP`)]);
    const kept = async (): Promise<number> =>
      (await fixtures.query('SELECT 1 FROM telemetry.poison WHERE agent_id = $1', [agentId])).length;
    expect(await kept()).toBe(MAX_KEPT_ASIDE);
    expect(await registry.getSingleMetricAsString('longhaul_telemetry_messages_total')).toMatch(
      /outcome="wrong_clock"\} [6-9]\d/,
    );
    // What a release before kept is too much.
    await fixtures.query(
      `INSERT INTO telemetry.poison (agent_id, subject, stream_sequence, reason, body)
       SELECT $1, 's', n, '', '' FROM generate_series(1, 50) AS n`,
      [agentId],
    );
    const keptAside = new KeptAside(pool);
    expect(await keptAside.prune(Date.now() - 60_000)).toBe(50);
    expect(await kept()).toBe(MAX_KEPT_ASIDE);
    await keptAside.prune(Date.now() + 60_000);
    expect(await kept()).toBe(0);
  });

  it('goes through the stream into the database, over kill -9 of both, without loss or doubles', async () => {
    const { agentId } = agent;
    await startService();
    const js = jetstream(agent.connection);
    /** As an agent does: the same batch again until it is acknowledged. */
    const send = async (sequence: number): Promise<void> => {
      const body = { version: 1, bootId, sequence, links: [link({ bytesSent: 1 })] };
      await eventually(() =>
        js.publish(subjects.linkTelemetry(organizationId, agentId), JSON.stringify(body), { timeout: 500 }),
      );
    };
    for (let sequence = 0; sequence < 20; sequence += 1) await send(sequence);
    await nats.server.kill();
    const duringOutage = Promise.all([20, 21, 22].map(send));
    await nats.server.restart();
    await duringOutage;
    await database.server.kill();
    for (let sequence = 23; sequence < 40; sequence += 1) await send(sequence);
    await database.server.restart();
    await eventually(async () => Number((await totals(agentId))['samples']) >= 40);
    expect(await totals(agentId)).toMatchObject({ samples: 40, sent: 40 });
    await eventually(async () => {
      const manager = await jetstreamManager(await nats.service.agents());
      const consumer = await manager.consumers.info(TELEMETRY_STREAM, 'telemetry-writer');
      return consumer.num_ack_pending === 0 && consumer.num_pending === 0;
    });
  });

  it('takes up, in another replica, what one left unacknowledged', async () => {
    const agentId = randomUUID();
    const js = jetstream(await nats.service.agents());
    const consumer = await js.consumers.get(TELEMETRY_STREAM, 'telemetry-writer');
    await js.publish(
      subjects.linkTelemetry(organizationId, agentId),
      JSON.stringify({ version: 1, bootId, sequence: 1, links: [link({ bytesSent: 9 })] }),
    );
    // One replica stores the batch, and dies before it says so.
    const taken = await consumer.next({ expires: 5_000 });
    if (taken === null) throw new Error('nothing came');
    await store.store([taken]);
    taken.nak();
    await startService();
    await eventually(async () => {
      const manager = await jetstreamManager(await nats.service.agents());
      const info = await manager.consumers.info(TELEMETRY_STREAM, 'telemetry-writer');
      return info.num_ack_pending === 0 && info.num_pending === 0;
    });
    expect(await totals(agentId)).toMatchObject({ samples: 1, sent: 9 });
  });

  it('answers with series, newest samples and connections, of one tenant only', async () => {
    const agentId = randomUUID();
    const other = randomUUID();
    const now = Date.now();
    const samples = [3, 2, 1].map((ago, sequence) =>
      message(agentId, { sequence, links: [link({ atMs: now - ago * 2000, openStreams: ago })] }),
    );
    const flowIds = [randomUUID(), randomUUID(), randomUUID()];
    const flows = flowIds.map((id, index) =>
      message(agentId, {
        sequence: index,
        flows: [flow(id, { startedAtMs: now - 10_000 + index, destinationPort: 440 + index })],
      }),
    );
    const foreign = [
      message(agentId, { sequence: 90, flows: [flow(randomUUID())] }, other),
      message(agentId, { sequence: 91, links: [link()] }, other),
    ];
    await store.store([...samples, ...flows, ...foreign]);
    await database.tenants.transaction(organizationId, async (tx) => {
      const series = await queries.linkSeries(tx, {
        organizationId,
        agentId,
        peerAgentIds: [peerAgentId],
        minutes: 5,
      });
      expect(series).toHaveLength(3);
      expect(series[0]).toMatchObject({
        sentMbps: 8,
        receivedMbps: 4,
        wireSentMbps: 4.8,
        wireReceivedMbps: 2.4,
        rttMs: 42,
        minRttMs: 40,
        lossPct: 1,
        retransmitPct: 1.2,
        openStreams: 3,
      });
      const [latest, ...none] = await queries.latest(tx, organizationId, [agentId]);
      expect(none).toEqual([]);
      expect(latest).toMatchObject({ agentId, peerAgentId, state: 'up', sentMbps: 8, openStreams: 1 });
      const filter = { agentIds: [agentId] };
      const page = await queries.flows(tx, { organizationId, filter, first: 2 });
      expect(page.map(({ flowId }) => flowId)).toEqual([flowIds[2], flowIds[1]]);
      const [, last] = page;
      const rest = await queries.flows(tx, { organizationId, filter, first: 2, after: last });
      expect(rest.map(({ flowId }) => flowId)).toEqual([flowIds[0]]);
      expect(rest[0]).toMatchObject({ bytesUp: 100, encodedBytesDown: 60, handling: 'accelerated' });
      const byPort = await queries.flows(tx, { organizationId, filter: { destinationPort: 441 }, first: 9 });
      expect(byPort.map(({ flowId }) => flowId)).toEqual([flowIds[1]]);
      // Row-level security holds for a query that forgets whose rows it wants.
      const seen = await tx.$queryRaw<{ organization_id: string }[]>`
        SELECT DISTINCT organization_id FROM telemetry.flows`;
      expect(seen).toEqual([{ organization_id: organizationId }]);
    });
    await expect(
      database.tenants.transaction(organizationId, (tx) => tx.$queryRaw`SELECT * FROM telemetry.poison`),
    ).rejects.toThrow(/permission denied/);
  });

  it('deletes connections of before the oldest day once they were not heard of for as long', async () => {
    const agentId = randomUUID();
    const startedAtMs = Date.now() - 100 * 86_400_000;
    await store.store([message(agentId, { sequence: 0, flows: [flow(randomUUID(), { startedAtMs })] })]);
    const flows = async (): Promise<unknown> => (await totals(agentId))['flows'];
    await deleteOldConnections(pool, 30);
    await deleteOldConnections(pool, 30, Date.now() + 30 * 86_400_000);
    expect(await flows()).toBe(1);
    expect(await deleteOldConnections(pool, 30, Date.now() + 31 * 86_400_000)).toBeGreaterThan(0);
    expect(await flows()).toBe(0);
  });

  it('drops days whose time is over, and makes those that are needed', async () => {
    const count = async (): Promise<number> =>
      Number(
        (
          await fixtures.query(
            "SELECT count(*)::int AS n FROM pg_inherits WHERE inhparent = 'telemetry.link_samples'::regclass",
          )
        )[0]?.['n'],
      );
    const retention = { rawDays: 3, flowsDays: 3, rollupDays: { '1m': 3, '5m': 3, '1h': 400, '1d': 400 } };
    const tenDaysOn = Date.now() + 10 * 86_400_000;
    const before = await count();
    // One more where a day has begun since the first of these tests.
    expect([7, 8]).toContain(before);
    await Promise.all([ensurePartitions(pool, tenDaysOn), ensurePartitions(pool, tenDaysOn)]);
    expect(await count()).toBe(before + 7);
    expect(await dropExpiredPartitions(pool, retention)).toBe(0);
    expect(await dropExpiredPartitions(pool, retention, tenDaysOn)).toBe(7 * before);
    expect(await count()).toBe(7);
  });
});
