import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { LabRequirementError } from '../network/requirements.js';

const run = promisify(execFile);
const QUIET = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 2 ** 26 };

export type Progress = (text: string) => void;

/** Installs a package of Debian on this machine. Throws a LabRequirementError that says what to do by hand. */
export async function installPackage(name: string): Promise<void> {
  await apt(`install ${name}`, ['install', '-y', '--no-install-recommends', name]);
}

/**
 * Unpacks a package of Debian into a folder, without installing it. Does nothing if the folder is there already.
 * Throws a LabRequirementError that says what to do by hand.
 */
export async function unpackPackage(name: string, folder: string): Promise<void> {
  if (existsSync(folder)) return;
  await mkdir(dirname(folder), { recursive: true });
  const scratch = await mkdtemp(`${folder}.`);
  try {
    await apt(`download ${name}`, ['download', name], scratch);
    const archive = (await readdir(scratch)).find((file) => file.endsWith('.deb'));
    if (archive === undefined) throw new LabRequirementError(`apt-get download ${name} left no .deb file`);
    await run('dpkg-deb', ['-x', join(scratch, archive), join(scratch, 'root')]);
    await rename(join(scratch, 'root'), folder);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The package that a package of Debian without content of its own stands for, e.g. the newest kernel's. */
export async function dependencyOf(name: string, pattern: RegExp): Promise<string> {
  const find = async (): Promise<string | undefined> => {
    const { stdout } = await run('apt-cache', ['depends', '--important', name]).catch(
      missingApt(`find ${name}`),
    );
    const dependencies = [...stdout.matchAll(/Depends: (\S+)/g)].map(([, dependency = '']) => dependency);
    return dependencies.find((dependency) => pattern.test(dependency));
  };
  const known = await find();
  if (known !== undefined) return known;
  await run('apt-get', ['update'], QUIET).catch(missingApt(`find ${name}`));
  const found = await find();
  if (found !== undefined) return found;
  throw new LabRequirementError(`${name} is not among this machine's packages: the guest needs Debian's`);
}

/** Runs apt-get, and once more with fresh lists of packages if it fails. */
async function apt(what: string, args: readonly string[], cwd?: string): Promise<void> {
  const options = { ...QUIET, cwd };
  try {
    await run('apt-get', args, options);
  } catch {
    await run('apt-get', ['update'], options).catch(missingApt(what));
    await run('apt-get', args, options).catch(missingApt(what));
  }
}

function missingApt(what: string) {
  return (cause: Error & { stderr?: string }): never => {
    const said = (cause.stderr?.trim() || cause.message).split('\n').slice(-3).join(' ');
    throw new LabRequirementError(
      `cannot ${what} (${said}): moving a guest needs Debian's packages, so connect this machine to a mirror`,
      { cause },
    );
  };
}
