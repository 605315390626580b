import type { SeededRandom } from '../simulator/random.js';

/** Multiplies how much the specs of fuzzed decoders do; `npm run fuzz:decoders` sets it to 100. */
export const FUZZ_FACTOR = Number(process.env['FUZZ_FACTOR'] ?? 1);

/** One of `valid` with bits flipped, bytes overwritten, its end cut off, bytes inserted, or another's end in place of its own. */
export function mutated(valid: readonly Uint8Array[], random: SeededRandom): Uint8Array {
  const bytes = Uint8Array.from(pick(valid, random));
  const at = random.between(0, Math.max(0, bytes.length - 1));
  switch (random.between(0, 4)) {
    case 0:
      for (let i = random.between(1, 4); i > 0; i--)
        bytes[random.between(0, bytes.length - 1)] ^= 1 << random.between(0, 7);
      return bytes;
    case 1:
      bytes.set(random.bytes(Math.min(bytes.length - at, random.between(1, 8))), at);
      return bytes;
    case 2:
      return bytes.slice(0, at);
    case 3:
      return Uint8Array.from([
        ...bytes.subarray(0, at),
        ...random.bytes(random.between(1, 8)),
        ...bytes.subarray(at),
      ]);
    default: {
      const other = pick(valid, random);
      return Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(random.between(0, other.length))]);
    }
  }
}

function pick(values: readonly Uint8Array[], random: SeededRandom): Uint8Array {
  const value = values[random.between(0, values.length - 1)];
  if (value === undefined) throw new Error('nothing to mutate');
  return value;
}
