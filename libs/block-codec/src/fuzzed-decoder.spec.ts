import { expect, it } from '@jest/globals';
import { BlockDecoder, type BlockSink } from './decoder.js';
import { BlockFormatError, MAX_BLOCK_BYTES } from './format.js';
import { compressor, createEncoder, encodeAll, mixedBytes, seededIntegers } from './testing.js';

/** `npm run fuzz:decoders` sets it to 100. */
const FACTOR = Number(process.env['FUZZ_FACTOR'] ?? 1);
const GUARD = 0xa5;

/** Counts what is delivered, and gives buffers that end in bytes which nobody may change. */
class GuardingSink implements BlockSink {
  rawBytes = 0;
  blocks = 0;
  acquired = 0;
  private readonly whole = new Uint8Array(MAX_BLOCK_BYTES + 64).fill(GUARD);

  raw(start: number, end: number): void {
    this.rawBytes += end - start;
  }

  acquire(length: number): Uint8Array {
    expect(length).toBeGreaterThan(0);
    expect(length).toBeLessThanOrEqual(MAX_BLOCK_BYTES);
    this.acquired++;
    return this.whole.subarray(0, length);
  }

  decoded(): void {
    this.blocks++;
  }

  checkGuard(): void {
    expect(this.whole.subarray(MAX_BLOCK_BYTES).every((byte) => byte === GUARD)).toBe(true);
  }
}

function mutated(valid: Uint8Array, other: Uint8Array, next: () => number): Uint8Array {
  const bytes = Uint8Array.from(valid);
  for (let i = next() % 3; i >= 0; i--) bytes[next() % bytes.length] = next() & 0xff;
  if (next() % 4 === 0) return bytes.slice(0, next() % bytes.length);
  if (next() % 4 > 0) return bytes;
  const at = next() % bytes.length;
  return Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(next() % other.length)]);
}

it.each([1, 2])('a mutated stream is read or refused, with the memory of one block (seed %d)', (seed) => {
  const next = seededIntegers(seed);
  const streams = (['auto', 'strongest', 'off'] as const).map((mode) =>
    encodeAll(createEncoder({ mode }), mixedBytes(12_000, seed), 3000),
  );
  let refused = 0;
  for (let round = 0; round < 600 * FACTOR; round++) {
    const valid = streams[next() % streams.length] ?? new Uint8Array(1);
    const bytes = mutated(valid, streams[next() % streams.length] ?? valid, next);
    const decoder = new BlockDecoder(compressor);
    const sink = new GuardingSink();
    try {
      for (let at = 0; at < bytes.length;) {
        const end = Math.min(bytes.length, at + 1 + (next() % 2000));
        expect(decoder.push(bytes, at, end, sink)).toBe(end);
        at = end;
      }
      decoder.finish();
    } catch (error) {
      if (!(error instanceof BlockFormatError)) throw error;
      refused++;
    }
    expect(decoder.stagingBytes).toBeLessThanOrEqual(MAX_BLOCK_BYTES);
    expect(sink.rawBytes).toBeLessThanOrEqual(bytes.length);
    // A block takes seven bytes of header and one of content at least.
    expect(sink.acquired).toBeLessThanOrEqual(bytes.length / 8);
    sink.checkGuard();
  }
  expect(refused).toBeGreaterThan(100);
});
