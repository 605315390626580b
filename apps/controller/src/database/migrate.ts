import pg from 'pg';
import { grantUpkeep } from './upkeep.js';
import {
  applyMigration,
  ensureHistory,
  MIGRATIONS_DIR,
  MIGRATIONS_LOCK,
  readHistory,
  readMigrations,
  type AppliedMigration,
  type Migration,
} from './migrations.js';
import { noteOfMigration, RELEASE, worksWith } from './release.js';

/**
 * Applies the migrations that the database lacks, each in a transaction of its own, and returns their names. Replicas that
 * start at once do so one after the other. A database that a newer release has migrated is left as it is, if that release
 * says that this one works with it: while an upgrade goes on, replicas of both releases serve, and may be started.
 *
 * @param ownerUrl connects as the role that owns the tables
 * @param release of this program, `major.minor.patch`
 * @throws Error if an applied migration was edited since, or if the database is too new for this release
 */
export const migrate = async (
  ownerUrl: string,
  directory = MIGRATIONS_DIR,
  release = RELEASE,
): Promise<string[]> => {
  const migrations = await readMigrations(directory);
  const client = new pg.Client({ connectionString: ownerUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATIONS_LOCK]);
    return await applyMissing(client, migrations, release);
  } finally {
    await client.end();
  }
};

const applyMissing = async (
  client: pg.Client,
  migrations: readonly Migration[],
  release: string,
): Promise<string[]> => {
  await ensureHistory(client);
  const history = await readHistory(client);
  assertUsable(history, migrations, release);
  const applied = new Set(history.map(({ name }) => name));
  const missing = migrations.filter(({ name }) => !applied.has(name));
  for (const migration of missing) await applyWhole(client, migration);
  await grantUpkeep(client);
  return missing.map(({ name }) => name);
};

const assertUsable = (
  history: readonly AppliedMigration[],
  migrations: readonly Migration[],
  release: string,
): void => {
  const known = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  for (const { name, checksum, logs } of history) {
    const expected = known.get(name);
    if (expected === undefined && !worksWith(logs, release)) {
      throw new Error(
        `The database has the migration ${name}, which is newer than this release: upgrade it.`,
      );
    }
    if (expected !== undefined && expected !== checksum) {
      throw new Error(`The migration ${name} was edited after this database applied it: restore the file.`);
    }
  }
};

const applyWhole = async (client: pg.Client, migration: Migration): Promise<void> => {
  await client.query('BEGIN');
  try {
    await applyMigration(client, migration, noteOfMigration());
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
};
