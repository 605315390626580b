import type pg from 'pg';

/** Name of the policy by which the owner of a table reads it whole, and of the setting that says so. */
const POLICY = 'backup';
const SETTING = 'app.backup';

/**
 * What every table of every migration has for the upkeep of the database: its owner, to whom row-level security applies
 * as well, may read the rows of all organizations in a transaction that says that it is a backup. The worker reads which
 * migrations were applied.
 */
export const grantUpkeep = async (client: pg.ClientBase): Promise<void> => {
  await client.query(`
    DO $$
    DECLARE
      "table" regclass;
    BEGIN
      FOR "table" IN
        SELECT c.oid::regclass FROM pg_class c
        WHERE c.relnamespace::regnamespace::text IN ('public', 'telemetry') AND c.relforcerowsecurity
          AND c.relowner = current_user::text::regrole
          AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = '${POLICY}')
      LOOP
        EXECUTE format(
          'CREATE POLICY ${POLICY} ON %s FOR SELECT TO CURRENT_USER USING (current_setting(''${SETTING}'', true) = ''on'')',
          "table"
        );
      END LOOP;
      IF NOT has_table_privilege('longhaul_worker', '"_prisma_migrations"', 'SELECT') THEN
        GRANT SELECT ON "_prisma_migrations" TO longhaul_worker;
      END IF;
    END $$`);
};

/** Makes the rest of the transaction see the rows of all organizations. */
export const readEverything = async (client: pg.ClientBase): Promise<void> => {
  await client.query('SELECT set_config($1, $2, true)', [SETTING, 'on']);
};

/** Tables of which a transaction sees no row, or not all, even after {@link readEverything}. */
export const unreadableTables = async (client: pg.ClientBase): Promise<string[]> => {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c
     WHERE c.relnamespace::regnamespace::text IN ('public', 'telemetry') AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition AND row_security_active(c.oid)
       AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = $1)`,
    [POLICY],
  );
  return rows.map(({ name }) => name);
};
