import { CompressionBackOff } from './back-off.js';
import type { BlockCompressor } from './compressor.js';
import {
  ENCODED_HEADER_LENGTH,
  MAX_BLOCK_BYTES,
  RAW_HEADER_LENGTH,
  writeEncodedHeader,
  writeRawHeader,
  type Codec,
} from './format.js';

/** A block whose encoded bytes are more than this share of its raw bytes goes raw. */
export const WORTHWHILE_RATIO = 0.8;
/** Shorter blocks go raw untried, in bytes: header and match tokens eat what there is to gain. */
export const MIN_COMPRESSIBLE_BYTES = 64;
/**
 * zstd's level in the mode `strongest`. Higher ones gain about 1 % in blocks of 64 KiB, and take longer
 * over one than the 2 ms by which the pacer may be late (measured: level 6 takes 1.5 ms, level 9 2 ms, on
 * machine code).
 */
export const STRONGEST_ZSTD_LEVEL = 6;

/** How to encode a block. */
export type CodecChoice =
  | { readonly codec: 'raw' }
  | { readonly codec: 'lz4' }
  /** @see BlockCompressor.zstdCompress for the level */
  | { readonly codec: 'zstd'; readonly level: number };

/** What an encoder has done since it was made. */
export interface BlockStatistics {
  /** Bytes taken in. */
  readonly rawBytes: number;
  /** Bytes put out, headers included. */
  readonly encodedBytes: number;
  readonly blocks: Readonly<Record<Codec, number>>;
  /** Time inside the compression functions, blocks that then went raw included, in nanoseconds. */
  readonly compressionNs: number;
}

/**
 * Chooses the codec of the next block in the mode `auto`: who knows whether link or CPU is the bottleneck
 * now. It is asked once a block, so it should return constants.
 */
export type ChooseCodec = (statistics: BlockStatistics) => CodecChoice;

export interface BlockEncoderOptions {
  /**
   * `auto` follows {@link chooseCodec}, `off` frames raw blocks only, `strongest` takes zstd for every block.
   */
  readonly mode: 'auto' | 'off' | 'strongest';
  /** Default: LZ4 for every block. */
  readonly chooseCodec?: ChooseCodec;
  /** A clock in milliseconds for the statistics; default `performance.now`. */
  readonly nowMs?: () => number;
}

const RAW: CodecChoice = { codec: 'raw' };
const LZ4: CodecChoice = { codec: 'lz4' };
const STRONGEST: CodecChoice = { codec: 'zstd', level: STRONGEST_ZSTD_LEVEL };

const CHOOSERS: Record<BlockEncoderOptions['mode'], ChooseCodec> = {
  auto: () => LZ4,
  off: () => RAW,
  strongest: () => STRONGEST,
};

/** The room that {@link BlockEncoder.encode} needs for `rawLength` bytes, in bytes. */
export function encodedBound(rawLength: number): number {
  return rawLength + RAW_HEADER_LENGTH * Math.ceil(rawLength / MAX_BLOCK_BYTES);
}

/** Frames one direction of a stream into blocks, encoded where that pays. It allocates nothing per block. */
export class BlockEncoder {
  private readonly choose: ChooseCodec;
  private readonly nowMs: () => number;
  private readonly backOff = new CompressionBackOff();
  private readonly counters = {
    rawBytes: 0,
    encodedBytes: 0,
    blocks: { raw: 0, lz4: 0, zstd: 0 },
    compressionNs: 0,
  };

  constructor(
    private readonly compressor: BlockCompressor,
    { mode, chooseCodec, nowMs }: BlockEncoderOptions,
  ) {
    this.choose = mode === 'auto' && chooseCodec !== undefined ? chooseCodec : CHOOSERS[mode];
    this.nowMs = nowMs ?? (() => performance.now());
  }

  /** Live counters: read them, do not keep them. */
  get statistics(): BlockStatistics {
    return this.counters;
  }

  /**
   * Writes `source[start, end)` to the beginning of `out` as whole blocks, one for each 256 KiB begun, and
   * returns the bytes written.
   *
   * @throws RangeError if the range lies outside of `source`, or `out` is smaller than {@link encodedBound}
   *   of it
   */
  encode(source: Uint8Array, start: number, end: number, out: Uint8Array): number {
    if (!(0 <= start && start <= end && end <= source.length)) {
      throw new RangeError(`The range ${start} to ${end} does not lie in a source of ${source.length} bytes`);
    }
    if (out.length < encodedBound(end - start)) {
      throw new RangeError(
        `Encoding ${end - start} bytes needs room for ${encodedBound(end - start)}, not ${out.length}`,
      );
    }
    let written = 0;
    for (let blockStart = start; blockStart < end; blockStart += MAX_BLOCK_BYTES) {
      written += this.encodeBlock(
        source,
        blockStart,
        Math.min(end, blockStart + MAX_BLOCK_BYTES),
        out,
        written,
      );
    }
    this.counters.rawBytes += end - start;
    this.counters.encodedBytes += written;
    return written;
  }

  private encodeBlock(
    source: Uint8Array,
    start: number,
    end: number,
    out: Uint8Array,
    offset: number,
  ): number {
    const choice = end - start < MIN_COMPRESSIBLE_BYTES ? RAW : this.choose(this.counters);
    if (choice.codec !== 'raw' && this.backOff.shouldTry()) {
      const encodedLength = this.compress(choice, source, start, end, out, offset + ENCODED_HEADER_LENGTH);
      if (encodedLength > 0) {
        this.backOff.succeeded();
        this.counters.blocks[choice.codec]++;
        writeEncodedHeader(out, offset, choice.codec, end - start, encodedLength);
        return ENCODED_HEADER_LENGTH + encodedLength;
      }
      this.backOff.failed();
    }
    this.counters.blocks.raw++;
    writeRawHeader(out, offset, end - start);
    out.set(source.subarray(start, end), offset + RAW_HEADER_LENGTH);
    return RAW_HEADER_LENGTH + end - start;
  }

  /**
   * The encoded length, or 0 where it would break the 80 % rule: the codec gives up once it has written so
   * much.
   */
  private compress(
    choice: Exclude<CodecChoice, { codec: 'raw' }>,
    source: Uint8Array,
    start: number,
    end: number,
    out: Uint8Array,
    offset: number,
  ): number {
    const length = end - start;
    const capacity = Math.floor(length * WORTHWHILE_RATIO);
    const startedMs = this.nowMs();
    const encodedLength =
      choice.codec === 'lz4'
        ? this.compressor.lz4Compress(source, start, length, out, offset, capacity)
        : this.compressor.zstdCompress(source, start, length, out, offset, capacity, choice.level);
    this.counters.compressionNs += Math.round((this.nowMs() - startedMs) * 1e6);
    return encodedLength;
  }
}
