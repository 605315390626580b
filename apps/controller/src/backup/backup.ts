import { createHash } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { BackupSettings } from '../config/settings.js';
import { readHistory } from '../database/migrations.js';
import { RELEASE } from '../database/release.js';
import { readEverything, unreadableTables } from '../database/upkeep.js';
import { BackupError, packArchive, verifyArchive } from './archive.js';
import {
  BACKUP_FORMAT,
  MANIFEST_PART,
  SEAL_PART,
  type BackupPart,
  type BackupTable,
  type Manifest,
} from './manifest.js';
import { releasePaths } from './release-parts.js';
import { readStateFiles, type StateFile } from './state-files.js';
import { readPartitions, readSequences, readTables, selectAll, type StoredTable } from './tables.js';

/** What telemetry's functions that make and drop partitions hold. */
const PARTITIONS_LOCK = 4_812_078;

export interface BackupOptions {
  /** The tar file to be made; none may be there. */
  readonly file: string;
  /** Whether rows of telemetry are taken along; they may be many. */
  readonly telemetry: boolean;
}

/**
 * Writes all that an installation consists of into one tar file (0600), while it runs: the database as it is at one moment, and
 * what cannot be made again of the state folder, releases of the agent included. It is read back and compared before it gets its name.
 *
 * @throws BackupError
 */
export const backup = async (
  { ownerUrl, stateDir }: BackupSettings,
  { file, telemetry }: BackupOptions,
): Promise<Manifest> => {
  if (existsSync(file)) throw new BackupError(`${file} is there already: name another file`);
  const stateFiles = readStateFiles(stateDir);
  const folder = mkdtempSync(join(dirname(file), '.longhaul-backup-'));
  try {
    const spool = new Spool(folder);
    const database = await readDatabase(ownerUrl, telemetry, spool);
    const manifest: Manifest = {
      format: BACKUP_FORMAT,
      createdAt: new Date().toISOString(),
      release: RELEASE,
      telemetry,
      ...database,
      stateFiles: [
        ...(await spoolStateFiles(stateFiles, spool)),
        ...(await spoolReleases(stateDir, releasePaths(stateDir), spool)),
      ],
      parts: spool.parts,
    };
    await seal(folder, manifest, file);
    return manifest;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Parts on their way into the archive, whose headers say how long they are. */
class Spool {
  readonly parts: BackupPart[] = [];

  constructor(private readonly folder: string) {}

  async add(path: string, content: Readable, ...through: Transform[]): Promise<void> {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const hash = createHash('sha256');
    let bytes = 0;
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        bytes += chunk.length;
        done(null, chunk);
      },
    });
    await pipeline([content, ...through, measure, createWriteStream(file, { mode: 0o600 })]);
    this.parts.push({ path, bytes, sha256: hash.digest('hex') });
  }
}

type DatabaseContent = Pick<Manifest, 'migrations' | 'tables' | 'partitions' | 'sequences'>;

const readDatabase = async (ownerUrl: string, telemetry: boolean, spool: Spool): Promise<DatabaseContent> => {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'longhaul-backup' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    // Partitions neither come nor go, and nobody who wants that holds up those who write into the others.
    if (telemetry) await client.query('SELECT pg_advisory_lock_shared($1)', [PARTITIONS_LOCK]);
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await readEverything(client);
    const unreadable = await unreadableTables(client);
    if (unreadable.length > 0) {
      throw new BackupError(
        `the owner may not read ${unreadable.join(', ')}: start a controller of this release once, which sees to that`,
      );
    }
    const tables = (await readTables(client)).filter(({ schema }) => telemetry || schema === 'public');
    const migrations = await readHistory(client);
    const copied: BackupTable[] = [];
    for (const table of tables) copied.push(await copyOut(client, table, spool));
    return {
      migrations: migrations.map(({ name, checksum }) => ({ name, checksum })),
      tables: copied,
      partitions: telemetry ? await readPartitions(client) : [],
      sequences: await readSequences(client),
    };
  } finally {
    await client.end();
  }
};

const copyOut = async (client: pg.Client, table: StoredTable, spool: Spool): Promise<BackupTable> => {
  const part = `tables/${table.schema}.${table.name}.copy.gz`;
  const rows = client.query(copyTo(`COPY (${selectAll(table)}) TO STDOUT`));
  await spool.add(part, rows, createGzip({ level: constants.Z_BEST_SPEED }));
  return { ...table, rows: rows.rowCount, part };
};

const spoolStateFiles = async (
  files: readonly StateFile[],
  spool: Spool,
): Promise<Manifest['stateFiles']> => {
  const placed = files.map(({ path, content }) => ({ path, content, part: `state/${path}` }));
  for (const { part, content } of placed) await spool.add(part, Readable.from([content]));
  return placed.map(({ path, part }) => ({ path, part }));
};

const spoolReleases = async (
  stateDir: string,
  paths: readonly string[],
  spool: Spool,
): Promise<Manifest['stateFiles']> => {
  const placed: Manifest['stateFiles'] = [];
  for (const path of paths) {
    const file = await open(join(stateDir, path)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
    // Removed meanwhile: nobody was to run it.
    if (file === undefined) continue;
    const part = `state/${path}`;
    await spool.add(part, file.createReadStream());
    placed.push({ path, part });
  }
  return placed;
};

const seal = async (folder: string, manifest: Manifest, file: string): Promise<void> => {
  const content = `${JSON.stringify(manifest, undefined, 2)}\n`;
  writeFileSync(join(folder, MANIFEST_PART), content);
  writeFileSync(join(folder, SEAL_PART), `${createHash('sha256').update(content).digest('hex')}\n`);
  const scratch = join(folder, 'backup.tar');
  await packArchive(folder, [MANIFEST_PART, ...manifest.parts.map(({ path }) => path), SEAL_PART], scratch);
  await verifyArchive(scratch);
  renameSync(scratch, file);
};
