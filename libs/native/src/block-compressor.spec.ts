import { loadAddon } from './addon.js';
import { lz4Compress, lz4Decompress, zstdCompress, zstdDecompress } from './block-compressor.js';
import { features } from './features.js';
import { patternBytes, thrownBy } from './testing/support.js';

const words = new TextEncoder().encode('the quick brown fox jumps over the lazy dog; '.repeat(2_000));

/** An implementation that only decompresses zstd is given the addon's blocks. */
const zstd = features.zstdCompression ? zstdCompress : loadAddon().zstdCompress;

const codecs = [
  { name: 'lz4', compress: lz4Compress, decompress: lz4Decompress },
  ...[1, 3, 19].map((level) => ({
    name: `zstd ${level}`,
    compress: (...span: Parameters<typeof lz4Compress>) => zstd(...span, level),
    decompress: zstdDecompress,
  })),
];

describe.each(codecs)('$name', ({ compress, decompress }) => {
  const encode = (bytes: Uint8Array): Uint8Array => {
    const encoded = new Uint8Array(bytes.length + 1_024);
    return encoded.slice(0, compress(bytes, 0, bytes.length, encoded, 0, encoded.length));
  };

  test('round trips at offsets, and touches nothing else', () => {
    for (const bytes of [words, patternBytes(50_000, 1), new Uint8Array(262_144), words.subarray(0, 1)]) {
      const source = new Uint8Array(bytes.length + 20).fill(9);
      source.set(bytes, 10);
      const encoded = new Uint8Array(bytes.length + 2_048).fill(0xee);
      const length = compress(source, 10, bytes.length, encoded, 5, bytes.length + 1_024);
      expect(length).toBeGreaterThan(0);
      expect(encoded.slice(0, 5)).toEqual(new Uint8Array(5).fill(0xee));
      expect(encoded[5 + bytes.length + 1_024]).toBe(0xee);
      const decoded = new Uint8Array(bytes.length + 20).fill(0xdd);
      expect(decompress(encoded, 5, length, decoded, 10, bytes.length)).toBe(bytes.length);
      expect(Buffer.from(decoded.subarray(10, 10 + bytes.length)).equals(bytes)).toBe(true);
      expect(decoded.slice(0, 10)).toEqual(new Uint8Array(10).fill(0xdd));
      expect(decoded.slice(10 + bytes.length)).toEqual(new Uint8Array(10).fill(0xdd));
    }
  });

  test('makes text much smaller', () => {
    expect(encode(words).length).toBeLessThan(words.length / 10);
  });

  test('gives 0 when the output does not fit, by one byte too', () => {
    const exact = encode(words).length;
    const out = new Uint8Array(words.length);
    expect(compress(words, 0, words.length, out, 0, exact - 1)).toBe(0);
    expect(compress(words, 0, words.length, out, 0, 0)).toBe(0);
    const random = patternBytes(10_000, 2);
    expect(compress(random, 0, random.length, out, 0, 8_000)).toBe(0);
    expect(compress(words, 0, words.length, out, 0, out.length)).toBe(exact);
  });

  test('a decoded block longer than the destination is refused', () => {
    const encoded = encode(words);
    const out = new Uint8Array(words.length);
    expect(decompress(encoded, 0, encoded.length, out, 0, words.length - 1)).toBe(-1);
    expect(decompress(encoded, 0, encoded.length, out, 0, words.length)).toBe(words.length);
  });

  test('malformed input never decodes to the original, and never writes past its bounds', () => {
    const encoded = encode(words.subarray(0, 3_000));
    const out = new Uint8Array(3_100).fill(0xaa);
    const guard = new Uint8Array(100).fill(0xaa);
    for (let cut = 0; cut < encoded.length; cut++) {
      expect(decompress(encoded, 0, cut, out, 0, 3_000)).not.toBe(3_000);
    }
    for (let at = 0; at < encoded.length; at++) {
      const broken = encoded.slice();
      broken[at] ^= 0x5a;
      const length = decompress(broken, 0, broken.length, out, 0, 3_000);
      expect(length).toBeLessThanOrEqual(3_000);
      expect(length).toBeGreaterThanOrEqual(-1);
    }
    for (let seed = 1; seed < 500; seed++) {
      const length = decompress(patternBytes(seed, seed), 0, seed, out, 0, 3_000);
      expect(length).toBeLessThanOrEqual(3_000);
    }
    expect(out.slice(3_000)).toEqual(guard);
    expect(decompress(encoded, 0, encoded.length, out, 0, 3_000)).toBe(3_000);
  });

  test('spans outside their arrays are RangeErrors', () => {
    const ten = new Uint8Array(10);
    const spans: [number, number, number, number][] = [
      [0, 11, 0, 10],
      [10, 1, 0, 10],
      [-1, 5, 0, 10],
      [0, -1, 0, 10],
      [0, 10, 0, 11],
      [0, 10, 11, 0],
      [0, 10, -1, 1],
      [0, 10, 0, NaN],
      [2 ** 31, 1, 0, 10],
      [0.5, 1, 0, 10],
    ];
    for (const [from, length, to, capacity] of spans) {
      expect(thrownBy(() => compress(ten, from, length, ten, to, capacity))?.name).toBe('RangeError');
      expect(thrownBy(() => decompress(ten, from, length, ten, to, capacity))?.name).toBe('RangeError');
    }
  });
});

test('levels that zstd has not are RangeErrors', () => {
  const ten = new Uint8Array(10);
  for (const level of [0, 20, -1, 1.5]) {
    expect(thrownBy(() => zstdCompress(ten, 0, 10, ten, 0, 10, level))?.name).toBe('RangeError');
  }
});
