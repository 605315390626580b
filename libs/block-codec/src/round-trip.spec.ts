import { describe, expect, it } from '@jest/globals';
import { BlockDecoder } from './decoder.js';
import { encodedBound } from './encoder.js';
import { MAX_BLOCK_BYTES } from './format.js';
import {
  compressor,
  createEncoder,
  decodeAll,
  encodeAll,
  mixedBytes,
  randomBytes,
  seededIntegers,
  textBytes,
} from './testing.js';

const LENGTH = 150_000;
const CONTENTS = {
  random: randomBytes(LENGTH, 1),
  text: textBytes(LENGTH, 2),
  zeros: new Uint8Array(LENGTH),
  mixed: mixedBytes(LENGTH, 3),
};
const MODES = ['auto', 'off', 'strongest'] as const;

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe.each(MODES)('in the mode %s', (mode) => {
  it.each(Object.entries(CONTENTS))(
    '%s come back as they were, however the stream is cut',
    (_name, source) => {
      for (const blockLength of [1000, 65_536, LENGTH]) {
        const stream = encodeAll(createEncoder({ mode }), source, blockLength);
        for (const spanLength of [1, 1400, 65_536, stream.length]) {
          expect([
            blockLength,
            spanLength,
            isSame(
              decodeAll(stream, () => spanLength),
              source,
            ),
          ]).toEqual([blockLength, spanLength, true]);
        }
      }
    },
  );
});

describe('a stream of blocks', () => {
  it('comes back from 100 random ways to cut it and to choose codecs', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const next = seededIntegers(seed);
      const choices = [{ codec: 'raw' }, { codec: 'lz4' }, { codec: 'zstd', level: 1 }] as const;
      const encoder = createEncoder({ chooseCodec: () => choices[next() % choices.length] ?? choices[0] });
      const source = mixedBytes(1 + (next() % 200_000), seed);
      const stream = encodeAll(encoder, source, 1 + (next() % 100_000));
      expect([
        seed,
        isSame(
          decodeAll(stream, () => 1 + (next() % 20_000)),
          source,
        ),
      ]).toEqual([seed, true]);
    }
  });

  it('is as long as the statistics say, never longer than its bound, and short for text', () => {
    for (const source of Object.values(CONTENTS)) {
      const encoder = createEncoder();
      const stream = encodeAll(encoder, source, 65_536);
      expect(encoder.statistics).toMatchObject({ rawBytes: source.length, encodedBytes: stream.length });
      expect(stream.length).toBeLessThanOrEqual(source.length + 4 * Math.ceil(source.length / 65_536));
    }
    expect(encodeAll(createEncoder(), CONTENTS.zeros, 65_536).length).toBeLessThan(LENGTH / 100);
    const lz4 = encodeAll(createEncoder(), CONTENTS.text, 65_536).length;
    const strongest = encodeAll(createEncoder({ mode: 'strongest' }), CONTENTS.text, 65_536).length;
    expect(lz4).toBeLessThan(0.6 * LENGTH);
    expect(strongest).toBeLessThan(0.8 * lz4);
  });

  it('holds blocks of 256 KiB at most, whatever is given at once', () => {
    const source = textBytes(2 * MAX_BLOCK_BYTES + 5, 4);
    const encoder = createEncoder({ mode: 'off' });
    const stream = encodeAll(encoder, source, source.length);
    expect(encoder.statistics.blocks).toEqual({ raw: 3, lz4: 0, zstd: 0 });
    expect(stream).toHaveLength(encodedBound(source.length));
    expect(
      isSame(
        decodeAll(stream, () => 10_000),
        source,
      ),
    ).toBe(true);
  });

  it('may be empty', () => {
    expect(createEncoder().encode(new Uint8Array(0), 0, 0, new Uint8Array(0))).toBe(0);
    expect(() => new BlockDecoder(compressor).finish()).not.toThrow();
  });
});
