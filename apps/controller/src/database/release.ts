import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const readVersion = (file: string): string => {
  const path = fileURLToPath(new URL(`../../../../${file}`, import.meta.url));
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(path, 'utf8'))).version;
};

/** The release of this program, `major.minor.patch`. */
export const RELEASE = readVersion('package.json');

/**
 * The release that came before, whose replicas work with the database of this one: its tables are recorded in
 * prisma/released-schema.json, and a test finds a migration that takes away what it uses.
 */
export const FORMER_RELEASE = readVersion('prisma/released-schema.json');

const noteSchema = z.object({ release: z.string(), worksWith: z.string() });

/** What is noted beside a migration: who applied it, and the oldest release that works with the outcome. */
export const noteOfMigration = (): string =>
  JSON.stringify({ release: RELEASE, worksWith: FORMER_RELEASE } satisfies z.input<typeof noteSchema>);

/** Whether `release` works with a database that has a migration with this note, which it does not know. */
export const worksWith = (note: string | null, release: string): boolean => {
  try {
    return compareReleases(noteSchema.parse(JSON.parse(note ?? '')).worksWith, release) <= 0;
  } catch {
    return false;
  }
};

/** Below zero if `a` is older than `b`; both are `major.minor.patch`. */
const compareReleases = (a: string, b: string): number => {
  const [left, right] = [a, b].map((release) => release.split('.').map(Number));
  const place = [0, 1, 2].find((index) => left?.[index] !== right?.[index]);
  return place === undefined ? 0 : (left?.[place] ?? 0) - (right?.[place] ?? 0);
};
