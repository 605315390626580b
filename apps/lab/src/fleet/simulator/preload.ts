import type pg from 'pg';

/** Sums of one bucket of one tunnel, the columns of a rollup in their order, over `seconds`; different from one subject to the next. */
const figures = (seconds: number): string => {
  const packets = seconds * 500;
  return `
    ${seconds * 1000}, ${seconds * 1000}, ${seconds * 1000},
    ${packets * 1200} + n, ${packets * 300}, ${packets * 900}, ${packets * 250},
    ${packets}, (${packets}::float8 * (n % 1000) / 50000.0)::bigint, (${packets}::float8 * (n % 1000) / 45000.0)::bigint,
    ${seconds} * (20 + n % 80)::float8, ${seconds}, (20 + n % 80)::real, (40 + n % 80)::real, 12,
    ${Math.round(seconds / 10)}, 3, 0, ${packets * 1400}, ${packets * 1000}, 5000, ${seconds * 100}`;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;

const floorTo = (ms: number, stepMs: number): number => Math.floor(ms / stepMs) * stepMs;

/** Buckets of one resolution that begin from `fromMs` to `toMs`, both included, in Unix milliseconds. */
interface Buckets {
  readonly name: '1h' | '1d' | '1w';
  readonly lengthMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A day's hours and the day itself, of each day; and the weeks that are over. What is to come has no buckets. */
const bucketsOf = (days: number, nowMs: number): Buckets[] => {
  const firstMs = floorTo(nowMs - days * DAY_MS, DAY_MS);
  const perDay = Array.from({ length: days + 1 }, (_, day): Buckets[] => {
    const fromMs = firstMs + day * DAY_MS;
    return [
      { name: '1h', lengthMs: HOUR_MS, fromMs, toMs: Math.min(fromMs + DAY_MS - HOUR_MS, nowMs) },
      { name: '1d', lengthMs: DAY_MS, fromMs, toMs: fromMs },
    ];
  });
  const firstWeekMs = floorTo(firstMs + WEEK_MS - 1, WEEK_MS);
  const weeks = { name: '1w', lengthMs: WEEK_MS, fromMs: firstWeekMs, toMs: nowMs - WEEK_MS } as const;
  return [...perDay.flat(), weeks];
};

/**
 * Fills the rollups of the only organization's links and of itself with the given number of days up to now, by the hour, the day
 * and the week, as the controller would have made them of so many agents' telemetry. Those of sites and agents lie elsewhere
 * in every index: the fleet's query does not come by them.
 *
 * @param client a superuser's, of a database in which the fleet has its links
 */
export async function preloadRollups(
  client: pg.Client,
  days: number,
  progress: (text: string) => void,
): Promise<void> {
  await client.query(
    'CREATE TEMPORARY TABLE fleet AS SELECT row_number() OVER (ORDER BY id) AS n, organization_id, id AS link FROM links',
  );
  await client.query(
    'SELECT telemetry.ensure_partitions((now() - make_interval(days => $1))::date, now()::date)',
    [days + 1],
  );
  const all = bucketsOf(days, Date.now());
  for (const [index, buckets] of all.entries()) {
    progress(`rollups of ${buckets.name}, ${String(index + 1)} of ${String(all.length)}`);
    await fill(client, buckets);
  }
  progress('vacuum of the rollups');
  await client.query('VACUUM ANALYZE telemetry.rollups_1h, telemetry.rollups_1d, telemetry.rollups_1w');
  await client.query('DROP TABLE fleet');
}

async function fill(client: pg.Client, { name, lengthMs, fromMs, toMs }: Buckets): Promise<void> {
  await client.query(
    `INSERT INTO telemetry.rollups_${name}
     SELECT organization_id, level, subject_id, at, ${figures(lengthMs / 1000)}
     FROM generate_series($1::timestamptz, $2::timestamptz, make_interval(secs => $3)) AS at
     CROSS JOIN (
       SELECT organization_id, 'link' AS level, link AS subject_id, n FROM fleet
       UNION ALL SELECT organization_id, 'organization', organization_id, 0 FROM fleet WHERE n = 1
     ) AS subjects
     ORDER BY at, level, subject_id`,
    [new Date(fromMs), new Date(toMs), lengthMs / 1000],
  );
}
