import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, type ReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { MAX_RELEASE_BYTES } from '@longhaul/contracts';
import { badInput, type ApiError } from '../graphql/errors.js';
import { releaseFileName, RELEASES_FOLDER } from './release-path.js';

/** Of the first entry of a release, header and content: it says which version it is. */
const HEAD_BYTES = 4096;
const TAR_BLOCK = 512;

export interface ReleaseFile {
  /** Hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

/** A file that is here, but not yet among those that agents get. */
export interface ReceivedFile extends ReleaseFile {
  readonly keep: () => Promise<void>;
}

/** The files of releases in the controller's state folder, each by its hash: what is there is whole, and never changes. */
export class ReleaseFiles {
  private readonly folder: string;

  constructor(stateDir: string) {
    this.folder = join(stateDir, RELEASES_FOLDER);
  }

  /**
   * Takes a file as it comes, and gives it to `take`, who keeps it; what was not kept by its end is gone.
   *
   * @throws ApiError BAD_INPUT for one that is too large, or is no release of this version
   */
  async receive<T>(source: Readable, version: string, take: (file: ReceivedFile) => Promise<T>): Promise<T> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const temporary = join(this.folder, `.${randomUUID()}.tmp`);
    try {
      const file = await write(source, temporary);
      await checkVersion(temporary, version);
      await syncFile(temporary);
      return await take({ ...file, keep: () => rename(temporary, this.pathOf(file.sha256)) });
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Also if it is not there. */
  async remove(sha256: string): Promise<void> {
    await rm(this.pathOf(sha256), { force: true });
  }

  /** Undefined: this controller does not have it. */
  async read(sha256: string): Promise<{ readonly bytes: number; readonly content: ReadStream } | undefined> {
    const path = this.pathOf(sha256);
    const found = await stat(path).catch(() => undefined);
    return found && { bytes: found.size, content: createReadStream(path) };
  }

  private pathOf(sha256: string): string {
    return join(this.folder, releaseFileName(sha256));
  }
}

const fault = (message: string): ApiError => badInput([{ path: 'body', message }]);

const write = async (source: Readable, path: string): Promise<ReleaseFile> => {
  const hash = createHash('sha256');
  let bytes = 0;
  const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > MAX_RELEASE_BYTES) throw fault(`has more than ${String(MAX_RELEASE_BYTES)} bytes`);
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(source, counted, createWriteStream(path, { mode: 0o600 }));
  if (bytes === 0) throw fault('is empty: send the file that "npm run pack:agent" makes');
  return { sha256: hash.digest('hex'), bytes };
};

/** The first entry of a release is `release.json`. */
const checkVersion = async (path: string, version: string): Promise<void> => {
  const head = await unzippedHead(path).catch(() => Buffer.alloc(0));
  const size = parseInt(head.toString('latin1', 124, 136), 8);
  const isRelease =
    head.toString('latin1', 0, 100).replace(/\0.*$/s, '') === 'release.json' && size < HEAD_BYTES;
  const manifest = isRelease ? parseJson(head.toString('utf8', TAR_BLOCK, TAR_BLOCK + size)) : undefined;
  const found =
    typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, 'version') : undefined;
  if (typeof found !== 'string')
    throw fault('is no release of the agent: send the file that "npm run pack:agent" makes');
  if (found !== version) throw fault(`is a release of version ${found}, not ${version}`);
};

const unzippedHead = async (path: string): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of createReadStream(path).pipe(createGunzip()) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= HEAD_BYTES) break;
  }
  return Buffer.concat(chunks);
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const syncFile = async (path: string): Promise<void> => {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
};
