import { concatBytes } from './bytes.js';
import { HASH_LENGTH, type NoisePrimitives } from './primitives.js';

/** HKDF-Extract with SHA-256 (RFC 5869 section 2.2). */
export function hkdfExtract(primitives: NoisePrimitives, salt: Uint8Array, material: Uint8Array): Uint8Array {
  return primitives.hmacSha256(salt, material);
}

/**
 * HKDF-Expand with SHA-256 (RFC 5869 section 2.3).
 *
 * @param length bytes wanted, at most 255 * 32
 */
export function hkdfExpand(
  primitives: NoisePrimitives,
  key: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const output = new Uint8Array(Math.ceil(length / HASH_LENGTH) * HASH_LENGTH);
  let block: Uint8Array = new Uint8Array(0);
  for (let index = 0; index * HASH_LENGTH < length; index++) {
    block = primitives.hmacSha256(key, concatBytes(block, info, Uint8Array.of(index + 1)));
    output.set(block, index * HASH_LENGTH);
  }
  return output.subarray(0, length);
}
