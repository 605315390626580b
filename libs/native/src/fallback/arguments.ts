import { types } from 'node:util';

/** Checks of what callers hand over, with the errors that the addon throws. */

export function checkInteger(value: unknown, name: string, least: number, most: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name} has to be a number`);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} has to be a whole number from ${least} to ${most}`);
  }
  return value;
}

const NO_BYTES = new Uint8Array(0);

/** Of an array whose memory was taken away, an empty one: Node.js makes no views of it. */
export function checkBytes(value: unknown, name: string): Uint8Array {
  if (!types.isUint8Array(value)) throw new TypeError(`${name} has to be a Uint8Array`);
  return value.length === 0 ? NO_BYTES : value;
}

export function checkInts(value: unknown, name: string): Int32Array {
  if (!types.isInt32Array(value)) throw new TypeError(`${name} has to be an Int32Array`);
  return value;
}

export function checkBoolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${name} has to be true or false`);
  return value;
}

export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw new TypeError(`${name} has to be a function`);
}

export function checkString(value: unknown, name: string, capacity: number): string {
  if (typeof value !== 'string' || Buffer.byteLength(value) >= capacity) {
    throw new TypeError(`${name} has to be a string of fewer than ${capacity} bytes`);
  }
  return value;
}

type Constructor<Kind> = abstract new (...parameters: never[]) => Kind;

/** One of our own handles, of the kind that is wanted. */
export function checkHandle<Kind>(value: unknown, kind: Constructor<Kind>, name: string): Kind {
  if (!(value instanceof kind)) throw new TypeError(`${name} is not a handle of this package`);
  return value;
}

export function checkRange(what: string, offset: number, length: number, available: number): void {
  if (offset >= 0 && length >= 0 && offset <= available && length <= available - offset) return;
  throw new RangeError(`${what}: ${length} bytes at ${offset} do not lie within ${available}`);
}

export const INT32_MAX = 2 ** 31 - 1;

/** `bytes[offset, offset + length)`, without a copy. */
export function checkSpan(
  value: unknown,
  offset: unknown,
  length: unknown,
  name: string,
  leastLength = 0,
): Uint8Array {
  const whole = checkBytes(value, name);
  const from = checkInteger(offset, 'offset', 0, INT32_MAX);
  const count = checkInteger(length, 'length', leastLength, INT32_MAX);
  checkRange(name, from, count, whole.length);
  return whole.subarray(from, from + count);
}
