import type { Binding } from '../binding.js';
import { checkInteger, checkSpan } from './arguments.js';
import { compressLz4, decompressLz4 } from './lz4.js';
import { notSupported } from './system-error.js';
import { canCompressZstd, compressZstd, decompressZstd } from './zstd.js';

const STRONGEST_LEVEL = 19;

/** Its length in `destination`, or 0 where it does not fit. */
function place(encoded: Uint8Array, destination: Uint8Array): number {
  if (encoded.length > destination.length) return 0;
  destination.set(encoded);
  return encoded.length;
}

/** A block function from one that makes the decoded bytes, or none. */
function decompressor(
  decode: (block: Uint8Array, most: number) => Uint8Array | undefined,
): Binding['lz4Decompress'] {
  return (source, sourceOffset, sourceLength, destination, destinationOffset, destinationLength) => {
    const from = checkSpan(source, sourceOffset, sourceLength, 'source');
    const to = checkSpan(destination, destinationOffset, destinationLength, 'destination');
    const raw = decode(from, to.length);
    if (raw === undefined) return -1;
    to.set(raw);
    return raw.length;
  };
}

export const compressFunctions: Pick<
  Binding,
  'lz4Compress' | 'lz4Decompress' | 'zstdCompress' | 'zstdDecompress'
> = {
  lz4Compress(source, sourceOffset, sourceLength, destination, destinationOffset, destinationLength) {
    const from = checkSpan(source, sourceOffset, sourceLength, 'source');
    const to = checkSpan(destination, destinationOffset, destinationLength, 'destination');
    return place(compressLz4(from), to);
  },

  zstdCompress(source, sourceOffset, sourceLength, destination, destinationOffset, destinationLength, level) {
    const from = checkSpan(source, sourceOffset, sourceLength, 'source');
    const to = checkSpan(destination, destinationOffset, destinationLength, 'destination');
    checkInteger(level, 'level', 1, STRONGEST_LEVEL);
    if (!canCompressZstd) throw notSupported('compression by zstd on this Node.js');
    return place(compressZstd(from, level), to);
  },

  lz4Decompress: decompressor(decompressLz4),
  zstdDecompress: decompressor(decompressZstd),
};
