import type { BlockCompressor } from './compressor.js';
import {
  BlockFormatError,
  CodecNumber,
  ENCODED_HEADER_LENGTH,
  MAX_BLOCK_BYTES,
  RAW_HEADER_LENGTH,
  readUint24,
  type BlockErrorCode,
} from './format.js';

/** Takes what a {@link BlockDecoder} brings forth, in the order of the stream. */
export interface BlockSink {
  /** Raw bytes that stand at `[start, end)` of the span just pushed; valid until the push returns. */
  raw(start: number, end: number): void;
  /**
   * A buffer of at least `length` bytes (1 to 262,144) to decode a block into, or `undefined` to stop here: a
   * few encoded bytes may stand for many, and this is where the receiver bounds what it holds.
   */
  acquire(length: number): Uint8Array | undefined;
  /**
   * The first `length` bytes of a buffer from {@link acquire} are the stream's next; the buffer is the sink's
   * again.
   */
  decoded(buffer: Uint8Array, length: number): void;
}

const SMALLEST_STAGING_BYTES = 4096;

type State = 'header' | 'raw' | 'gathering';

/**
 * Reads one direction of a stream of blocks from spans cut anywhere. Raw bytes pass through as they arrive
 * and without a copy; an encoded block that lies whole in a span is decoded straight from it, one in pieces
 * is gathered first in a buffer of the decoder's own, which grows to what the largest such block takes, at
 * most 256 KiB.
 */
export class BlockDecoder {
  private state: State = 'header';
  private failure: BlockErrorCode | undefined;
  private readonly header = new Uint8Array(ENCODED_HEADER_LENGTH);
  private headerLength = 0;
  private codec = 0;
  private rawLength = 0;
  private encodedLength = 0;
  /** Bytes of a raw block that are still to come. */
  private rawRemaining = 0;
  private staging = new Uint8Array(0);
  private stagedLength = 0;

  constructor(private readonly compressor: BlockCompressor) {}

  /** Memory that the decoder holds for gathering, in bytes; at most 262,144. */
  get stagingBytes(): number {
    return this.staging.length;
  }

  /**
   * Reads `span[start, end)` and returns where it stopped: at `end`, or earlier where the sink gave no
   * buffer. Then push the rest again, be it empty, once there is one.
   *
   * @throws BlockFormatError if the stream does not hold together; every later push throws too
   */
  push(span: Uint8Array, start: number, end: number, sink: BlockSink): number {
    if (this.failure !== undefined) this.fail(this.failure);
    let position = start;
    for (;;) {
      const before = this.state;
      const next = this.step(span, position, end, sink);
      if (next === position && this.state === before) return position;
      position = next;
    }
  }

  /** @throws BlockFormatError if the stream ends inside a block */
  finish(): void {
    if (this.failure !== undefined) this.fail(this.failure);
    if (this.state !== 'header' || this.headerLength > 0) this.fail('truncated');
  }

  /** Does the next one thing and returns the position behind it. */
  private step(span: Uint8Array, position: number, end: number, sink: BlockSink): number {
    switch (this.state) {
      case 'header':
        return this.readHeader(span, position, end);
      case 'raw':
        return this.passRaw(position, end, sink);
      case 'gathering':
        return this.readEncoded(span, position, end, sink);
    }
  }

  private readHeader(span: Uint8Array, position: number, end: number): number {
    if (position === end) return position;
    this.header[this.headerLength++] = span[position] ?? 0;
    const [codec = 0] = this.header;
    if (codec > CodecNumber.zstd) this.fail('reserved-codec');
    const isRaw = codec === CodecNumber.raw;
    if (this.headerLength === RAW_HEADER_LENGTH) {
      this.rawLength = readUint24(this.header, 1);
      if (this.rawLength === 0 || this.rawLength > MAX_BLOCK_BYTES) this.fail('raw-length');
      if (isRaw) this.beginRaw();
    } else if (this.headerLength === ENCODED_HEADER_LENGTH) {
      this.encodedLength = readUint24(this.header, 4);
      if (this.encodedLength === 0 || this.encodedLength > this.rawLength) this.fail('encoded-length');
      this.beginEncoded(codec);
    }
    return position + 1;
  }

  private beginRaw(): void {
    this.headerLength = 0;
    this.rawRemaining = this.rawLength;
    this.state = 'raw';
  }

  private beginEncoded(codec: number): void {
    this.headerLength = 0;
    this.codec = codec;
    this.stagedLength = 0;
    this.state = 'gathering';
  }

  private passRaw(position: number, end: number, sink: BlockSink): number {
    const next = Math.min(end, position + this.rawRemaining);
    if (next === position) return position;
    this.rawRemaining -= next - position;
    if (this.rawRemaining === 0) this.state = 'header';
    sink.raw(position, next);
    return next;
  }

  private readEncoded(span: Uint8Array, position: number, end: number, sink: BlockSink): number {
    const missing = this.encodedLength - this.stagedLength;
    if (this.stagedLength === 0 && end - position >= missing) {
      return this.decode(span, position, sink) ? position + missing : position;
    }
    const taken = Math.min(missing, end - position);
    this.stage(span, position, position + taken);
    if (taken === missing) this.decode(this.staging, 0, sink);
    return position + taken;
  }

  private stage(span: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    if (this.staging.length < this.encodedLength)
      this.staging = new Uint8Array(stagingSize(this.encodedLength));
    this.staging.set(span.subarray(start, end), this.stagedLength);
    this.stagedLength += end - start;
  }

  /** False where the sink gave no buffer; the block then waits. */
  private decode(source: Uint8Array, offset: number, sink: BlockSink): boolean {
    const buffer = sink.acquire(this.rawLength);
    if (buffer === undefined) return false;
    const { compressor, encodedLength, rawLength } = this;
    const decodedLength =
      this.codec === CodecNumber.lz4
        ? compressor.lz4Decompress(source, offset, encodedLength, buffer, 0, rawLength)
        : compressor.zstdDecompress(source, offset, encodedLength, buffer, 0, rawLength);
    if (decodedLength !== rawLength) this.fail('corrupt');
    this.state = 'header';
    sink.decoded(buffer, rawLength);
    return true;
  }

  private fail(code: BlockErrorCode): never {
    this.failure = code;
    throw new BlockFormatError(code);
  }
}

/** The next power of two, so that a stream whose blocks grow makes the buffer anew a few times at most. */
function stagingSize(length: number): number {
  return Math.max(SMALLEST_STAGING_BYTES, 2 ** Math.ceil(Math.log2(length)));
}
