import { createGunzip } from 'node:zlib';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { BackupSettings } from '../config/settings.js';
import {
  applyMigration,
  ensureHistory,
  MIGRATIONS_LOCK,
  readMigrations,
  type Migration,
} from '../database/migrations.js';
import { noteOfMigration } from '../database/release.js';
import { grantUpkeep } from '../database/upkeep.js';
import { OUTBOX_TOPICS } from '../outbox/topics.js';
import { BackupError, contentOf, readArchive, verifyArchive } from './archive.js';
import { assertNotInUse, emptyDatabase, holdsTables, withoutSafeguards } from './database-state.js';
import type { Manifest } from './manifest.js';
import { isReleasePath, placeReleases } from './release-parts.js';
import { assertNoOtherState, placeStateFiles, type StateFile } from './state-files.js';
import { copyInto, makePartitions, setSequences } from './tables.js';

/** Epochs count the seconds since then, so that each restore's is above that of every state an agent has seen. */
const EPOCH_ORIGIN = '2026-01-01T00:00:00Z';

export interface RestoreOptions {
  readonly file: string;
  /** Replace what the database and the state folder hold. */
  readonly force: boolean;
}

/**
 * Makes database and state folder what they were at the time of the backup; all of it happens, or nothing. The archive is read
 * through and compared before anything is changed. Migrations that have come since are applied. Every organization gets a new
 * epoch, by which agents take the restored states, whatever they have seen after the backup.
 *
 * @throws BackupError that says what to do
 */
export const restore = async (
  { ownerUrl, stateDir }: BackupSettings,
  { file, force }: RestoreOptions,
): Promise<Manifest> => {
  const manifest = await verifyArchive(file);
  const migrations = splitMigrations(manifest, await readMigrations());
  const stateFiles = await readStateParts(file, manifest);
  if (!force) assertNoOtherState(stateDir, stateFiles);
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'longhaul-restore' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATIONS_LOCK]);
    await assertNotInUse(client);
    if (await holdsTables(client)) {
      if (!force) {
        throw new BackupError(
          'the database is not empty: name an empty one in DATABASE_OWNER_URL, or give --force to replace what it holds',
        );
      }
      await emptyDatabase(client);
    }
    await fill(client, file, manifest, migrations);
    const putBack = await placeFiles(stateDir, file, manifest, stateFiles);
    await client.query('COMMIT').catch((error: unknown) => {
      putBack();
      throw error;
    });
    return manifest;
  } finally {
    await client.end();
  }
};

interface SplitMigrations {
  readonly ofBackup: readonly Migration[];
  readonly since: readonly Migration[];
}

const splitMigrations = (manifest: Manifest, known: readonly Migration[]): SplitMigrations => {
  for (const { name, checksum } of manifest.migrations) {
    if (!known.some((migration) => migration.name === name && migration.checksum === checksum)) {
      throw new BackupError(
        `the backup was made by release ${manifest.release}, whose migration ${name} is not of this one: restore it with that release, then upgrade`,
      );
    }
  }
  const had = new Set(manifest.migrations.map(({ name }) => name));
  return {
    ofBackup: known.filter(({ name }) => had.has(name)),
    since: known.filter(({ name }) => !had.has(name)),
  };
};

const readStateParts = async (file: string, { stateFiles }: Manifest): Promise<StateFile[]> => {
  const paths = new Map(
    stateFiles.filter(({ path }) => !isReleasePath(path)).map(({ path, part }) => [part, path]),
  );
  const files: StateFile[] = [];
  await readArchive(file, async (part, content) => {
    const path = paths.get(part);
    if (path !== undefined) files.push({ path, content: await contentOf(part, content) });
  });
  return files;
};

/** Returns how to put back what was there. */
const placeFiles = async (
  stateDir: string,
  file: string,
  manifest: Manifest,
  stateFiles: readonly StateFile[],
): Promise<() => void> => {
  const takeAway = await placeReleases(stateDir, file, manifest);
  try {
    const putBack = placeStateFiles(stateDir, stateFiles);
    return () => {
      takeAway();
      putBack();
    };
  } catch (error) {
    takeAway();
    throw error;
  }
};

const fill = async (
  client: pg.Client,
  file: string,
  manifest: Manifest,
  { ofBackup, since }: SplitMigrations,
): Promise<void> => {
  await ensureHistory(client);
  for (const migration of ofBackup) await applyMigration(client, migration, noteOfMigration());
  await withoutSafeguards(client, async () => {
    await makePartitions(client, manifest.partitions);
    await copyIn(client, file, manifest);
    await setSequences(client, manifest.sequences);
  });
  for (const migration of since) await applyMigration(client, migration, noteOfMigration());
  await withoutSafeguards(client, () => raiseEpochs(client));
  await grantUpkeep(client);
};

const copyIn = async (client: pg.Client, file: string, { tables }: Manifest): Promise<void> => {
  const byPart = new Map(tables.map((table) => [table.part, table]));
  await readArchive(file, async (part, content) => {
    const table = byPart.get(part);
    if (table === undefined) return;
    const rows = client.query(copyFrom(copyInto(table)));
    await pipeline(content as unknown as NodeJS.ReadableStream, createGunzip(), rows);
    if (rows.rowCount !== table.rows) {
      throw new BackupError(
        `${table.name} has ${String(rows.rowCount)} rows instead of ${String(table.rows)}`,
      );
    }
  });
};

const raiseEpochs = async (client: pg.Client): Promise<void> => {
  await client.query(
    `UPDATE organizations SET desired_state_epoch = greatest(
       desired_state_epoch + 1, extract(epoch FROM now() - $1::timestamptz)::int)`,
    [EPOCH_ORIGIN],
  );
  await client.query(
    `UPDATE agent_desired_states s SET epoch = o.desired_state_epoch, delivered_generation = 0, delivered_at = NULL,
       document = jsonb_set(s.document, '{epoch}', to_jsonb(o.desired_state_epoch))
     FROM organizations o WHERE o.id = s.organization_id`,
  );
  await client.query(
    `INSERT INTO outbox (organization_id, topic, subject_id)
     SELECT organization_id, $1, agent_id FROM agent_desired_states`,
    [OUTBOX_TOPICS.desiredState],
  );
};
