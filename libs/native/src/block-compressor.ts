import { binding } from './implementation.js';

/*
 * Compression from one caller's buffer into another; nothing is allocated but the compressor's own memory, once a thread.
 * Compressing returns the encoded length, or 0 where it would exceed the destination's capacity (zstd wants a few bytes
 * more than it will write). Decompressing returns
 * the decoded length, or -1 where the source is malformed or does not fit. Offsets and lengths outside their arrays are
 * RangeErrors.
 */

export const lz4Compress = binding.lz4Compress;
export const lz4Decompress = binding.lz4Decompress;
/** The last argument is zstd's level, 1 (fast) to 19 (strong). */
export const zstdCompress = binding.zstdCompress;
export const zstdDecompress = binding.zstdDecompress;
