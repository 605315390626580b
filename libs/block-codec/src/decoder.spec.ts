import { describe, expect, it } from '@jest/globals';
import { BlockDecoder, type BlockSink } from './decoder.js';
import { BlockFormatError, MAX_BLOCK_BYTES, writeEncodedHeader, type BlockErrorCode } from './format.js';
import {
  compressor,
  createEncoder,
  decodeAll,
  encodeAll,
  GatheringSink,
  mixedBytes,
  seededIntegers,
  textBytes,
} from './testing.js';

function errorOf(action: () => unknown): BlockErrorCode | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof BlockFormatError) return error.code;
    throw error;
  }
}

const TEXT = textBytes(20_000, 1);
const LZ4_BLOCK = encodeAll(createEncoder(), TEXT, TEXT.length);
const ZSTD_BLOCK = encodeAll(createEncoder({ mode: 'strongest' }), TEXT, TEXT.length);

function withByte(bytes: Uint8Array, index: number, value: number): Uint8Array {
  const changed = bytes.slice();
  changed[index] = value;
  return changed;
}

describe('a malformed stream', () => {
  it.each<[string, BlockErrorCode, readonly number[]]>([
    ['a reserved codec', 'reserved-codec', [3]],
    ['a codec far off', 'reserved-codec', [255]],
    ['an empty raw block', 'raw-length', [0, 0, 0, 0]],
    ['a raw block over 256 KiB', 'raw-length', [0, 4, 0, 1]],
    ['an encoded block over 256 KiB', 'raw-length', [1, 4, 0, 1, 0, 0, 9]],
    ['an empty encoded block', 'encoded-length', [1, 0, 1, 0, 0, 0, 0]],
    ['encoded bytes over the raw bytes', 'encoded-length', [2, 0, 1, 0, 0, 1, 1]],
  ])('with %s is refused at its header, and stays refused', (_what, code, bytes) => {
    for (const length of [1, bytes.length]) {
      const decoder = new BlockDecoder(compressor);
      expect(errorOf(() => decodeAll(Uint8Array.from(bytes), () => length, decoder))).toBe(code);
      expect(errorOf(() => decoder.push(LZ4_BLOCK, 0, LZ4_BLOCK.length, new GatheringSink()))).toBe(code);
      expect(errorOf(() => decoder.finish())).toBe(code);
      expect(decoder.stagingBytes).toBe(0);
    }
  });

  it.each([
    ['lz4', LZ4_BLOCK],
    ['zstd', ZSTD_BLOCK],
  ])('whose %s block holds more or less than its header says is refused', (_codec, block) => {
    const rawLength = TEXT.length;
    for (const wrongLength of [rawLength - 1, rawLength + 1, 2 * rawLength]) {
      const wrong = block.slice();
      writeEncodedHeader(wrong, 0, wrong[0] === 1 ? 'lz4' : 'zstd', wrongLength, block.length - 7);
      expect([wrongLength, errorOf(() => decodeAll(wrong, () => 1400))]).toEqual([wrongLength, 'corrupt']);
    }
  });

  it('that ends anywhere inside a block is truncated', () => {
    const stream = Buffer.concat([LZ4_BLOCK, Uint8Array.of(0, 0, 0, 2, 7, 7)]);
    for (let length = 1; length < stream.length; length++) {
      const expected = length === LZ4_BLOCK.length ? undefined : 'truncated';
      expect([length, errorOf(() => decodeAll(stream.subarray(0, length), () => length))]).toEqual([
        length,
        expected,
      ]);
    }
  });

  it('is delivered up to where it breaks', () => {
    const sink = new GatheringSink();
    sink.span = Buffer.concat([LZ4_BLOCK, Uint8Array.of(9)]);
    const decoder = new BlockDecoder(compressor);
    expect(errorOf(() => decoder.push(sink.span, 0, sink.span.length, sink))).toBe('reserved-codec');
    expect(Buffer.compare(sink.bytes, TEXT)).toBe(0);
  });

  it('is either read or refused with a code, whatever bytes are changed', () => {
    const next = seededIntegers(5);
    for (const block of [LZ4_BLOCK, ZSTD_BLOCK]) {
      for (let round = 0; round < 3000; round++) {
        const decoder = new BlockDecoder(compressor);
        let changed = block;
        for (let count = next() % 4; count >= 0; count--) {
          const index = next() % (next() % 2 === 0 ? 40 : block.length);
          changed = withByte(changed, index, next() & 0xff);
        }
        errorOf(() => decodeAll(changed, () => 1 + (next() % 3000), decoder));
        expect(decoder.stagingBytes).toBeLessThanOrEqual(MAX_BLOCK_BYTES);
      }
    }
  });
});

