import { describe, expect, it } from '@jest/globals';
import { FAILURES_BEFORE_PAUSE, FIRST_PAUSE_BLOCKS, LONGEST_PAUSE_BLOCKS } from './back-off.js';
import type { BlockCompressor } from './compressor.js';
import { BlockEncoder, encodedBound, MIN_COMPRESSIBLE_BYTES } from './encoder.js';
import { CodecNumber, readUint24 } from './format.js';
import { compressor, createEncoder, randomBytes, textBytes } from './testing.js';

const BLOCK = 16_384;
const RANDOM = randomBytes(BLOCK, 1);
const TEXT = textBytes(BLOCK, 2);
const out = new Uint8Array(encodedBound(BLOCK));

/** The first `randomShare` of the block random, the rest zeros: that share is its encoded length, near enough. */
function partlyRandom(randomShare: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  block.set(RANDOM.subarray(0, Math.round(BLOCK * randomShare)));
  return block;
}

/** The real compressor, with a count of the blocks that it was given. */
function countingCompressor(): BlockCompressor & { tries: number } {
  const counting = {
    ...compressor,
    tries: 0,
    lz4Compress: (...block: Parameters<BlockCompressor['lz4Compress']>): number => {
      counting.tries++;
      return compressor.lz4Compress(...block);
    },
  };
  return counting;
}

describe('the 80 % rule', () => {
  it.each([
    ['lz4', { codec: 'lz4' }],
    ['zstd', { codec: 'zstd', level: 3 }],
  ] as const)(
    'sends a block raw whose %s output is over 80 %% of its input, and only then',
    (codec, choice) => {
      for (const [randomShare, expected] of [
        [0.1, codec],
        [0.77, codec],
        [0.83, 'raw'],
        [1, 'raw'],
      ] as const) {
        const encoder = createEncoder({ chooseCodec: () => choice });
        const written = encoder.encode(partlyRandom(randomShare), 0, BLOCK, out);
        expect([randomShare, out[0]]).toEqual([randomShare, CodecNumber[expected]]);
        expect(readUint24(out, 1)).toBe(BLOCK);
        if (expected === 'raw') expect(written).toBe(BLOCK + 4);
        else expect(readUint24(out, 4)).toBeLessThanOrEqual(0.8 * BLOCK);
      }
    },
  );

  it('does not try blocks that are too short to gain', () => {
    const counting = countingCompressor();
    const encoder = new BlockEncoder(counting, { mode: 'auto' });
    encoder.encode(new Uint8Array(MIN_COMPRESSIBLE_BYTES - 1), 0, MIN_COMPRESSIBLE_BYTES - 1, out);
    expect(counting.tries).toBe(0);
    encoder.encode(new Uint8Array(MIN_COMPRESSIBLE_BYTES), 0, MIN_COMPRESSIBLE_BYTES, out);
    expect(counting.tries).toBe(1);
  });
});

