import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { diffAgainstSchema } from '../testing/schema-engine.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { migrate } from './migrate.js';
import { MIGRATIONS_DIR, readMigrations } from './migrations.js';
import { FORMER_RELEASE, RELEASE } from './release.js';
import {
  breakingSchemaChanges,
  readSchema,
  schemaSnapshotSchema,
  type SchemaSnapshot,
} from './schema-snapshot.js';

const SCHEMA_FILE = join(MIGRATIONS_DIR, '../schema.prisma');

let database: TestDatabase;
beforeAll(async () => {
  database = await startTestDatabase();
});
afterAll(() => database.stop());

test('the migrations make exactly the tables that schema.prisma describes', async () => {
  expect(await diffAgainstSchema(database.server.ownerUrl, SCHEMA_FILE)).toContain('empty migration');
});

test('a column that only schema.prisma has would be found', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'longhaul-schema-'));
  const file = join(directory, 'schema.prisma');
  const schema = readFileSync(SCHEMA_FILE, 'utf8');
  writeFileSync(
    file,
    schema.replace('  location          String?', '  location          String?\n  planet String?'),
  );
  expect(await diffAgainstSchema(database.server.ownerUrl, file)).toMatch(
    /ALTER TABLE "sites" ADD COLUMN +"planet" TEXT/,
  );
  rmSync(directory, { recursive: true });
});

/** A client of the database of that name. */
const superuserOf = async (name: string): Promise<pg.Client> => {
  const client = new pg.Client({
    connectionString: database.server.superuserUrl.replace(/\/longhaul$/, `/${name}`),
  });
  await client.connect();
  return client;
};

/** An empty database; gives its owner's URL. */
const createDatabase = async (name: string): Promise<string> => {
  const superuser = await superuserOf('longhaul');
  await superuser.query(`CREATE DATABASE ${name} OWNER longhaul_owner TEMPLATE template0`);
  await superuser.end();
  return database.server.ownerUrl.replace(/\/longhaul$/, `/${name}`);
};

test('two replicas that start at once migrate once; a second start applies nothing', async () => {
  const { ownerUrl } = database.server;
  const url = await createDatabase('twice');
  const all = (await readMigrations()).map(({ name }) => name);
  const outcomes = await Promise.all([migrate(url), migrate(url), migrate(url)]);
  expect(outcomes.filter((names) => names.length > 0)).toEqual([all]);
  expect(await migrate(ownerUrl)).toEqual([]);
});

test('weeks of telemetry that was there are made room for and marked to be computed', async () => {
  const url = await createDatabase('weeks');
  const before = mkdtempSync(join(tmpdir(), 'longhaul-migrations-'));
  cpSync(MIGRATIONS_DIR, before, { recursive: true });
  const names = (await readMigrations()).map(({ name }) => name);
  for (const name of names.slice(names.indexOf('20261129080000_telemetry_weeks'))) {
    rmSync(join(before, name), { recursive: true });
  }
  await migrate(url, before);
  rmSync(before, { recursive: true });
  const client = await superuserOf('weeks');
  await client.query("SELECT telemetry.ensure_partitions('2026-01-02', '2026-01-20')");
  await client.query(
    `INSERT INTO telemetry.tunnel_rollups_1d
     SELECT gen_random_uuid(), agent, gen_random_uuid(), at, gen_random_uuid(), NULL,
       0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0
     FROM unnest(ARRAY['2026-01-02', '2026-01-07', '2026-01-20']::timestamptz[]) AS at,
       unnest(ARRAY['00000000-0000-0000-0000-000000000001']::uuid[]) AS agent`,
  );
  await migrate(url);
  const { rows } = await client.query<{ week: string; due: boolean; partition: string | null }>(
    `SELECT DISTINCT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS week, due_at > at + interval '7 days' AS due,
       to_regclass('telemetry.rollups_1w_' || to_char(at AT TIME ZONE 'UTC', 'YYYYMM') || '01')::text AS partition
     FROM telemetry.dirty_buckets WHERE resolution_s = 604800 ORDER BY 1`,
  );
  await client.end();
  expect(rows).toEqual([
    { week: '2026-01-01', due: true, partition: 'telemetry.rollups_1w_20260101' },
    { week: '2026-01-15', due: true, partition: 'telemetry.rollups_1w_20260101' },
  ]);
});

