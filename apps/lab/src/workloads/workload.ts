import type { Pattern } from '@longhaul/wan-emulator';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { textFill } from './generators.js';
import { Lz4Ratio } from './lz4-ratio.js';
import { SeededRandom } from './seeded-random.js';
import { vmImageFill } from './vm-image.js';
import { ensureWorkloadFile } from './workload-file.js';

const MIB = 2 ** 20;
const VM_IMAGE_BYTES = 1024 * MIB;
const TEXT_BYTES = 256 * MIB;
/** Of the files: the same in every lab, whatever the seed of a run. A new number makes new files. */
const FILE_SEED = 1;
/** A guest whose memory shrinks less or more than this is not like those that were measured. */
const VM_RATIO_RANGE = [2.8, 3.2] as const;
/** Of a file of the user's, so much is looked at for its ratio. */
const SAMPLE_BYTES = 64 * MIB;

export const DEFAULT_WORKLOAD_FOLDER = '/var/lib/longhaul/workloads';

/** Bytes to send. */
export interface Workload {
  /** `random`, `text`, `vm` or `file:PATH`. */
  name: string;
  /** Of LZ4 in blocks of 64 KiB; 1 for bytes that do not shrink. */
  lz4Ratio: number;
  /** Length until it starts again; undefined if it never does. */
  bytes?: number;
  pattern(seed: number): Pattern;
}

export interface WorkloadOptions {
  /** Where made files are kept. Default DEFAULT_WORKLOAD_FOLDER. */
  folder?: string;
  progress?: (text: string) => void;
}

/** The workload of that name, made if it is not there yet. Throws an Error that says what names there are. */
export async function prepareWorkload(name: string, options: WorkloadOptions = {}): Promise<Workload> {
  if (name === 'random') return { name, lz4Ratio: 1, pattern: (seed) => `random:${seed}` };
  if (name === 'text')
    return madeFile(name, TEXT_BYTES, () => textFill(new SeededRandom(FILE_SEED)), options);
  if (name === 'vm') return vmImage(options);
  if (name.startsWith('file:')) return userFile(name);
  throw new Error(`there is no workload "${name}"; there are random, text, vm and file:PATH`);
}

async function madeFile(
  name: string,
  bytes: number,
  makeFill: () => ReturnType<typeof textFill>,
  { folder = DEFAULT_WORKLOAD_FOLDER, progress = () => undefined }: WorkloadOptions,
): Promise<Workload> {
  const path = join(folder, `${name}-${FILE_SEED}-${bytes / MIB}MiB.bin`);
  const file = await ensureWorkloadFile(path, bytes, makeFill, progress);
  progress(`workload ${name}: ${bytes / MIB} MiB, LZ4 ratio ${file.lz4Ratio.toFixed(2)} in 64 KiB blocks`);
  return { name, lz4Ratio: file.lz4Ratio, bytes, pattern: () => `file:${path}` };
}

async function vmImage(options: WorkloadOptions): Promise<Workload> {
  const image = await madeFile('vm', VM_IMAGE_BYTES, () => vmImageFill(FILE_SEED), options);
  const [low, high] = VM_RATIO_RANGE;
  if (image.lz4Ratio < low || image.lz4Ratio > high) {
    throw new Error(
      `the memory image has LZ4 ratio ${image.lz4Ratio.toFixed(2)}, not within ${low} to ${high}`,
    );
  }
  return image;
}

function userFile(name: string): Workload {
  const path = resolve(name.slice('file:'.length));
  const bytes = fileSize(path);
  return { name, lz4Ratio: sampleRatio(path, bytes), bytes, pattern: () => `file:${path}` };
}

function fileSize(path: string): number {
  try {
    const stat = statSync(path);
    if (stat.isFile() && stat.size > 0) return stat.size;
  } catch {
    // said below
  }
  throw new Error(`workload file:${path}: there is no such file, or it is empty`);
}

function sampleRatio(path: string, bytes: number): number {
  const sample = new Uint8Array(Math.min(bytes, SAMPLE_BYTES));
  const file = openSync(path, 'r');
  try {
    const ratio = new Lz4Ratio();
    ratio.add(sample.subarray(0, readSync(file, sample)));
    return ratio.value;
  } finally {
    closeSync(file);
  }
}
