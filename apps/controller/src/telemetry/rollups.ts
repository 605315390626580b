import type pg from 'pg';
import { isFaultOfData } from '../database/columns.js';
import { inTransaction } from '../database/worker-pool.js';
import { rollupBuckets } from '../metrics/metrics.js';
import { traced } from '../tracing/tracing.js';
import { RESOLUTIONS, type Resolution, type ResolutionName } from './resolutions.js';
import { markCoarser, tryLockBucket, type Touched } from './rollup-locks.js';
import { rollupStatements, type RollupStatements } from './rollup-sql.js';

/** Agents of one transaction: while it lasts nobody stores anything for the bucket. */
const MAX_CLAIM = 500;
/** Buckets that are looked at in one round. */
const MAX_BUCKETS = 500;

interface DirtyBucket {
  readonly resolution: Resolution;
  readonly at: Date;
}

const STATEMENTS = Object.fromEntries(
  RESOLUTIONS.map((resolution) => [resolution.name, rollupStatements(resolution)]),
) as Record<ResolutionName, RollupStatements>;

/** Computes the buckets of telemetry that are marked dirty. Any number of these may work at once; each bucket is computed by one. */
export class Rollups {
  constructor(private readonly pool: pg.Pool) {}

  /**
   * Computes what is due at `nowMs` (Unix milliseconds), the finest first, until nothing is left that nobody else works on. A bucket
   * whose data cannot be computed stays marked, and the others are computed all the same.
   *
   * @returns how many buckets of agents were computed
   * @throws Error of the first bucket that cannot be computed, after the others; or at once if the database is away
   */
  async run(nowMs = Date.now(), signal?: AbortSignal): Promise<number> {
    let total = 0;
    for (;;) {
      let done = 0;
      let fault: Error | undefined;
      for (const bucket of await this.due(nowMs)) {
        if (signal?.aborted === true) return total;
        try {
          done += await traced('telemetry rollup', { 'longhaul.resolution': bucket.resolution.name }, () =>
            inTransaction(this.pool, (client) => this.compute(client, bucket, nowMs)),
          );
        } catch (error) {
          if (!isFaultOfData(error)) throw error;
          fault ??= error;
        }
      }
      total += done;
      if (done > 0) continue;
      if (fault !== undefined) throw fault;
      return total;
    }
  }

  /** Marks that are due at `nowMs` and wait to be computed. */
  async backlog(nowMs = Date.now()): Promise<number> {
    const { rows } = await this.pool.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM telemetry.dirty_buckets WHERE due_at <= $1',
      [new Date(nowMs)],
    );
    return rows[0]?.count ?? 0;
  }

  private async due(nowMs: number): Promise<DirtyBucket[]> {
    const { rows } = await this.pool.query<{ resolution_s: number; at: Date }>(
      `SELECT DISTINCT resolution_s, at FROM telemetry.dirty_buckets WHERE due_at <= $1
       ORDER BY resolution_s, at LIMIT ${String(MAX_BUCKETS)}`,
      [new Date(nowMs)],
    );
    return rows.flatMap(({ resolution_s: seconds, at }) => {
      const resolution = RESOLUTIONS.find((each) => each.seconds === seconds);
      return resolution === undefined ? [] : [{ resolution, at }];
    });
  }

  private async compute(
    client: pg.PoolClient,
    { resolution, at }: DirtyBucket,
    nowMs: number,
  ): Promise<number> {
    if (!(await tryLockBucket(client, resolution, at))) return 0;
    const claimed = await claim(client, resolution, at, nowMs);
    if (claimed.length === 0) return 0;
    const agents = [
      claimed.map(({ organizationId }) => organizationId),
      claimed.map(({ agentId }) => agentId),
    ];
    const { tunnels, levels } = STATEMENTS[resolution.name];
    await client.query(tunnels, [...agents, at, new Date(at.getTime() + resolution.seconds * 1000)]);
    for (const level of levels) await client.query(level, [...agents, at]);
    await markCoarser(client, resolution, claimed);
    rollupBuckets.inc({ resolution: resolution.name }, claimed.length);
    return claimed.length;
  }
}

const claim = async (
  client: pg.PoolClient,
  { seconds }: Resolution,
  at: Date,
  nowMs: number,
): Promise<Touched[]> => {
  const { rows } = await client.query<Omit<Touched, 'atMs'>>(
    `DELETE FROM telemetry.dirty_buckets WHERE resolution_s = $1 AND at = $2 AND due_at <= $3
       AND (organization_id, agent_id) IN (
         SELECT organization_id, agent_id FROM telemetry.dirty_buckets
         WHERE resolution_s = $1 AND at = $2 AND due_at <= $3
         ORDER BY organization_id, agent_id LIMIT ${String(MAX_CLAIM)}
       )
     RETURNING organization_id AS "organizationId", agent_id AS "agentId"`,
    [seconds, at, new Date(nowMs)],
  );
  return rows.map((row) => ({ ...row, atMs: at.getTime() }));
};
