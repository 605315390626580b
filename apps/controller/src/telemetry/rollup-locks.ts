import type pg from 'pg';
import { coarserThan, RESOLUTIONS, type Resolution } from './resolutions.js';

/**
 * Who stores something marks its buckets as dirty, and who computes a bucket takes its mark away. That the two never miss one
 * another, both hold the bucket's advisory lock until they have committed: those who store share it, who computes has it
 * alone. So a mark that is found to be there is not being taken away, and what is read to compute a bucket is all that was
 * marked. Locks belong to transactions: a process that is killed leaves none.
 *
 * Who stores waits for locks of the next coarser resolution only, and who computes waits for none of its own: no circle.
 */
const LOCK_CLASS = 4_812_080;

/** Buckets share so many locks: a batch that was held back for days has thousands of buckets, a server few locks. */
const LOCK_SLOTS = 64;

/** Of a bucket that begins at `$2`; `$1` is its length in seconds. */
const SLOT = (at: string): string =>
  `(floor(extract(epoch FROM ${at}) / $1)::bigint % ${String(LOCK_SLOTS)})::integer`;

const lockClass = (resolution: Resolution): number => LOCK_CLASS + RESOLUTIONS.indexOf(resolution);

/** When a bucket that changes now is to be computed: `$1` its length, `$4` and `$5` as {@link Resolution} has them. */
const DUE_AT = `greatest(now(), least(at + make_interval(secs => $1), now() + make_interval(secs => $4)))
  + make_interval(secs => $5)`;

const SHARE_LOCKS = (resolution: Resolution): string => `
  SELECT pg_advisory_xact_lock_shared(${String(lockClass(resolution))}, slot)
  FROM (SELECT DISTINCT ${SLOT('at')} AS slot FROM unnest($2::timestamptz[]) AS given(at) ORDER BY 1) AS slots`;

const MARK = `
  INSERT INTO telemetry.dirty_buckets (resolution_s, at, organization_id, agent_id, due_at)
  SELECT DISTINCT $1::integer, at, organization_id, agent_id, ${DUE_AT}
  FROM unnest($2::timestamptz[], $3::uuid[], $6::uuid[]) AS given(at, organization_id, agent_id)
  ON CONFLICT DO NOTHING`;

/** A time at which an agent did something. */
export interface Touched {
  readonly organizationId: string;
  readonly agentId: string;
  readonly atMs: number;
}

/** Longer than any timestamp: no refresh before the bucket is over. */
const NEVER_S = 10 * 365 * 86_400;

/** Has the buckets in which something changed computed again. To be called last in the transaction that changed it. */
export const markDirty = async (
  client: pg.ClientBase,
  resolution: Resolution,
  touched: Iterable<Touched>,
): Promise<void> => {
  const { seconds, refreshSeconds, settleSeconds } = resolution;
  const buckets = new Map<string, Touched>();
  let last: Touched | undefined;
  for (const { organizationId, agentId, atMs } of touched) {
    const startMs = Math.floor(atMs / (seconds * 1000)) * seconds * 1000;
    // Mostly another record of the same agent's same minute.
    if (last?.agentId === agentId && last.atMs === startMs && last.organizationId === organizationId)
      continue;
    last = { organizationId, agentId, atMs: startMs };
    const key = `${organizationId} ${agentId} ${String(startMs)}`;
    if (!buckets.has(key)) buckets.set(key, last);
  }
  if (buckets.size === 0) return;
  // In one order, so that two who mark the same do not wait for each other.
  const sorted = [...buckets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, bucket]) => bucket);
  const starts = sorted.map(({ atMs }) => new Date(atMs));
  await client.query(SHARE_LOCKS(resolution), [seconds, starts]);
  await client.query(MARK, [
    seconds,
    starts,
    sorted.map(({ organizationId }) => organizationId),
    Math.min(refreshSeconds, NEVER_S),
    settleSeconds,
    sorted.map(({ agentId }) => agentId),
  ]);
};

/** Marks, in the coarser resolution if there is one, what was computed of a bucket. */
export const markCoarser = async (
  client: pg.ClientBase,
  resolution: Resolution,
  touched: readonly Touched[],
): Promise<void> => {
  const coarser = coarserThan(resolution);
  if (coarser !== undefined) await markDirty(client, coarser, touched);
};

/** Has the bucket alone until the transaction ends, if nobody else has it. */
export const tryLockBucket = async (
  client: pg.ClientBase,
  resolution: Resolution,
  at: Date,
): Promise<boolean> => {
  const { rows } = await client.query<{ locked: boolean }>(
    `SELECT pg_try_advisory_xact_lock(${String(lockClass(resolution))}, ${SLOT('$2::timestamptz')}) AS locked`,
    [resolution.seconds, at],
  );
  return rows[0]?.locked === true;
};
