import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { FlowRecord, LinkRecord } from '@longhaul/contracts';
import { readMigrations } from '../database/migrations.js';
import { createWorkerPool } from '../database/worker-pool.js';
import { Fixtures } from '../testing/fixtures.js';
import { flowRecord, linkRecord, telemetryMessage } from '../testing/telemetry-records.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { ensurePartitions } from './partitions.js';
import { RESOLUTIONS } from './resolutions.js';
import { METRICS, metricNames } from './rollup-metrics.js';
import { tryLockBucket } from './rollup-locks.js';
import { Rollups } from './rollups.js';
import { TelemetryStore } from './telemetry-store.js';

const DAY_MS = 86_400_000;
/** Yesterday at noon: every bucket is over. */
const noonMs = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2;
/** When everything that is marked is due: the week of {@link noonMs} is over, too. */
const later = (): number => Date.now() + 8 * DAY_MS;

interface Site {
  readonly siteId: string;
  readonly agentId: string;
}

interface Fleet {
  readonly organizationId: string;
  readonly near: Site;
  readonly far: Site;
  readonly linkId: string;
}

let database: TestDatabase;
let pool: pg.Pool;
let fixtures: Fixtures;
let store: TelemetryStore;
let rollups: Rollups;

beforeAll(async () => {
  database = await startTestDatabase();
  pool = createWorkerPool(database.server.workerUrl, 8);
  fixtures = new Fixtures(database.server.superuserUrl);
  await ensurePartitions(pool);
  store = new TelemetryStore(pool);
  rollups = new Rollups(pool);
});
afterAll(async () => {
  await pool.end();
  await fixtures.close();
  await database.stop();
});

const makeFleet = async (): Promise<Fleet> => {
  const organizationId = await fixtures.organization();
  const sites = await Promise.all(
    ['a', 'b'].map(async (name) => {
      const siteId = await fixtures.site(organizationId, name);
      return { siteId, agentId: await fixtures.agent(organizationId, siteId, randomUUID()) };
    }),
  );
  const [near, far] = sites.sort((a, b) => (a.siteId < b.siteId ? -1 : 1)) as [Site, Site];
  const [link] = await fixtures.query<{ id: string }>(
    `INSERT INTO links (organization_id, site_a_id, site_b_id, rate_mbps_a_to_b) VALUES ($1, $2, $3, 50) RETURNING id`,
    [organizationId, near.siteId, far.siteId],
  );
  return { organizationId, near, far, linkId: link?.id ?? '' };
};

let sequence = 0;
const links = (fleet: Fleet, side: 'near' | 'far', records: readonly Partial<LinkRecord>[]) => {
  const [own, peer] = side === 'near' ? [fleet.near, fleet.far] : [fleet.far, fleet.near];
  return telemetryMessage(
    { organizationId: fleet.organizationId, agentId: own.agentId },
    { sequence: (sequence += 1), links: records.map((more) => linkRecord(peer.agentId, more)) },
  );
};
const flows = (fleet: Fleet, records: readonly Partial<FlowRecord>[]) =>
  telemetryMessage(
    { organizationId: fleet.organizationId, agentId: fleet.near.agentId },
    {
      sequence: (sequence += 1),
      flows: records.map((more) =>
        flowRecord(more.handling === undefined ? fleet.far.agentId : null, more.flowId ?? randomUUID(), more),
      ),
    },
  );

type Row = Record<string, unknown>;

/** Rows of one level, of the buckets in their order. */
const rollup = (name: string, level: string, subjectId: string): Promise<Row[]> =>
  fixtures.query(`SELECT * FROM telemetry.rollups_${name} WHERE level = $1 AND subject_id = $2 ORDER BY at`, [
    level,
    subjectId,
  ]);

/** Everything that was rolled up of an organization, as text. */
const everything = async (organizationId: string): Promise<unknown[]> => {
  const tables = RESOLUTIONS.flatMap(({ name }) => [`tunnel_rollups_${name}`, `rollups_${name}`]);
  const rows = await Promise.all(
    tables.map((table) =>
      fixtures.query(
        `SELECT '${table}' AS name, t::text AS row FROM telemetry.${table} t WHERE organization_id = $1 ORDER BY 2`,
        [organizationId],
      ),
    ),
  );
  return rows.flat();
};

