import type pg from 'pg';

const DAY_MS = 86_400_000;
/** Telemetry that agents held back for so long is still taken. */
const DAYS_BACK = 2;
/** An agent's clock may be ahead by less than a day; and the midnight job may be late. */
const DAYS_AHEAD = 1;
const SPARE_DAYS_AHEAD = 2;

/** Days that are kept, besides today. */
export interface Retention {
  readonly linkSamplesDays: number;
  readonly flowRecordsDays: number;
  readonly flowsDays: number;
}

export const DEFAULT_RETENTION: Retention = { linkSamplesDays: 3, flowRecordsDays: 3, flowsDays: 30 };

const startOfDay = (atMs: number): number => Math.floor(atMs / DAY_MS) * DAY_MS;
const dateOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

/** Times that have a partition, in Unix milliseconds: from `fromMs` up to but without `untilMs`. */
export const partitionRange = (nowMs = Date.now()): { fromMs: number; untilMs: number } => ({
  fromMs: startOfDay(nowMs - DAYS_BACK * DAY_MS),
  untilMs: startOfDay(nowMs + DAYS_AHEAD * DAY_MS) + DAY_MS,
});

/** Makes the partitions of {@link partitionRange} and some ahead. */
export const ensurePartitions = async (pool: pg.Pool, nowMs = Date.now()): Promise<void> => {
  const { fromMs, untilMs } = partitionRange(nowMs);
  await pool.query('SELECT telemetry.ensure_partitions($1, $2)', [
    dateOf(fromMs),
    dateOf(untilMs + SPARE_DAYS_AHEAD * DAY_MS),
  ]);
};

/** Drops the partitions whose time is over; returns how many. */
export const dropExpiredPartitions = async (
  pool: pg.Pool,
  retention: Retention,
  nowMs = Date.now(),
): Promise<number> => {
  let dropped = 0;
  for (const [table, days] of [
    ['link_samples', retention.linkSamplesDays],
    ['flow_records', retention.flowRecordsDays],
    ['flows', retention.flowsDays],
  ] as const) {
    const { rows } = await pool.query<{ count: number }>(
      'SELECT telemetry.drop_partitions($1, $2) AS count',
      [table, dateOf(nowMs - days * DAY_MS)],
    );
    dropped += rows[0]?.count ?? 0;
  }
  return dropped;
};
