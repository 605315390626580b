import pg from 'pg';

/** Those that were made, by name. */
const pools = new Map<pg.Pool, string>();

/** The pools of this process that are in use, with their names. */
export const openPools = function* (): Iterable<[name: string, pool: pg.Pool]> {
  for (const [pool, name] of pools) {
    if (pool.ended) pools.delete(pool);
    else yield [name, pool];
  }
};

/**
 * A pool whose connections may be lost at any moment (a restart, a kill) without an event that nobody listens to: whoever
 * uses one learns it from the statement that fails, and the pool makes new ones.
 *
 * A connection that is new is handed over before its next user can listen to it, and a server that dies in that moment
 * may have its last message read at once with its first.
 */
export const createConnectionPool = (config: pg.PoolConfig): pg.Pool => {
  const pool = new pg.Pool(config);
  pools.set(pool, config.application_name ?? 'other');
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  return pool;
};