/** Sums of the records, and of each resolution of the organization. */
const sums = async (organizationId: string): Promise<Row[]> => {
  const [records] = await fixtures.query(
    `SELECT sum(bytes_sent)::float8 AS sent, sum(packets_lost)::float8 AS lost,
       (SELECT coalesce(sum(bytes_up + bytes_down), 0) FROM telemetry.flow_records f
        WHERE f.organization_id = $1 AND handling = 'accelerated')::float8 AS flows
     FROM telemetry.link_samples WHERE organization_id = $1`,
    [organizationId],
  );
  const levels = await Promise.all(
    RESOLUTIONS.flatMap(({ name }) =>
      ['organization', 'site', 'agent'].map(async (level) => {
        const [sum] = await fixtures.query(
          `SELECT sum(bytes_sent)::float8 AS sent, sum(packets_lost)::float8 AS lost, sum(flow_bytes)::float8 AS flows
           FROM telemetry.rollups_${name} WHERE organization_id = $1 AND level = $2`,
          [organizationId, level],
        );
        return sum ?? {};
      }),
    ),
  );
  return [records ?? {}, ...levels];
};

const expectExact = async (organizationId: string): Promise<void> => {
  const [records, ...levels] = await sums(organizationId);
  expect(Number(records?.['sent'])).toBeGreaterThan(0);
  for (const level of levels) expect(level).toEqual(records);
};

