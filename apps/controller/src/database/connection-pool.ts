import pg from 'pg';

/**
 * A pool whose connections may be lost at any moment (a restart, a kill) without an event that nobody listens to: whoever
 * uses one learns it from the statement that fails, and the pool makes new ones.
 *
 * A connection that is new is handed over before its next user can listen to it, and a server that dies in that moment
 * may have its last message read at once with its first.
 */
export const createConnectionPool = (config: pg.PoolConfig): pg.Pool => {
  const pool = new pg.Pool(config);
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  return pool;
};