describe('a stream that keeps failing the rule', () => {
  /** For each block whether it was tried. */
  function triesOver(blocks: number, contentOf: (index: number) => Uint8Array): boolean[] {
    const counting = countingCompressor();
    const encoder = new BlockEncoder(counting, { mode: 'auto' });
    return Array.from({ length: blocks }, (_unused, index) => {
      const before = counting.tries;
      encoder.encode(contentOf(index), 0, BLOCK, out);
      return counting.tries > before;
    });
  }

  it('stops trying after 4 failures, and looks again after 16 blocks, then 32, up to every 256', () => {
    const tries = triesOver(2000, () => RANDOM);
    const triedAt = tries.flatMap((wasTried, index) => (wasTried ? [index] : []));
    expect(triedAt.slice(0, FAILURES_BEFORE_PAUSE)).toEqual([0, 1, 2, 3]);
    const pauses = triedAt
      .slice(FAILURES_BEFORE_PAUSE)
      .map((at, index) => at - (triedAt[index + 3] ?? 0) - 1);
    expect(pauses.slice(0, 6)).toEqual([
      FIRST_PAUSE_BLOCKS,
      32,
      64,
      128,
      LONGEST_PAUSE_BLOCKS,
      LONGEST_PAUSE_BLOCKS,
    ]);
    expect(Math.max(...pauses)).toBe(LONGEST_PAUSE_BLOCKS);
  });

  it('tries every block again once one succeeds', () => {
    const compressibleFrom = 10;
    const tries = triesOver(60, (index) => (index < compressibleFrom ? RANDOM : TEXT));
    const resumedAt = FAILURES_BEFORE_PAUSE + FIRST_PAUSE_BLOCKS;
    expect(tries.slice(FAILURES_BEFORE_PAUSE, resumedAt)).not.toContain(true);
    expect(tries.slice(resumedAt)).not.toContain(false);
  });

  it('does not stop where every fourth block compresses', () => {
    expect(triesOver(200, (index) => (index % 4 === 3 ? TEXT : RANDOM))).not.toContain(false);
  });

  it('starts from the short pause again after a success', () => {
    const tries = triesOver(200, (index) =>
      index === FAILURES_BEFORE_PAUSE + FIRST_PAUSE_BLOCKS ? TEXT : RANDOM,
    );
    const failsAgainFrom = FAILURES_BEFORE_PAUSE + FIRST_PAUSE_BLOCKS + 1;
    const secondPause = tries.slice(failsAgainFrom + FAILURES_BEFORE_PAUSE);
    expect(secondPause.indexOf(true)).toBe(FIRST_PAUSE_BLOCKS);
  });
});

describe('modes', () => {
  it('off compresses nothing', () => {
    const encoder = createEncoder({ mode: 'off', chooseCodec: () => ({ codec: 'lz4' }) });
    encoder.encode(TEXT, 0, BLOCK, out);
    expect(encoder.statistics.blocks).toEqual({ raw: 1, lz4: 0, zstd: 0 });
    expect(encoder.statistics.compressionNs).toBe(0);
  });

  it('strongest takes zstd', () => {
    const encoder = createEncoder({ mode: 'strongest' });
    encoder.encode(TEXT, 0, BLOCK, out);
    expect(encoder.statistics.blocks).toEqual({ raw: 0, lz4: 0, zstd: 1 });
  });

  it('auto asks for each block, with the statistics so far', () => {
    const seen: number[] = [];
    const encoder = createEncoder({
      chooseCodec: (statistics) => {
        seen.push(statistics.rawBytes);
        return seen.length === 1 ? { codec: 'lz4' } : { codec: 'zstd', level: 1 };
      },
    });
    for (let block = 0; block < 3; block++) encoder.encode(TEXT, 0, BLOCK, out);
    expect(seen).toEqual([0, BLOCK, 2 * BLOCK]);
    expect(encoder.statistics.blocks).toEqual({ raw: 0, lz4: 1, zstd: 2 });
  });

  it('counts the time of blocks that are tried, by the clock handed in', () => {
    let nowMs = 0;
    const encoder = createEncoder({ nowMs: () => (nowMs += 0.25) });
    encoder.encode(RANDOM, 0, BLOCK, out);
    encoder.encode(TEXT, 0, BLOCK, out);
    expect(encoder.statistics.compressionNs).toBe(500_000);
  });
});

describe('the range and the room', () => {
  it('encodes just the range', () => {
    const encoder = createEncoder({ mode: 'off' });
    const written = encoder.encode(RANDOM, 100, 110, out);
    expect(out.slice(0, written)).toEqual(Uint8Array.of(0, 0, 0, 10, ...RANDOM.subarray(100, 110)));
  });

  it('refuses a range outside of the source, and too little room', () => {
    const encoder = createEncoder();
    expect(() => encoder.encode(RANDOM, -1, 5, out)).toThrow(RangeError);
    expect(() => encoder.encode(RANDOM, 6, 5, out)).toThrow(RangeError);
    expect(() => encoder.encode(RANDOM, 0, BLOCK + 1, out)).toThrow(RangeError);
    expect(() => encoder.encode(RANDOM, 0, BLOCK, new Uint8Array(BLOCK + 3))).toThrow('needs room');
  });
});
