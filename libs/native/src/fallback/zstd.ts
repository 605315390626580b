import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';

/** What zlib has from Node.js 22.15 and 23.8 on. */
interface ZlibWithZstd {
  zstdCompressSync(raw: Uint8Array, options: { params: Record<number, number> }): Buffer;
  zstdDecompressSync(frame: Uint8Array, options: { maxOutputLength: number }): Buffer;
  constants: { ZSTD_c_compressionLevel: number };
}

interface FzstdPackage {
  decompress(frame: Uint8Array): Uint8Array;
}

const withZstd =
  'zstdCompressSync' in zlib && 'zstdDecompressSync' in zlib ? (zlib as unknown as ZlibWithZstd) : undefined;

export const canCompressZstd = withZstd !== undefined;

/** @throws Error where this Node.js has no zstd; {@link canCompressZstd} tells */
export function compressZstd(raw: Uint8Array, level: number): Uint8Array {
  if (withZstd === undefined) throw new Error('this Node.js has no zstd');
  const params = { [withZstd.constants.ZSTD_c_compressionLevel]: level };
  return withZstd.zstdCompressSync(raw, { params });
}

/** Undefined where the frame is malformed or decodes to more than `most` bytes. */
export function decompressZstd(frame: Uint8Array, most: number): Uint8Array | undefined {
  const length = declaredLength(frame);
  if (length === undefined || length > most) return undefined;
  try {
    const raw =
      withZstd === undefined
        ? fzstd().decompress(frame)
        : withZstd.zstdDecompressSync(frame, { maxOutputLength: Math.max(1, most) });
    return raw.length === length ? raw : undefined;
  } catch {
    return undefined;
  }
}

let loaded: FzstdPackage | undefined;

function fzstd(): FzstdPackage {
  loaded ??= createRequire(import.meta.url)('fzstd') as FzstdPackage;
  return loaded;
}

const MAGIC = 0xfd2fb528;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
/** Of a block that repeats one byte. */
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

/**
 * The content size of a single frame that says it, as every frame made in one piece does (RFC 8878 section 3.1.1.1), so
 * that a decoder allocates no more. Undefined where the frame does not hold together or is not all there is.
 */
function declaredLength(frame: Uint8Array): number | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 6 || view.getUint32(0, true) !== MAGIC) return undefined;
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor >> 5) & 1;
  const sizeFlag = descriptor >> 6;
  const dictionaryFlag = descriptor & 3;
  const sizeAt = 6 - singleSegment;
  const sizeBytes = sizeFlag === 0 ? singleSegment : 1 << sizeFlag;
  if (dictionaryFlag !== 0 || sizeBytes === 0 || frame.length < sizeAt + sizeBytes) return undefined;
  const end = endOfBlocks(view, sizeAt + sizeBytes);
  const checksum = (descriptor & 4) !== 0 ? CHECKSUM_BYTES : 0;
  return end !== undefined && end + checksum === frame.length ? readSize(view, sizeAt, sizeBytes) : undefined;
}

function readSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  return bytes === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}

/** Behind the last block of a frame (RFC 8878 section 3.1.1.2). */
function endOfBlocks(view: DataView, start: number): number | undefined {
  for (let at = start; at + BLOCK_HEADER_BYTES <= view.byteLength;) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const type = (header >> 1) & 3;
    if (type === RESERVED_BLOCK) return undefined;
    at += BLOCK_HEADER_BYTES + (type === RLE_BLOCK ? 1 : header >> 3);
    if ((header & 1) !== 0) return at;
  }
  return undefined;
}
