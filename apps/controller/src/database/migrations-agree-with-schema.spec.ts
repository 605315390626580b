import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diffAgainstSchema } from '../testing/schema-engine.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { migrate, MIGRATIONS_DIR } from './migrate.js';

const SCHEMA_FILE = join(MIGRATIONS_DIR, '../schema.prisma');

let database: TestDatabase;
beforeAll(async () => {
  database = await startTestDatabase();
}, 60_000);
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

test('a second start applies nothing, also when two replicas start at once', async () => {
  const { ownerUrl } = database.server;
  expect(await Promise.all([migrate(ownerUrl), migrate(ownerUrl)])).toEqual([[], []]);
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

  test('a database newer than the release is refused', async () => {
    rmSync(join(directory, '20261124000000_first_light'), { recursive: true });
    await expect(migrate(database.server.ownerUrl, directory)).rejects.toThrow('newer than this release');
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
