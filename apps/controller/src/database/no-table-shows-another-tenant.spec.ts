import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly needed: boolean;
  readonly enum_first: string | null;
}

const ours = randomUUID();
const theirs = randomUUID();

let database: TestDatabase;
let superuser: pg.Client;
let app: pg.Client;
let tables: string[];

beforeAll(async () => {
  database = await startTestDatabase();
  superuser = new pg.Client({ connectionString: database.server.superuserUrl });
  app = new pg.Client({ connectionString: database.server.appUrl });
  await Promise.all([superuser.connect(), app.connect()]);
  // Rows without what they point at: it is the tables that are under test, each for itself.
  await superuser.query('SET session_replication_role = replica');
  await superuser.query('SELECT telemetry.ensure_partitions(current_date - 1, current_date + 1)');
  tables = await tenantTables();
  for (const table of tables) for (const owner of [ours, theirs]) await insertRow(table, owner);
});
afterAll(async () => {
  await Promise.all([superuser.end(), app.end()]);
  await database.stop();
});

/** Every table and view, in every schema, that says whose its rows are; partitions are behind their parents. */
const tenantTables = async (): Promise<string[]> => {
  const { rows } = await superuser.query<{ name: string }>(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY 1`);
  return rows.map(({ name }) => name);
};

const columnsOf = async (table: string): Promise<Column[]> =>
  (
    await superuser.query<Column>(
      `SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type, a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' OR a.attname = 'organization_id' AS needed,
              (SELECT enumlabel FROM pg_enum WHERE enumtypid = a.atttypid ORDER BY enumsortorder LIMIT 1) AS enum_first
       FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped`,
      [table],
    )
  ).rows;

/** SQL of some value of a column. */
const someValue = ({ name, type, enum_first: label }: Column, owner: string): string => {
  if (name === 'organization_id') return `'${owner}'`;
  if (label !== null) return `'${label}'`;
  if (type.endsWith('[]')) return "'{}'";
  if (type === 'uuid') return 'gen_random_uuid()';
  if (type === 'text') return 'md5(random()::text)';
  if (type === 'bytea') return "decode(md5(random()::text), 'hex')";
  if (type === 'boolean') return 'false';
  if (type === 'jsonb') return "'{}'";
  if (type === 'inet') return "'192.0.2.1'";
  if (type === 'date' || type.startsWith('timestamp')) return 'now()';
  return '1';
};

/** Constraints between columns are met by chance, such as the order of two ids. */
const insertRow = async (table: string, owner: string): Promise<void> => {
  const columns = (await columnsOf(table)).filter(({ needed }) => needed);
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  for (let attempt = 1; ; attempt += 1) {
    const values = columns.map((column) => someValue(column, owner)).join(', ');
    try {
      await superuser.query(`INSERT INTO ${table} (${names}) VALUES (${values})`);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== '23514' || attempt === 50) throw error;
    }
  }
};

/** What the controller gets to hear of a statement that names nobody, while it serves `ours`. */
const asController = async (
  sql: string,
  values: unknown[] = [],
): Promise<pg.QueryResult<Record<string, unknown>> | 'denied'> => {
  await app.query('BEGIN');
  try {
    await app.query("SELECT set_config('app.organization_id', $1, true)", [ours]);
    return await app.query<Record<string, unknown>>(sql, values);
  } catch (error) {
    // Insufficient privilege, which a refusal by row-level security is too.
    if ((error as { code?: string }).code !== '42501') throw error;
    return 'denied';
  } finally {
    await app.query('ROLLBACK');
  }
};

const ownersOf = async (table: string): Promise<unknown[] | 'denied'> => {
  const answer = await asController(`SELECT DISTINCT organization_id FROM ${table}`);
  return answer === 'denied' ? answer : answer.rows.map((row) => row['organization_id']);
};

test('there are rows of two organizations in every table', async () => {
  expect(tables).toEqual(expect.arrayContaining(['public.sites', 'public.audit_events', 'telemetry.flows']));
  for (const table of tables) {
    const { rows } = await superuser.query<{ organization_id: string }>(
      `SELECT DISTINCT organization_id FROM ${table}`,
    );
    const owners = rows.map((row) => row.organization_id);
    expect([table, owners]).toEqual([table, expect.arrayContaining([ours, theirs])]);
  }
});

test('the one who asks is longhaul_app', async () => {
  const { rows } = await app.query('SELECT current_user::text, session_user::text');
  expect(rows).toEqual([{ current_user: 'longhaul_app', session_user: 'longhaul_app' }]);
});

test('a query without a where shows rows of the own organization only', async () => {
  const shown = await Promise.all([ownersOf('public.sites'), ownersOf('telemetry.flows')]);
  expect(shown).toEqual([[ours], [ours]]);
  for (const table of tables) {
    const owners = await ownersOf(table);
    if (owners !== 'denied') expect([table, owners]).toEqual([table, [ours]]);
  }
});

test('an update or delete without a where touches rows of the own organization only', async () => {
  for (const table of tables) {
    for (const sql of [
      `UPDATE ${table} SET organization_id = organization_id WHERE organization_id = $1`,
      `DELETE FROM ${table} WHERE organization_id = $1`,
    ]) {
      const answer = await asController(sql, [theirs]);
      if (answer !== 'denied') expect([table, answer.rowCount]).toEqual([table, 0]);
    }
  }
});

test('a row of another organization cannot be written', async () => {
  for (const table of tables) {
    const columns = (await columnsOf(table)).filter(({ needed }) => needed);
    const values = columns.map((column) => someValue(column, theirs)).join(', ');
    const names = columns.map(({ name }) => `"${name}"`).join(', ');
    const answer = await asController(`INSERT INTO ${table} (${names}) VALUES (${values})`);
    expect([table, answer]).toEqual([table, 'denied']);
  }
});

test('what is only a partition is not open to the controller past its parent', async () => {
  const { rows } = await superuser.query<{ name: string }>(`
    SELECT inhrelid::regclass::text AS name FROM pg_inherits
    JOIN pg_class parent ON parent.oid = inhparent WHERE parent.relkind = 'p'`);
  expect(rows.length).toBeGreaterThan(5);
  for (const { name } of rows) expect([name, await ownersOf(name)]).toEqual([name, 'denied']);
});

test('a new table that forgets row-level security would be found', async () => {
  await superuser.query('CREATE TABLE public.forgetful (organization_id uuid NOT NULL)');
  await superuser.query('GRANT SELECT ON public.forgetful TO longhaul_app');
  await insertRow('public.forgetful', ours);
  await insertRow('public.forgetful', theirs);
  expect(await tenantTables()).toContain('public.forgetful');
  expect(await ownersOf('public.forgetful')).toEqual(expect.arrayContaining([theirs]));
});
