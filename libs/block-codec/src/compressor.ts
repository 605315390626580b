/**
 * The block compression functions, as `@longhaul/native` exports them. They work from one caller's buffer
 * into another and allocate nothing.
 *
 * Compressing returns the encoded length, or 0 where that would exceed the destination's capacity.
 * Decompressing returns the decoded length, or a negative number where the source is malformed or does not
 * fit the destination.
 */
export interface BlockCompressor {
  lz4Compress(
    source: Uint8Array,
    sourceOffset: number,
    sourceLength: number,
    destination: Uint8Array,
    destinationOffset: number,
    destinationCapacity: number,
  ): number;
  lz4Decompress(
    source: Uint8Array,
    sourceOffset: number,
    sourceLength: number,
    destination: Uint8Array,
    destinationOffset: number,
    destinationLength: number,
  ): number;
  /** @param level zstd's own, 1 (fast) to 19 (strong) */
  zstdCompress(
    source: Uint8Array,
    sourceOffset: number,
    sourceLength: number,
    destination: Uint8Array,
    destinationOffset: number,
    destinationCapacity: number,
    level: number,
  ): number;
  zstdDecompress(
    source: Uint8Array,
    sourceOffset: number,
    sourceLength: number,
    destination: Uint8Array,
    destinationOffset: number,
    destinationLength: number,
  ): number;
}
