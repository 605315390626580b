import type pg from 'pg';
import { BackupError } from './archive.js';

/** @throws BackupError while a controller is connected: it would go on with what is replaced */
export const assertNotInUse = async (client: pg.ClientBase): Promise<void> => {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND usename IN ('longhaul_app', 'longhaul_worker')`,
  );
  const count = rows[0]?.count ?? 0;
  if (count === 0) return;
  throw new BackupError(
    `${String(count)} connections of controllers are open to the database: stop every controller first`,
  );
};

/** Whether there is any table of the owner's. */
export const holdsTables = async (client: pg.ClientBase): Promise<boolean> => {
  const { rows } = await client.query(
    `SELECT 1 FROM pg_class c WHERE ${OWN} AND c.relkind IN ('r', 'p') LIMIT 1`,
  );
  return rows.length > 0;
};

const OWN = `c.relnamespace::regnamespace::text IN ('public', 'telemetry')
  AND pg_get_userbyid(c.relowner) = current_user`;

/** Drops what the owner has made in this database; what others have put there stays. */
export const emptyDatabase = async (client: pg.ClientBase): Promise<void> => {
  await client.query(`
    DO $$
    DECLARE
      "name" text;
    BEGIN
      DROP SCHEMA IF EXISTS telemetry CASCADE;
      FOR "name" IN SELECT c.oid::regclass::text FROM pg_class c WHERE ${OWN} AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', "name");
      END LOOP;
      FOR "name" IN SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND pg_get_userbyid(p.proowner) = current_user LOOP
        EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', "name");
      END LOOP;
      FOR "name" IN SELECT t.oid::regtype::text FROM pg_type t
        WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd') AND pg_get_userbyid(t.typowner) = current_user LOOP
        EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', "name");
      END LOOP;
    END $$`);
};

/**
 * Lets the owner write rows of all organizations, and no trigger of ours act on them, while `work` runs; foreign keys are
 * checked. In the transaction that is open: on a failure everything is as it was.
 */
export const withoutSafeguards = async (client: pg.ClientBase, work: () => Promise<void>): Promise<void> => {
  const { rows } = await client.query<{ name: string; forced: boolean }>(`
    SELECT c.oid::regclass::text AS name, c.relforcerowsecurity AS forced FROM pg_class c
    WHERE ${OWN} AND c.relkind IN ('r', 'p') AND NOT c.relispartition`);
  const alter = async (what: (forced: boolean) => string): Promise<void> => {
    for (const { name, forced } of rows) await client.query(`ALTER TABLE ${name} ${what(forced)}`);
  };
  await alter((forced) => (forced ? 'NO FORCE ROW LEVEL SECURITY, ' : '') + 'DISABLE TRIGGER USER');
  await work();
  // Deferred checks would stand in the way of what follows.
  await client.query('SET CONSTRAINTS ALL IMMEDIATE');
  await alter((forced) => (forced ? 'FORCE ROW LEVEL SECURITY, ' : '') + 'ENABLE TRIGGER USER');
};
