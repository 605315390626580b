import { createRequire } from 'node:module';

/** lz4_flex compiled to WebAssembly. Its blocks begin with their decoded length, a little-endian u32, which ours do not. */
interface Lz4Package {
  compress(raw: Uint8Array): Uint8Array;
  /** Throws a string where the block is malformed or another length than it says. */
  decompress(sized: Uint8Array): Uint8Array;
}

const SIZE_BYTES = 4;
/** The shortest match that the format can express, in bytes. */
const MIN_MATCH = 4;
/** In a token's half and in each byte behind it: the length goes on. */
const LONG_LENGTH = 15;
const LONGER = 255;

let loaded: Lz4Package | undefined;

/** Loaded when it is first used: a process that has the addon does not need it. */
function lz4(): Lz4Package {
  loaded ??= createRequire(import.meta.url)('lz4-wasm-nodejs') as Lz4Package;
  return loaded;
}

/** A block in LZ4's block format, without a frame. */
export function compressLz4(raw: Uint8Array): Uint8Array {
  return lz4().compress(raw).subarray(SIZE_BYTES);
}

/** Undefined where the block is malformed or decodes to more than `most` bytes. */
export function decompressLz4(block: Uint8Array, most: number): Uint8Array | undefined {
  const length = decodedLength(block);
  if (length === undefined || length > most) return undefined;
  const sized = Buffer.allocUnsafe(SIZE_BYTES + block.length);
  sized.writeUInt32LE(length);
  sized.set(block, SIZE_BYTES);
  try {
    return lz4().decompress(sized);
  } catch {
    return undefined;
  }
}

/**
 * What a block decodes to, from its tokens alone (LZ4 block format, "Block format": a token, more length bytes, literals,
 * a two-byte offset, more length bytes). Undefined where it ends in the middle of a sequence, or refers to what is before
 * its beginning.
 */
function decodedLength(block: Uint8Array): number | undefined {
  let at = 0;
  let length = 0;
  const extended = (short: number): number => {
    if (short < LONG_LENGTH) return short;
    let sum = short;
    let more: number;
    do {
      more = block[at++] ?? 0;
      sum += more;
    } while (more === LONGER);
    return sum;
  };
  while (at < block.length) {
    const token = block[at++];
    const literals = extended(token >> 4);
    at += literals;
    length += literals;
    if (at === block.length) return length;
    if (at + 2 > block.length) return undefined;
    const offset = block[at] | (block[at + 1] << 8);
    at += 2;
    if (offset === 0 || offset > length) return undefined;
    length += MIN_MATCH + extended(token & LONG_LENGTH);
  }
  return undefined;
}
