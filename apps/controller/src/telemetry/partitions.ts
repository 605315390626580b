import type pg from 'pg';
import { RESOLUTIONS, type Resolution, type SeriesResolution } from './resolutions.js';

export const DAY_MS = 86_400_000;
/** Telemetry that agents held back for so long is still taken. */
const DAYS_BACK = 2;
/** An agent's clock may be ahead by less than a day; and the midnight job may be late. */
const DAYS_AHEAD = 1;
const SPARE_DAYS_AHEAD = 2;

/** Days for which each kind of telemetry is kept, besides today. */
export interface Retention {
  /** Samples of links and records of flows, as agents sent them. */
  readonly rawDays: number;
  /** The list of connections. */
  readonly flowsDays: number;
  /** Rollups, by the length of their buckets. Of hours, days and weeks whole months are dropped: up to 31 days more are kept. */
  readonly rollupDays: Readonly<Record<SeriesResolution['name'], number>>;
}

export const DEFAULT_RETENTION: Retention = {
  rawDays: 3,
  flowsDays: 30,
  rollupDays: { '1m': 7, '5m': 30, '1h': 90, '1d': 3 * 365 },
};

/** What comes {@link DAYS_BACK} late is computed with all that its bucket has: it has to be there yet. */
export const MIN_RETENTION_DAYS = DAYS_BACK + 1;
const DAYS_OF_WEEK = 7;
/** The same of the rollups of days, which weeks are computed of. */
export const MIN_RETENTION_OF_DAYS = MIN_RETENTION_DAYS + DAYS_OF_WEEK;

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
  for (const [table, days] of tables(retention)) {
    const { rows } = await pool.query<{ count: number }>(
      'SELECT telemetry.drop_partitions($1, $2) AS count',
      [table, dateOf(nowMs - days * DAY_MS)],
    );
    dropped += rows[0]?.count ?? 0;
  }
  return dropped;
};

const tables = ({
  rawDays,
  flowsDays,
  rollupDays,
}: Retention): (readonly [table: string, days: number])[] => [
  ['link_samples', rawDays],
  ['flow_records', rawDays],
  ['flows', flowsDays],
  ...RESOLUTIONS.flatMap((resolution) => {
    const days = rollupDaysOf(resolution, rollupDays);
    return [
      [`tunnel_rollups_${resolution.name}`, days],
      [`rollups_${resolution.name}`, days],
    ] as const;
  }),
];

/** A week that is gone takes none of the days with it that are kept. */
const rollupDaysOf = ({ name }: Resolution, rollupDays: Retention['rollupDays']): number =>
  name === '1w' ? rollupDays['1d'] + DAYS_OF_WEEK : rollupDays[name];
