import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';

/** The migrations of this release. */
export const MIGRATIONS_DIR = fileURLToPath(new URL('../../../../prisma/migrations', import.meta.url));

/** Any constant: replicas that start at once migrate one after the other; a restore holds it, too. */
export const MIGRATIONS_LOCK = 4_812_077;

/** Prisma Migrate's own bookkeeping, so that `prisma migrate status` and `deploy` agree with us. */
const HISTORY_TABLE = `
  CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id" varchar(36) PRIMARY KEY NOT NULL,
    "checksum" varchar(64) NOT NULL,
    "finished_at" timestamptz,
    "migration_name" varchar(255) NOT NULL,
    "logs" text,
    "rolled_back_at" timestamptz,
    "started_at" timestamptz NOT NULL DEFAULT now(),
    "applied_steps_count" integer NOT NULL DEFAULT 0
  )`;

export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly checksum: string;
}

/** One that a database has. */
export interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
  /** What was noted when it was applied. */
  readonly logs: string | null;
}

/** In the order in which they are applied. */
export const readMigrations = async (directory = MIGRATIONS_DIR): Promise<Migration[]> => {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const file = await readFile(join(directory, name, 'migration.sql'));
      return { name, sql: file.toString(), checksum: createHash('sha256').update(file).digest('hex') };
    }),
  );
};

/** Makes the table of the history where there is none. */
export const ensureHistory = async (client: pg.ClientBase): Promise<void> => {
  await client.query(HISTORY_TABLE);
};

/** What the database has applied, in that order. */
export const readHistory = async (client: pg.ClientBase): Promise<AppliedMigration[]> => {
  const { rows } = await client.query<AppliedMigration>(
    `SELECT migration_name AS name, checksum, logs FROM "_prisma_migrations"
     WHERE rolled_back_at IS NULL ORDER BY migration_name`,
  );
  return rows;
};

/** Applies one and notes it, in the transaction that is open. @throws Error that names it */
export const applyMigration = async (
  client: pg.ClientBase,
  { name, sql, checksum }: Migration,
  logs: string,
): Promise<void> => {
  try {
    await client.query(sql);
    await client.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, logs, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, $4, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name, logs],
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The migration ${name} failed: ${reason}`, { cause: error });
  }
};
