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

test('two replicas that start at once migrate once; a second start applies nothing', async () => {
  const { ownerUrl, superuserUrl } = database.server;
  const superuser = new pg.Client({ connectionString: superuserUrl });
  await superuser.connect();
  await superuser.query('CREATE DATABASE twice OWNER longhaul_owner TEMPLATE template0');
  await superuser.end();
  const url = ownerUrl.replace(/\/longhaul$/, '/twice');
  const all = (await readMigrations()).map(({ name }) => name);
  const outcomes = await Promise.all([migrate(url), migrate(url), migrate(url)]);
  expect(outcomes.filter((names) => names.length > 0)).toEqual([all]);
  expect(await migrate(ownerUrl)).toEqual([]);
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
