/** GF(2^8) with the reduction polynomial x^8 + x^4 + x^3 + x^2 + 1, as RFC 5510 section 8.1 has it; 2 generates it. */
const POLYNOMIAL = 0x11d;

const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power++) {
  EXP[power] = EXP[power + 255] = value;
  LOG[value] = power;
  value <<= 1;
  if (value > 255) value ^= POLYNOMIAL;
}

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : EXP[LOG[a] + LOG[b]];
}

/** Of anything but 0. */
export function inverse(a: number): number {
  return EXP[255 - LOG[a]];
}

const row = new Uint8Array(256);

/** Adds `factor` times the `length` bytes at `from` to those at `to`. Addition is XOR, so it subtracts as well. */
export function addMultiple(
  target: Uint8Array,
  to: number,
  source: Uint8Array,
  from: number,
  length: number,
  factor: number,
): void {
  for (let value = 1; value < 256; value++) row[value] = multiply(factor, value);
  for (let i = 0; i < length; i++) target[to + i] ^= row[source[from + i]];
}

/** Multiplies `length` bytes at `at` by `factor`. */
export function scale(bytes: Uint8Array, at: number, length: number, factor: number): void {
  for (let i = 0; i < length; i++) bytes[at + i] = multiply(factor, bytes[at + i]);
}
