import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { create, Parser, type ReadEntry } from 'tar';
import { BACKUP_FORMAT, MANIFEST_PART, manifestSchema, SEAL_PART, type Manifest } from './manifest.js';

/** Of the parts that are read as a whole: the manifest, its seal, files of the state folder. */
const MAX_SMALL_PART_BYTES = 64 * 1024 ** 2;

/** The file is not a backup, not whole, or of a newer release. The message says which. */
export class BackupError extends Error {}

/** Packs files of `folder` into one tar file (0600) that is on the disk when this returns. */
export const packArchive = async (folder: string, paths: readonly string[], file: string): Promise<void> => {
  const archive = create({ cwd: folder, portable: true, noDirRecurse: true }, [...paths]);
  await pipeline(archive, createWriteStream(file, { mode: 0o600, flags: 'wx' }));
  const handle = await open(file, 'r+');
  await handle.sync().finally(() => handle.close());
};

/** Gives each part of an archive to `take`, in their order; what it does not read is passed over. */
export const readArchive = async (
  file: string,
  take: (path: string, content: ReadEntry) => Promise<void>,
): Promise<void> => {
  let queue = Promise.resolve();
  let failure: unknown;
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      queue = queue
        .then(() => take(entry.path, entry))
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => entry.resume());
    },
  });
  try {
    await pipeline(createReadStream(file), parser as unknown as NodeJS.WritableStream);
  } catch (error) {
    failure ??= new BackupError(`${file} is not a backup that can be read: ${messageOf(error)}`);
  }
  await queue;
  if (failure !== undefined) throw failure;
};

/** The whole content of a small part. */
export const contentOf = async (path: string, content: AsyncIterable<Buffer>): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > MAX_SMALL_PART_BYTES) throw new BackupError(`${path} is larger than it can be`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/**
 * Reads an archive from end to end and compares every part with the manifest, and that with its seal.
 *
 * @throws BackupError
 */
export const verifyArchive = async (file: string): Promise<Manifest> => {
  const found = new Map<string, { bytes: number; sha256: string }>();
  let manifest: Manifest | undefined;
  let seal: string | undefined;
  await readArchive(file, async (path, content) => {
    if (found.has(path)) throw new BackupError(`${file} has ${path} twice`);
    const hash = createHash('sha256');
    let bytes = 0;
    if (path === MANIFEST_PART || path === SEAL_PART) {
      const whole = await contentOf(path, content);
      hash.update(whole);
      bytes = whole.length;
      if (path === SEAL_PART) seal = whole.toString().trim();
      else manifest = parseManifest(file, whole);
    } else {
      for await (const chunk of content) {
        hash.update(chunk);
        bytes += chunk.length;
      }
    }
    found.set(path, { bytes, sha256: hash.digest('hex') });
  });
  if (manifest === undefined || seal === undefined || seal !== found.get(MANIFEST_PART)?.sha256) {
    throw new BackupError(`${file} is damaged or was cut short: its manifest is not what was sealed`);
  }
  assertComplete(file, manifest, found);
  return manifest;
};

const assertComplete = (
  file: string,
  { parts }: Manifest,
  found: ReadonlyMap<string, { readonly bytes: number; readonly sha256: string }>,
): void => {
  for (const { path, bytes, sha256 } of parts) {
    const part = found.get(path);
    if (part === undefined) throw new BackupError(`${file} lacks its part ${path}`);
    if (part.bytes !== bytes || part.sha256 !== sha256) {
      throw new BackupError(`${file} is damaged: its part ${path} is not what was written`);
    }
  }
  const listed = new Set([...parts.map(({ path }) => path), MANIFEST_PART, SEAL_PART]);
  for (const path of found.keys()) {
    if (!listed.has(path))
      throw new BackupError(`${file} has a part ${path} that its manifest does not name`);
  }
};

const parseManifest = (file: string, content: Buffer): Manifest => {
  let json: unknown;
  try {
    json = JSON.parse(content.toString());
  } catch (error) {
    throw new BackupError(`${file} is damaged: its manifest is not JSON`, { cause: error });
  }
  const { format } = json as { format?: unknown };
  if (typeof format === 'number' && format > BACKUP_FORMAT) {
    throw new BackupError(
      `${file} was made by a newer release (format ${String(format)}): restore it with that`,
    );
  }
  const parsed = manifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BackupError(
    `${file} is no backup of Longhaul: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
  );
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