describe('the release before goes on with this database', () => {
  let released: SchemaSnapshot;
  let current: SchemaSnapshot;
  beforeAll(async () => {
    const client = new pg.Client({ connectionString: database.server.ownerUrl });
    await client.connect();
    current = await readSchema(client, RELEASE);
    await client.end();
    released = schemaSnapshotSchema.parse(
      JSON.parse(readFileSync(join(MIGRATIONS_DIR, '../released-schema.json'), 'utf8')),
    );
  });

  test('no migration takes away what it uses', () => {
    expect(breakingSchemaChanges(released, current)).toEqual([]);
  });

  test.each([
    [
      'a column that goes',
      (s: SchemaSnapshot) => delete columnsOf(s)['location'],
      'column public.sites.location is gone',
    ],
    [
      'a table that goes',
      (s: SchemaSnapshot) => delete s.tables['public.links'],
      'table public.links is gone',
    ],
    [
      'another type',
      (s: SchemaSnapshot) => (columnsOf(s)['name'] = column('integer')),
      'is integer instead of text',
    ],
    [
      'a new column that has to be given',
      (s: SchemaSnapshot) => (columnsOf(s)['planet'] = column('text', true)),
      'new column public.sites.planet',
    ],
    ['a value that goes', (s: SchemaSnapshot) => s.enums['role']?.pop(), 'enum role has no VIEWER'],
    [
      'a unique key that goes',
      (s: SchemaSnapshot) => s.uniqueKeys.splice(0),
      'public.sites (organization_id, name) is gone',
    ],
    [
      'a grant that goes',
      (s: SchemaSnapshot) => s.grants.splice(0),
      'longhaul_worker INSERT telemetry.flows is gone',
    ],
    [
      'a function that goes',
      (s: SchemaSnapshot) => s.functions.splice(0),
      'telemetry.drop_partitions(text,date) is gone',
    ],
  ])('%s would be found', (_what, change, message) => {
    const changed = structuredClone(current);
    change(changed);
    expect(breakingSchemaChanges(released, changed).join('\n')).toContain(message);
  });

  const columnsOf = (snapshot: SchemaSnapshot) => snapshot.tables['public.sites'] ?? {};
  const column = (type: string, required = false) => ({ type, nullable: !required, required });
});

describe('a changed history', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'longhaul-migrations-'));
    cpSync(MIGRATIONS_DIR, directory, { recursive: true });
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  test('an edited migration is refused', async () => {
    const file = join(directory, '20261124000000_first_light/migration.sql');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n-- edited`);
    await expect(migrate(database.server.ownerUrl, directory)).rejects.toThrow('was edited after');
  });

  test('a database newer than the release serves the one before, and is refused by those before that', async () => {
    rmSync(join(directory, '20261124000000_first_light'), { recursive: true });
    const { ownerUrl } = database.server;
    expect(await migrate(ownerUrl, directory, FORMER_RELEASE)).toEqual([]);
    await expect(migrate(ownerUrl, directory, '0.0.9')).rejects.toThrow('newer than this release');
  });

  test('a migration that fails leaves nothing of itself', async () => {
    const name = '20991231000000_broken';
    cpSync(join(directory, '20261124000000_first_light'), join(directory, name), { recursive: true });
    writeFileSync(join(directory, name, 'migration.sql'), 'CREATE TABLE half (id int); SELECT 1 / 0;');
    await expect(migrate(database.server.ownerUrl, directory)).rejects.toThrow(`${name} failed`);
    const [row] = await database.worker.prisma.$queryRaw<{ half: string | null }[]>`
      SELECT to_regclass('public.half')::text AS half`;
    expect(row).toEqual({ half: null });
  });
});
