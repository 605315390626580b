import type pg from 'pg';
import { DAY_MS } from './partitions.js';

/** Of one statement. */
const AT_ONCE = 10_000;

/**
 * Deletes connections that are in no day's partition, because they began before the oldest one, and that were not heard of for
 * `days`, besides today; returns how many.
 */
export const deleteOldConnections = async (
  pool: pg.Pool,
  days: number,
  nowMs = Date.now(),
): Promise<number> => {
  const day = new Date(nowMs - days * DAY_MS).toISOString().slice(0, 10);
  let total = 0;
  for (;;) {
    const { rows } = await pool.query<{ count: number }>(
      'SELECT telemetry.delete_old_connections($1, $2) AS count',
      [day, AT_ONCE],
    );
    const count = rows[0]?.count ?? 0;
    total += count;
    if (count < AT_ONCE) return total;
  }
};
