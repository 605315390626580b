import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const PACK = fileURLToPath(new URL('../../../../scripts/pack-agent.mjs', import.meta.url));
const ENTRY = 'node_modules/@longhaul/agent/bin/longhaul-agent.js';
const PACKAGE = 'node_modules/@longhaul/agent/package.json';

/** A release of the agent as a file. */
export interface ReleaseFile {
  readonly version: string;
  readonly path: string;
  readonly content: Buffer;
  readonly sha256: string;
}

/** Packs the agent as it is built, with another version. */
export async function packRelease(version: string, folder: string): Promise<ReleaseFile> {
  const path = join(folder, `${version}.tar.gz`);
  await run(process.execPath, [PACK, '--version', version, '--out', path]);
  return readRelease(version, path);
}

/** Another version of a release, whose program is `program` unless it is the same. */
export async function rewriteRelease(
  { path }: ReleaseFile,
  version: string,
  folder: string,
  program?: string,
): Promise<ReleaseFile> {
  const stage = await mkdtemp(join(folder, 'stage-'));
  const target = join(folder, `${version}.tar.gz`);
  try {
    await run('tar', ['-xzf', path, '-C', stage]);
    await writeFile(join(stage, 'release.json'), JSON.stringify({ version }));
    const manifest = JSON.parse(await readFile(join(stage, PACKAGE), 'utf8')) as object;
    await writeFile(join(stage, PACKAGE), JSON.stringify({ ...manifest, version }));
    if (program !== undefined) await writeFile(join(stage, ENTRY), program);
    await run('tar', ['--format=ustar', '-C', stage, '-czf', target, 'release.json', 'node_modules']);
  } finally {
    await rm(stage, { recursive: true });
  }
  return readRelease(version, target);
}

async function readRelease(version: string, path: string): Promise<ReleaseFile> {
  const content = await readFile(path);
  return { version, path, content, sha256: createHash('sha256').update(content).digest('hex') };
}
