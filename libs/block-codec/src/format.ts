/*
 * The framing of blocks inside a stream; integers are big-endian.
 *
 *   raw block       0 | raw length (3) | the bytes
 *   encoded block   codec (1) | raw length (3) | encoded length (3) | the encoded bytes
 *
 * Codecs from 3 on are reserved, among other things for blocks by reference.
 */

export type Codec = 'raw' | 'lz4' | 'zstd';

export const CodecNumber = { raw: 0, lz4: 1, zstd: 2 } as const satisfies Record<Codec, number>;

/** The largest block before encoding, in bytes: it bounds what a receiver has to hold at once. */
export const MAX_BLOCK_BYTES = 256 * 1024;

export const RAW_HEADER_LENGTH = 4;
export const ENCODED_HEADER_LENGTH = 7;

/**
 * What is wrong with a stream of blocks; a stream that shows one of these cannot be read on and has to be
 * reset.
 */
export type BlockErrorCode =
  /** A codec that this version does not know. */
  | 'reserved-codec'
  /** A raw length of 0 or over 256 KiB. */
  | 'raw-length'
  /** An encoded length of 0 or over the raw length. */
  | 'encoded-length'
  /** Encoded bytes that do not decode to exactly the raw length. */
  | 'corrupt'
  /** The stream ended inside a block. */
  | 'truncated';

const EXPLANATIONS: Record<BlockErrorCode, string> = {
  'reserved-codec': 'the peer used a codec that this version does not know: update this agent',
  'raw-length': `a block holds 1 to ${MAX_BLOCK_BYTES} bytes: reset the stream`,
  'encoded-length': 'an encoded block is never empty and never longer than its raw bytes: reset the stream',
  corrupt: 'encoded bytes do not decode to the length their header gives: reset the stream',
  truncated: 'the stream ended inside a block: bytes are missing, reset the connection that they belong to',
};

/** A peer's stream of blocks does not hold together. */
export class BlockFormatError extends Error {
  constructor(readonly code: BlockErrorCode) {
    super(`Malformed block (${code}): ${EXPLANATIONS[code]}`);
    this.name = 'BlockFormatError';
  }
}

export function writeRawHeader(out: Uint8Array, offset: number, rawLength: number): void {
  out[offset] = CodecNumber.raw;
  writeUint24(out, offset + 1, rawLength);
}

export function writeEncodedHeader(
  out: Uint8Array,
  offset: number,
  codec: Exclude<Codec, 'raw'>,
  rawLength: number,
  encodedLength: number,
): void {
  out[offset] = CodecNumber[codec];
  writeUint24(out, offset + 1, rawLength);
  writeUint24(out, offset + 4, encodedLength);
}

export function readUint24(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 16) | ((bytes[offset + 1] ?? 0) << 8) | (bytes[offset + 2] ?? 0);
}

function writeUint24(out: Uint8Array, offset: number, value: number): void {
  out[offset] = value >>> 16;
  out[offset + 1] = value >>> 8;
  out[offset + 2] = value;
}
