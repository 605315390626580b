import type pg from 'pg';

/** What has to be done outside of the database because of something that was decided in it. */
export interface OutboxRow {
  readonly id: string;
  readonly organizationId: string;
  readonly topic: string;
  readonly subjectId: string;
  readonly payload: unknown;
  readonly attempts: number;
}

/** Backs off from a second to five minutes. */
const RETRY_FIRST_S = 1;
const RETRY_MAX_S = 300;

/** Takes the oldest rows that are due, for the length of the transaction; what another replica has taken is passed over. */
export const claimOutbox = async (client: pg.ClientBase, limit: number): Promise<OutboxRow[]> => {
  const { rows } = await client.query<OutboxRow>(
    `SELECT id, organization_id AS "organizationId", topic, subject_id AS "subjectId", payload, attempts
     FROM outbox WHERE due_at <= now() ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED`,
    [limit],
  );
  return rows;
};

export const completeOutbox = async (client: pg.ClientBase, rows: readonly OutboxRow[]): Promise<void> => {
  if (rows.length === 0) return;
  await client.query('DELETE FROM outbox WHERE id = ANY($1::bigint[])', [rows.map(({ id }) => id)]);
};

export const postponeOutbox = async (client: pg.ClientBase, row: OutboxRow, error: string): Promise<void> => {
  const waitSeconds = Math.min(RETRY_FIRST_S * 2 ** row.attempts, RETRY_MAX_S);
  await client.query(
    `UPDATE outbox SET attempts = attempts + 1, last_error = $2, due_at = now() + make_interval(secs => $3)
     WHERE id = $1`,
    [row.id, error.slice(0, 1000), waitSeconds],
  );
};

/** After an outage nothing has to wait for its turn to come. */
export const makeOutboxDue = async (pool: pg.Pool): Promise<void> => {
  await pool.query('UPDATE outbox SET due_at = now() WHERE due_at > now()');
};
