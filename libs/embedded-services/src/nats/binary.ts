import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ServiceError } from '../errors.js';

const run = promisify(execFile);
const PROGRAM = 'nats-server';
const PREFIX = `${PROGRAM}-`;

const onPath = (path: string): string | undefined =>
  path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, PROGRAM))
    .find((file) => existsSync(file));

/** The newest program that an earlier start unpacked. */
const unpackedBefore = (installDir: string): string | undefined =>
  readdirSync(installDir)
    .filter((name) => name.startsWith(PREFIX) && !name.includes('.partial-'))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => join(installDir, name, PROGRAM))
    .filter((file) => existsSync(file))
    .at(-1);

/** Fetches Debian's package without installing it and unpacks the one program. */
const unpackDebian = async (installDir: string): Promise<string> => {
  const scratch = await mkdtemp(join(installDir, `${PREFIX}.partial-`));
  // apt drops to the user _apt for the download, and warns where that one cannot write.
  await chmod(scratch, 0o777);
  try {
    await download(scratch);
    const archive = (await readdir(scratch)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error('apt-get fetched no package');
    const tree = join(scratch, 'tree');
    await run('dpkg-deb', ['-x', join(scratch, archive), tree]);
    const version = decodeURIComponent(archive.split('_')[1] ?? 'unknown');
    return await place(join(tree, 'usr', 'sbin', PROGRAM), join(installDir, `${PREFIX}${version}`));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

const download = async (cwd: string): Promise<void> => {
  try {
    await run('apt-get', ['download', PROGRAM], { cwd });
  } catch (error) {
    if (process.getuid?.() !== 0) throw error;
    // The package lists may never have been fetched.
    await run('apt-get', ['update']);
    await run('apt-get', ['download', PROGRAM], { cwd });
  }
};

const place = async (file: string, targetDir: string): Promise<string> => {
  const target = join(targetDir, PROGRAM);
  await mkdir(targetDir, { recursive: true, mode: 0o755 });
  await rename(file, target);
  return target;
};

/**
 * A nats-server: the one on PATH, or one unpacked before, or Debian's package unpacked (not installed) to
 * `<installDir>/nats-server-<version>`.
 *
 * @throws ServiceError `DOWNLOAD_FAILED`, saying how to get one
 */
export const findNatsServer = async (
  installDir: string,
  path = process.env['PATH'] ?? '',
): Promise<string> => {
  const present = onPath(path) ?? unpackedBefore(installDir);
  if (present !== undefined) return present;
  try {
    return await unpackDebian(installDir);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
    throw new ServiceError(
      'DOWNLOAD_FAILED',
      `There is no nats-server on PATH, and Debian's could not be fetched (${said ?? String(error)}). ` +
        'Install it (apt-get install nats-server, or from nats.io), or use an external one (NATS_URL).',
      { cause: error },
    );
  }
};
