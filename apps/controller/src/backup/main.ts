import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadBackupSettings } from '../config/settings.js';
import { verifyArchive } from './archive.js';
import { backup } from './backup.js';
import type { Manifest } from './manifest.js';
import { restore } from './restore.js';

const USAGE = `usage: backup backup FILE [--telemetry]   all of the installation into one tar file, while it runs
       backup verify FILE                  reads a backup through and compares its checksums
       backup restore FILE [--force]       into an empty database and state folder, or with --force over what is there
Settings: DATABASE_OWNER_URL, LONGHAUL_STATE_DIR. docs/operations.md says what a backup holds.`;

const fail = (message: string, status: number): never => {
  process.stderr.write(`${message}\n`);
  process.exit(status);
};

const parse = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { telemetry: { type: 'boolean', default: false }, force: { type: 'boolean', default: false } },
    });
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`, 2);
  }
};

const run = async (): Promise<Manifest> => {
  const { values, positionals } = parse();
  const [command, name, ...rest] = positionals;
  if (name === undefined || rest.length > 0) return fail(USAGE, 2);
  const file = resolve(name);
  if (command === 'verify') return verifyArchive(file);
  const settings = loadBackupSettings(process.env);
  if (command === 'backup') return backup(settings, { file, telemetry: values.telemetry });
  if (command === 'restore') return restore(settings, { file, force: values.force });
  return fail(USAGE, 2);
};

/** `node dist/backup/main.js backup|verify|restore FILE` prints, as JSON, what the backup has in it. No secret is printed. */
const summary = ({ createdAt, release, telemetry, migrations, tables, stateFiles }: Manifest): object => ({
  createdAt,
  release,
  telemetry,
  migration: migrations.at(-1)?.name,
  rows: Object.fromEntries(tables.map(({ schema, name, rows }) => [`${schema}.${name}`, rows])),
  stateFiles: stateFiles.map(({ path }) => path),
});

try {
  process.stdout.write(`${JSON.stringify(summary(await run()), undefined, 2)}\n`);
} catch (error) {
  fail(`longhaul backup: ${error instanceof Error ? error.message : String(error)}`, 1);
}
