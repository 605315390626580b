import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, parse } from 'node:path';
import { promisify } from 'node:util';
import type { RunAs } from '../bound-process.js';
import { ServiceError } from '../errors.js';

const run = promisify(execFile);

/** PostgreSQL refuses to run as root; this is the system user that Debian's own packages use. */
export const POSTGRES_USER = 'postgres';

const lookUp = async (): Promise<RunAs | undefined> => {
  try {
    const { stdout } = await run('getent', ['passwd', POSTGRES_USER]);
    const [, , uid, gid] = stdout.split(':');
    return { uid: Number(uid), gid: Number(gid) };
  } catch {
    return undefined;
  }
};

/**
 * The user that PostgreSQL has to run as: `postgres` (made if missing) when we are root, ourselves otherwise.
 *
 * @throws ServiceError `TOOL_MISSING` if the user is missing and cannot be made
 */
export const postgresAccount = async (): Promise<RunAs | undefined> => {
  if (process.getuid?.() !== 0) return undefined;
  const existing = await lookUp();
  if (existing) return existing;
  try {
    await run('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/usr/sbin/nologin',
      POSTGRES_USER,
    ]);
  } catch (error) {
    throw new ServiceError(
      'TOOL_MISSING',
      `PostgreSQL does not run as root, and the user "${POSTGRES_USER}" could not be made: useradd --system --user-group ${POSTGRES_USER}`,
      { cause: error },
    );
  }
  const made = await lookUp();
  if (made) return made;
  throw new ServiceError('TOOL_MISSING', `The user "${POSTGRES_USER}" was made but cannot be looked up.`);
};

/** @throws ServiceError `DATA_DIR_UNUSABLE` naming the first folder above `path` that others may not enter */
export const assertEnterable = (path: string): void => {
  for (let folder = path; folder !== parse(folder).root; folder = dirname(folder)) {
    const mode = statSync(folder, { throwIfNoEntry: false })?.mode;
    if (mode !== undefined && (mode & 0o001) === 0) {
      throw new ServiceError(
        'DATA_DIR_UNUSABLE',
        `PostgreSQL runs as the user "${POSTGRES_USER}", who may not enter ${folder}. Keep its data below /var/lib/longhaul.`,
      );
    }
  }
};
