import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { writeWhole } from '../bootstrap/files.js';
import { BackupError } from './archive.js';

/** What is made again at the next start, or is nats-server's own; and releases, which are not read into the memory. */
const LEFT_OUT = /^(tls|nats\/(resolver|jetstream)|releases)\/|^nats\/nats-server\.conf$|\.(new|pid|log)$/;
/** Without these nothing that the rest says can be believed. */
const NEEDED = ['ca.crt', 'ca.key', 'nats/operator.seed', 'nats/agents-account.seed', 'session.secret'];
/** Longest path and deepest nesting are far below. */
const SAFE_PATH = /^(?!.*\.\.)[A-Za-z0-9_-][A-Za-z0-9._/-]{0,200}$/;

/** Certificates are public, the rest is secret. */
const modeOf = (path: string): 0o600 | 0o644 => (path.endsWith('.crt') ? 0o644 : 0o600);

/** A file of the state folder, by its path below it. */
export interface StateFile {
  readonly path: string;
  readonly content: Buffer;
}

/**
 * What cannot be made again of a controller's state folder: CA, keys of the NATS operator and accounts, the session secret. The files
 * of releases are large: release-parts.ts.
 *
 * @throws BackupError if the folder is not a controller's
 */
export const readStateFiles = (stateDir: string): StateFile[] => {
  const missing = NEEDED.filter((path) => !existsSync(join(stateDir, path)));
  if (missing.length > 0) {
    throw new BackupError(
      `${stateDir} lacks ${missing.join(', ')}: set LONGHAUL_STATE_DIR to the state folder of the controller`,
    );
  }
  return readdirSync(stateDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(stateDir, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !LEFT_OUT.test(path) && SAFE_PATH.test(path))
    .sort()
    .map((path) => ({ path, content: readFileSync(join(stateDir, path)) }));
};

/** @throws BackupError if the folder has other secrets than the backup's */
export const assertNoOtherState = (stateDir: string, files: readonly StateFile[]): void => {
  const other = files.filter(({ path, content }) => {
    if (!SAFE_PATH.test(path)) throw new BackupError(`the backup has a file with the path ${path}`);
    const file = join(stateDir, path);
    return existsSync(file) && !readFileSync(file).equals(content);
  });
  if (other.length === 0) return;
  throw new BackupError(
    `${stateDir} has another ${other.map(({ path }) => path).join(', ')}: name an empty folder in LONGHAUL_STATE_DIR, or give --force to replace what is there`,
  );
};

/**
 * Puts the files in their places. Certificates go: at the next start the restored CA signs new ones.
 *
 * @returns how to put back what was there
 */
export const placeStateFiles = (stateDir: string, files: readonly StateFile[]): (() => void) => {
  const former = files.map(({ path }) => {
    const file = join(stateDir, path);
    return { path, content: existsSync(file) ? readFileSync(file) : undefined };
  });
  const undo = (): void => {
    for (const { path, content } of former) {
      if (content === undefined) rmSync(join(stateDir, path), { force: true });
      else writeWhole(join(stateDir, path), content, modeOf(path));
    }
  };
  try {
    for (const { path, content } of files) writeWhole(join(stateDir, path), content, modeOf(path));
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
};
