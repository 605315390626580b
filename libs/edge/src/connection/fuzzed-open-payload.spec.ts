import { decodeOpen, encodeOpen, OpenFormatError, type StreamOpen } from './open-payload.js';

/** `npm run fuzz:decoders` sets it to 100. */
const FACTOR = Number(process.env['FUZZ_FACTOR'] ?? 1);

const OPEN: StreamOpen = {
  flowId: '01234567-89ab-4cde-8f01-23456789abcd',
  source: { address: '10.0.0.1', port: 40_000 },
  destination: { address: 'fd00:0:0:ffff:0:0:0:1', port: 443 },
  class: 'interactive',
  weight: 77,
  compression: 'strongest',
};

/** xorshift32 (Marsaglia 2003). */
function seededIntegers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
}

function mutated(valid: Uint8Array, next: () => number): Uint8Array {
  const bytes = Uint8Array.from(valid);
  for (let i = next() % 4; i >= 0; i--) bytes[next() % bytes.length] = next() & 0xff;
  return next() % 3 === 0 ? bytes.slice(0, next() % (bytes.length + 1)) : bytes;
}

it.each([1, 2, 3])('a mutated open is refused as such, or means what it says (seed %d)', (seed) => {
  const next = seededIntegers(seed);
  const valid = encodeOpen(OPEN);
  let taken = 0;
  for (let round = 0; round < 2000 * FACTOR; round++) {
    const payload = mutated(valid, next);
    try {
      const open = decodeOpen(payload);
      taken++;
      // What was read can be said again, and then reads the same: nothing depends on bytes outside of the fields.
      expect(decodeOpen(encodeOpen(open))).toEqual(open);
    } catch (error) {
      if (!(error instanceof OpenFormatError)) throw error;
    }
  }
  expect(taken).toBeGreaterThan(20);
});