describe('rollups', () => {
  test('are of every agent, link, site and organization, at every resolution', async () => {
    const fleet = await makeFleet();
    const flowId = randomUUID();
    await store.store([
      links(fleet, 'near', [
        { atMs: noonMs + 1000 },
        { atMs: noonMs + 2000, state: 'connecting', smoothedRttMs: 62, minRttMs: null },
        { atMs: noonMs + 61_000, minRttMs: 39 },
      ]),
      links(fleet, 'far', [{ atMs: noonMs + 1000, bytesSent: 250_000 }]),
      flows(fleet, [
        { flowId, atMs: noonMs + 3000, startedAtMs: noonMs, bytesUp: 10_000_000, activeMs: 3000 },
        { flowId, atMs: noonMs + 4000, startedAtMs: noonMs, ended: 'closed', activeMs: 0 },
        { handling: 'passed', atMs: noonMs + 1000, ended: 'closed' },
        { handling: 'refused', atMs: noonMs + 1000, ended: 'refused', bytesUp: 0, bytesDown: 0 },
      ]),
    ]);
    await rollups.run(later());
    const { organizationId, near, linkId } = fleet;
    const [first, second] = await rollup('1m', 'agent', near.agentId);
    expect(first).toMatchObject({
      at: new Date(noonMs),
      covered_ms: 2000,
      up_ms: 1000,
      bytes_sent: '2000000',
      packets_lost: '20',
      rtt_ms_sum: 104,
      rtt_samples: '2',
      min_rtt_ms: 40,
      max_rtt_ms: 62,
      flows_accelerated: '1',
      flows_passed: '1',
      flows_refused: '1',
      flow_bytes: '10000500',
      flow_encoded_bytes: '220',
      passed_bytes: '300',
    });
    // 10 MB at 40 ms and 1 % loss: over TCP some 22 s, here 3.
    expect(Number(first?.['saved_ms'])).toBeGreaterThan(15_000);
    expect(second).toMatchObject({ at: new Date(noonMs + 60_000), bytes_sent: '1000000', min_rtt_ms: 39 });
    for (const name of ['5m', '1h', '1d', '1w']) {
      const [bucket, ...none] = await rollup(name, 'site', near.siteId);
      expect(none).toEqual([]);
      expect(bucket).toMatchObject({ bytes_sent: '3000000', covered_ms: 3000, min_rtt_ms: 39 });
      // From site A to site B, and back: each as its sender counted it.
      const [link] = await rollup(name, 'link', linkId);
      expect(link).toMatchObject({ bytes_sent: '3000000', bytes_received: '250000', packets_sent: '4000' });
      const [all] = await rollup(name, 'organization', organizationId);
      expect(all).toMatchObject({ bytes_sent: '3250000', flow_bytes: '10000500', covered_ms: 3000 });
    }
    await expectExact(organizationId);
  });

  test('stay exact when records come late, twice, or to be computed again', async () => {
    const fleet = await makeFleet();
    const early = links(fleet, 'near', [{ atMs: noonMs + 1000 }, { atMs: noonMs + 3_601_000 }]);
    const late = links(fleet, 'near', [{ atMs: noonMs + 2000, bytesSent: 7 }]);
    await store.store([early]);
    await rollups.run(later());
    await store.store([early, late, early]);
    expect(await rollups.backlog(later())).toBeGreaterThan(0);
    await rollups.run(later());
    expect(await rollups.backlog(later())).toBe(0);
    await expectExact(fleet.organizationId);
    expect(await rollup('1d', 'organization', fleet.organizationId)).toMatchObject([
      { bytes_sent: '2000007' },
    ]);
    const before = await everything(fleet.organizationId);
    await store.store([early, late]);
    await rollups.run(later());
    expect(await everything(fleet.organizationId)).toEqual(before);
  });

  test('take what a peer measured later of the way back', async () => {
    const fleet = await makeFleet();
    const down = { bytesUp: 0, bytesDown: 10_000_000, activeMs: 3000, ended: 'closed' as const };
    await store.store([
      links(fleet, 'near', [{ atMs: noonMs + 1000, packetsLost: 0 }]),
      flows(fleet, [{ atMs: noonMs + 3000, startedAtMs: noonMs, ...down }]),
    ]);
    await rollups.run(later());
    const savedMs = async (): Promise<number> =>
      Number((await rollup('1h', 'organization', fleet.organizationId))[0]?.['saved_ms']);
    const without = await savedMs();
    await store.store([links(fleet, 'far', [{ atMs: noonMs + 1000 }])]);
    await rollups.run(later());
    expect(without).toBeLessThan(2000);
    expect(await savedMs()).toBeGreaterThan(15_000);
  });

  test('have no time saved where all was lost, and what was stored as Infinity is summed again', async () => {
    const fleet = await makeFleet();
    const { organizationId } = fleet;
    const up = { bytesUp: 10_000_000, activeMs: 3000, ended: 'closed' as const };
    await store.store([
      // A loss counts when it is found: more may be lost in a minute than was sent.
      links(fleet, 'near', [
        { atMs: noonMs + 1000, packetsSent: 5, packetsLost: 7 },
        { atMs: noonMs + 61_000 },
      ]),
      flows(fleet, [
        { atMs: noonMs + 3000, startedAtMs: noonMs, ...up },
        { atMs: noonMs + 63_000, startedAtMs: noonMs + 60_000, ...up },
      ]),
    ]);
    await rollups.run(later());
    const [lost, lossy] = await rollup('1m', 'agent', fleet.near.agentId);
    expect(lost).toMatchObject({ flows_accelerated: '1', saved_ms: 0 });
    expect(Number(lossy?.['saved_ms'])).toBeGreaterThan(15_000);

    const right = await everything(organizationId);
    // As the release before stored it, at the resolutions that it had.
    for (const name of ['1m', '5m', '1h', '1d']) {
      for (const table of [`tunnel_rollups_${name}`, `rollups_${name}`]) {
        await fixtures.query(
          `UPDATE telemetry.${table} SET saved_ms = 'Infinity' WHERE organization_id = $1 AND ($2 <> '1m' OR at = $3)`,
          [organizationId, name, new Date(noonMs)],
        );
      }
    }
    const repair = (await readMigrations()).find(({ name }) => name.endsWith('saved_time_is_a_number'));
    const owner = new pg.Client({ connectionString: database.server.ownerUrl });
    await owner.connect();
    await owner.query(repair?.sql ?? '').finally(() => owner.end());
    expect(await everything(organizationId)).toEqual(right);
  });

  test('are computed of everybody, whatever one agent claims, and though one bucket cannot be', async () => {
    const [absurd, sound] = await Promise.all([makeFleet(), makeFleet()]);
    const most = { bytesSent: 9e15, packetsSent: 9e15, packetsLost: 1 };
    const flow = { bytesUp: 9e15, encodedBytesUp: 9e15, activeMs: 1, ended: 'closed' as const };
    const times = Array.from({ length: 1100 }, (_, index) => ({ atMs: noonMs + index }));
    await store.store([
      links(
        absurd,
        'near',
        times.map((time) => ({ ...time, ...most })),
      ),
      flows(
        absurd,
        times.map((time) => ({ ...time, ...flow, startedAtMs: noonMs })),
      ),
      links(
        absurd,
        'far',
        times.slice(0, 2).map((time) => ({ ...time, intervalMs: 1.7e308 })),
      ),
      links(sound, 'near', [{ atMs: noonMs }, { atMs: noonMs + 60_000 }]),
    ]);
    // A bucket that fails for another reason: its sum is beyond all numbers.
    const broken = new Date(noonMs + 6 * 3_600_000);
    const { organizationId, near, far } = await makeFleet();
    await fixtures.query(
      `INSERT INTO telemetry.tunnel_rollups_1m (organization_id, agent_id, peer_agent_id, site_id, at, ${metricNames})
       SELECT $1, $2, $3, $4, $5::timestamptz + n * interval '1 minute',
         ${METRICS.map(([column]) => (column === 'tunnel_ms' ? '1.7e308' : '0')).join(', ')} FROM generate_series(0, 1) AS n`,
      [organizationId, near.agentId, far.agentId, near.siteId, broken],
    );
    await fixtures.query(
      `INSERT INTO telemetry.dirty_buckets SELECT 300, at, organization_id, agent_id, now() FROM telemetry.tunnel_rollups_1m WHERE at = $1`,
      [broken],
    );
    await expect(rollups.run(later())).rejects.toThrow('out of range');
    for (const name of ['1m', '5m', '1h', '1d']) {
      const [row] = await rollup(name, 'organization', absurd.organizationId);
      expect(row).toMatchObject({ bytes_sent: '9000000000000000000', flow_bytes: '9000000000000000000' });
    }
    await expectExact(sound.organizationId);
    await fixtures.query('DELETE FROM telemetry.tunnel_rollups_1m WHERE at >= $1', [broken]);
    await rollups.run(later());
  });

  test('wait for their bucket to be over, and one that is being computed is left to whoever does', async () => {
    const fleet = await makeFleet();
    const nowMs = Date.now();
    await store.store([links(fleet, 'near', [{ atMs: nowMs }])]);
    await rollups.run(nowMs);
    expect(await rollup('1m', 'agent', fleet.near.agentId)).toEqual([]);
    const other = await pool.connect();
    try {
      await other.query('BEGIN');
      const at = new Date(Math.floor(nowMs / 60_000) * 60_000);
      expect(await tryLockBucket(other, RESOLUTIONS[0], at)).toBe(true);
      await rollups.run(later());
      expect(await rollup('1m', 'agent', fleet.near.agentId)).toEqual([]);
    } finally {
      await other.query('ROLLBACK');
      other.release();
    }
    await rollups.run(later());
    expect(await rollup('1m', 'agent', fleet.near.agentId)).toHaveLength(1);
  });

  test('are exact with two workers at work, whose connections are cut, while records come', async () => {
    const fleet = await makeFleet();
    let storing = true;
    const ignoreCuts = async (work: () => Promise<unknown>): Promise<void> => {
      while (storing) await work().catch(() => undefined);
    };
    const cut = (): Promise<unknown> =>
      fixtures.query(
        `SELECT pg_sleep(0.02), pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'longhaul-worker' AND query ~ 'rollups|dirty_buckets' LIMIT 1`,
      );
    const working = [rollups, new Rollups(pool)].map((worker) => ignoreCuts(() => worker.run(later())));
    const cutting = ignoreCuts(cut);
    for (let i = 0; i < 30; i += 1) {
      const atMs = noonMs + (i % 20) * 20_000;
      const batch = [links(fleet, i % 2 ? 'near' : 'far', [{ atMs }]), flows(fleet, [{ atMs, activeMs: 1 }])];
      // As the durable consumer does: the same again until it is stored.
      while (
        !(await store.store(batch).then(
          () => true,
          () => false,
        ))
      );
    }
    storing = false;
    await Promise.all([...working, cutting]);
    await rollups.run(later());
    await expectExact(fleet.organizationId);
    expect((await sums(fleet.organizationId))[0]).toEqual({ sent: 30e6, lost: 300, flows: 30 * 300 });
  });

  test('are shown to their tenant only, also by a query that names nobody', async () => {
    const [ours, theirs] = await Promise.all([makeFleet(), makeFleet()]);
    await store.store([ours, theirs].map((fleet) => links(fleet, 'near', [{ atMs: noonMs }])));
    await rollups.run(later());
    for (const table of ['rollups_1h', 'tunnel_rollups_1d']) {
      const seen = await database.tenants.transaction(ours.organizationId, (tx) =>
        tx.$queryRawUnsafe(`SELECT DISTINCT organization_id FROM telemetry.${table}`),
      );
      expect(seen).toEqual([{ organization_id: ours.organizationId }]);
    }
    await expect(
      database.tenants.transaction(
        ours.organizationId,
        (tx) => tx.$queryRaw`SELECT * FROM telemetry.dirty_buckets`,
      ),
    ).rejects.toThrow(/permission denied/);
  });
});