describe('memory', () => {
  it('passes raw bytes on as they arrive, without a copy and without waiting for the block', () => {
    const spans: [number, number][] = [];
    const sink: BlockSink = {
      raw: (start, end) => spans.push([start, end]),
      acquire: () => {
        throw new Error('raw bytes need no buffer');
      },
      decoded: () => undefined,
    };
    const decoder = new BlockDecoder(compressor);
    const span = Uint8Array.of(0, 0, 0, 5, 1, 2, 3);
    expect(decoder.push(span, 0, 7, sink)).toBe(7);
    expect(spans).toEqual([[4, 7]]);
    decoder.push(Uint8Array.of(99, 4, 5, 99), 1, 3, sink);
    expect(spans).toEqual([
      [4, 7],
      [1, 3],
    ]);
    expect(decoder.stagingBytes).toBe(0);
    decoder.finish();
  });

  it('decodes a block that lies whole in a span straight from it', () => {
    const decoder = new BlockDecoder(compressor);
    decodeAll(LZ4_BLOCK, () => LZ4_BLOCK.length, decoder);
    expect(decoder.stagingBytes).toBe(0);
  });

  it('stays within 256 KiB and one set of buffers over a long stream', () => {
    const decoder = new BlockDecoder(compressor);
    const stream = encodeAll(createEncoder(), mixedBytes(1_000_000, 6), 65_536);
    decodeAll(stream, () => 1400, decoder);
    const afterFirst = decoder.stagingBytes;
    expect(afterFirst).toBeGreaterThan(0);
    for (let repeat = 0; repeat < 20; repeat++) decodeAll(stream, () => 1400, decoder);
    expect(decoder.stagingBytes).toBe(afterFirst);
    expect(decoder.stagingBytes).toBeLessThanOrEqual(MAX_BLOCK_BYTES);
  });
});

describe('a sink without a buffer to give', () => {
  const stream = Buffer.concat([LZ4_BLOCK, ZSTD_BLOCK, LZ4_BLOCK]);

  it('stops the decoder before the block, which goes on from there', () => {
    const decoder = new BlockDecoder(compressor);
    const sink = new GatheringSink();
    sink.span = stream;
    let position = 0;
    for (let block = 0; block < 3; block++) {
      sink.budget = 0;
      position = decoder.push(stream, position, stream.length, sink);
      expect(position).toBeLessThan(stream.length);
      expect(sink.parts).toHaveLength(block);
      sink.budget = 1;
      position = decoder.push(stream, position, stream.length, sink);
    }
    expect(position).toBe(stream.length);
    decoder.finish();
    expect(Buffer.compare(sink.bytes, Buffer.concat([TEXT, TEXT, TEXT]))).toBe(0);
  });

  it('is asked again for a block that was gathered, with no further bytes', () => {
    const decoder = new BlockDecoder(compressor);
    const sink = new GatheringSink();
    sink.budget = 0;
    decoder.push(LZ4_BLOCK, 0, 10, sink);
    expect(decoder.push(LZ4_BLOCK, 10, LZ4_BLOCK.length, sink)).toBe(LZ4_BLOCK.length);
    expect(sink.parts).toHaveLength(0);
    expect(errorOf(() => decoder.push(LZ4_BLOCK, 0, 0, sink))).toBeUndefined();
    sink.budget = 1;
    decoder.push(LZ4_BLOCK, 0, 0, sink);
    expect(Buffer.compare(sink.bytes, TEXT)).toBe(0);
    decoder.finish();
  });
});
