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

/**
 * Fills the rollups of the only organization's links and of itself with the given number of days up to now, by the hour and by the
 * day, as the controller would have made them of so many agents' telemetry. Those of sites and agents lie elsewhere in every
 * index: the fleet's query does not come by them.
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
  for (const [name, step, seconds] of [
    ['1h', '1 hour', 3600],
    ['1d', '1 day', 86_400],
  ] as const) {
    for (let day = days; day >= 0; day -= 1) {
      progress(`rollups of ${name}, ${String(days - day + 1)} of ${String(days + 1)} days`);
      await fillDay(client, { name, step, seconds, daysAgo: day });
    }
  }
  progress('vacuum of the rollups');
  await client.query('VACUUM ANALYZE telemetry.rollups_1h, telemetry.rollups_1d');
  await client.query('DROP TABLE fleet');
}

async function fillDay(
  client: pg.Client,
  { name, step, seconds, daysAgo }: { name: string; step: string; seconds: number; daysAgo: number },
): Promise<void> {
  await client.query(
    `INSERT INTO telemetry.rollups_${name}
     SELECT organization_id, level, subject_id, at, ${figures(seconds)}
     FROM (
       SELECT generate_series(d, least(d + interval '1 day' - interval '${step}', now()), interval '${step}') AS at
       FROM date_trunc('day', now() - make_interval(days => $1), 'UTC') AS d
     ) AS buckets
     CROSS JOIN (
       SELECT organization_id, 'link' AS level, link AS subject_id, n FROM fleet
       UNION ALL SELECT organization_id, 'organization', organization_id, 0 FROM fleet WHERE n = 1
     ) AS subjects
     ORDER BY at, level, subject_id`,
    [daysAgo],
  );
}
