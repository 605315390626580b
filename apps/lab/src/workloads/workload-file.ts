import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { Fill } from './generators.js';
import { Lz4Ratio } from './lz4-ratio.js';
import { PAGE_BYTES, PageBuffer } from './page.js';

/** Pages made and written at a time. */
const CHUNK_PAGES = 256;
/** Pauses for the event loop come this often, so that signals are answered. */
const CHUNKS_BETWEEN_PAUSES = 16;

const recordSchema = z.object({
  bytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  lz4Ratio: z.number().positive(),
  modifiedMs: z.number(),
});

export interface WorkloadFile {
  path: string;
  bytes: number;
  sha256: string;
  /** Of LZ4 in blocks of 64 KiB. */
  lz4Ratio: number;
}

/**
 * The file at `path` with the pages that `makeFill` gives: made once and kept, with its checksum beside it. A file
 * that has changed since is checked against the checksum and made again if it differs.
 */
export async function ensureWorkloadFile(
  path: string,
  bytes: number,
  makeFill: () => Fill,
  progress: (text: string) => void,
): Promise<WorkloadFile> {
  const kept = await readKept(path, bytes);
  if (kept) return kept;
  progress(`making ${path} (${Math.round(bytes / 2 ** 20)} MiB, once)`);
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.part`;
  try {
    const { sha256, lz4Ratio } = await writePages(partial, bytes, makeFill());
    renameSync(partial, path);
    const record = { bytes, sha256, lz4Ratio, modifiedMs: statSync(path).mtimeMs };
    writeFileSync(recordPath(path), `${JSON.stringify(record)}\n`);
    return { path, bytes, sha256, lz4Ratio };
  } finally {
    rmSync(partial, { force: true });
  }
}

function recordPath(path: string): string {
  return `${path}.json`;
}

async function readKept(path: string, bytes: number): Promise<WorkloadFile | undefined> {
  if (!existsSync(path) || !existsSync(recordPath(path))) return undefined;
  const parsed = recordSchema.safeParse(parseJson(readFileSync(recordPath(path), 'utf8')));
  const stat = statSync(path);
  if (!parsed.success || parsed.data.bytes !== bytes || stat.size !== bytes) return undefined;
  const { sha256, lz4Ratio, modifiedMs } = parsed.data;
  if (stat.mtimeMs !== modifiedMs && (await sha256Of(path)) !== sha256) return undefined;
  return { path, bytes, sha256, lz4Ratio };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

async function writePages(
  path: string,
  bytes: number,
  fill: Fill,
): Promise<{ sha256: string; lz4Ratio: number }> {
  if (bytes % (CHUNK_PAGES * PAGE_BYTES) !== 0) throw new RangeError('a workload file holds whole MiB');
  const buffer = new PageBuffer(CHUNK_PAGES);
  const hash = createHash('sha256');
  const ratio = new Lz4Ratio();
  const file = openSync(path, 'w', 0o644);
  try {
    for (let chunk = 0; chunk < bytes / buffer.bytes.length; chunk++) {
      for (const page of buffer.pages) fill(page);
      hash.update(buffer.bytes);
      ratio.add(buffer.bytes);
      writeWhole(file, buffer.bytes);
      if (chunk % CHUNKS_BETWEEN_PAUSES === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return { sha256: hash.digest('hex'), lz4Ratio: ratio.value };
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}
