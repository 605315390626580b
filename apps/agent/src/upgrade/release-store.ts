import { createReadStream } from 'node:fs';
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { releaseVersionSchema } from '@longhaul/contracts';
import { AgentError, messageOf } from '../errors.js';
import { syncDirectory } from '../control/durable-file.js';
import { readTar } from './tar.js';

/** In the state directory. */
const RELEASES_FOLDER = 'releases';
/** In a release: the file that says what it is, and the program. */
const MANIFEST_FILE = 'release.json';
const ENTRY_FILE = 'node_modules/@longhaul/agent/bin/longhaul-agent.js';
/** Written last: what is without it was never complete. */
const HASH_FILE = '.sha256';
/** What a release may unpack to: a gzip of 256 MiB could be a thousand times that. */
const MAX_UNPACKED_BYTES = 1_073_741_824;

const unzip = promisify(gunzip);

/** The releases of the agent on this machine, each unpacked in a folder of its version's name. */
export class ReleaseStore {
  private readonly folder: string;

  constructor(stateDir: string) {
    this.folder = join(stateDir, RELEASES_FOLDER);
  }

  /** Where the file of a release goes while it is fetched. */
  async downloadPath(version: string): Promise<string> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    return join(this.folder, `.${version}.download`);
  }

  /** The program of a release. */
  entryOf(version: string): string {
    return join(this.folder, version, ENTRY_FILE);
  }

  /** Whether the release is there, made from the file with this hash (of whatever hash, where none is given). */
  async has(version: string, sha256?: string): Promise<boolean> {
    const found = await readFile(join(this.folder, version, HASH_FILE), 'utf8').catch(() => undefined);
    return found !== undefined && (sha256 === undefined || found === sha256);
  }

  /**
   * Unpacks a release whose file has the hash that was promised: into a temporary folder first, so that a release is there as a whole
   * or not at all.
   *
   * @throws AgentError for a file that is not the one, or no release of this version
   */
  async unpack(file: string, version: string, sha256: string): Promise<void> {
    releaseVersionSchema.parse(version);
    const found = await hashOf(file);
    if (found !== sha256)
      throw new AgentError(
        `the file of release ${version} has SHA-256 ${found}, not ${sha256}: it is not used`,
      );
    const target = join(this.folder, version);
    const temporary = join(this.folder, `.${version}.${process.pid}.tmp`);
    await rm(temporary, { recursive: true, force: true });
    try {
      await writeEntries(temporary, await unzipped(file));
      await checkManifest(temporary, version);
      await writeSynced(join(temporary, HASH_FILE), sha256);
      await rm(target, { recursive: true, force: true });
      await rename(temporary, target);
      await syncDirectory(this.folder);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  /** Removes all releases but those of these versions, and what was left behind half done. Nobody may be fetching one. */
  async prune(keep: readonly string[]): Promise<void> {
    const present = await readdir(this.folder).catch(() => []);
    for (const name of present)
      if (!keep.includes(name)) await rm(join(this.folder, name), { recursive: true, force: true });
  }
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function unzipped(file: string): Promise<Uint8Array> {
  try {
    return await unzip(await readFile(file), { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (error) {
    throw new AgentError(`the release cannot be unpacked: ${messageOf(error)}`);
  }
}

async function writeEntries(folder: string, archive: Uint8Array): Promise<void> {
  const made = new Set<string>();
  const make = async (path: string): Promise<void> => {
    if (made.has(path)) return;
    await mkdir(path, { recursive: true, mode: 0o700 });
    made.add(path);
  };
  await make(folder);
  for (const { type, path, executable, content } of readTar(archive)) {
    const target = join(folder, path);
    if (type === 'folder') await make(target);
    else {
      await make(dirname(target));
      await writeFile(target, content, { mode: executable ? 0o700 : 0o600, flag: 'wx' });
    }
  }
}

async function checkManifest(folder: string, version: string): Promise<void> {
  const content = await readFile(join(folder, MANIFEST_FILE), 'utf8').catch(() => undefined);
  const found: unknown = content === undefined ? undefined : JSON.parse(content);
  const told = typeof found === 'object' && found !== null && 'version' in found ? found.version : undefined;
  if (told !== version)
    throw new AgentError(
      `the archive is of version ${String(told)}, not ${version}: make it by "npm run pack:agent"`,
    );
}

async function writeSynced(path: string, content: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
