import type pg from 'pg';
import { createConnectionPool } from './connection-pool.js';

/** Injects the {@link pg.Pool} of {@link createWorkerPool}. */
export const WORKER_POOL = Symbol('worker pool');

const CONNECT_TIMEOUT_MS = 5_000;
/** A statement that takes longer hangs; it is given up and done again. */
const STATEMENT_TIMEOUT_MS = 60_000;

/**
 * Connections as `longhaul_worker` for what has to be written by the thousand: delivery and telemetry. Apart from
 * Prisma's, which binds at most 32,767 values, so that neither waits for the other.
 */
export const createWorkerPool = (connectionString: string, max: number): pg.Pool =>
  createConnectionPool({
    connectionString,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    application_name: 'longhaul-worker',
  });

/** Runs `work` in one transaction; all of it happens, or nothing. */
export const inTransaction = async <T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> => {
  const client = await pool.connect();
  let failure: Error | undefined;
  // Between two statements, a lost connection would otherwise be an uncaught event.
  const onError = (error: Error): void => {
    failure = error;
  };
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    failure ??= error instanceof Error ? error : new Error(String(error));
    await client.query('ROLLBACK').then(
      () => {
        failure = undefined;
      },
      () => undefined,
    );
    throw error;
  } finally {
    client.off('error', onError);
    client.release(failure);
  }
};
