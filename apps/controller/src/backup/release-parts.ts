import { createWriteStream, existsSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isReleaseFileName, RELEASES_FOLDER } from '../upgrades/release-path.js';
import { readArchive } from './archive.js';
import type { Manifest } from './manifest.js';

const PREFIX = `${RELEASES_FOLDER}/`;

/** Whether a path below the state folder is the file of a release: these are too large for the memory. */
export const isReleasePath = (path: string): boolean =>
  path.startsWith(PREFIX) && isReleaseFileName(path.slice(PREFIX.length));

/**
 * The files of releases, by their paths below the state folder. A file is there before the database knows of its release, and goes
 * after it: after the database was read, there is one for every release that is in what was read and was not removed since.
 */
export const releasePaths = (stateDir: string): string[] => {
  const folder = join(stateDir, RELEASES_FOLDER);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(isReleaseFileName)
    .sort()
    .map((name) => `${PREFIX}${name}`);
};

/**
 * Puts the releases of a backup in their places. A file that is there already has the same content: it is named by its hash.
 *
 * @returns how to take away those that were not there
 */
export const placeReleases = async (
  stateDir: string,
  file: string,
  { stateFiles }: Manifest,
): Promise<() => void> => {
  const paths = new Map(
    stateFiles.filter(({ path }) => isReleasePath(path)).map(({ path, part }) => [part, path]),
  );
  const placed: string[] = [];
  const undo = (): void => {
    for (const path of placed) rmSync(path, { force: true });
  };
  try {
    await readArchive(file, async (part, content) => {
      const path = paths.get(part);
      if (path === undefined) return;
      const target = join(stateDir, path);
      const scratch = `${target}.new`;
      placed.push(scratch, ...(existsSync(target) ? [] : [target]));
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await pipeline(
        content as unknown as NodeJS.ReadableStream,
        createWriteStream(scratch, { mode: 0o600, flush: true }),
      );
      await rename(scratch, target);
    });
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
};
