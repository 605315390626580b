import { concatBytes, equalInConstantTime, utf8 } from './bytes.js';
import { MAC_LENGTH } from './messages.js';
import type { NoisePrimitives } from './primitives.js';

/*
 * mac1 and mac2 stand at the end of the initiation and the response and are checked before any Diffie-Hellman
 * (WireGuard paper, sections 5.3 and 5.4.4). mac1 shows that the sender knows the receiver's public key, so
 * that nobody who merely scans addresses gets an answer; mac2 shows that it holds a cookie, so that it
 * receives at the address it claims. Both are HMAC-SHA256 cut to 16 bytes, where WireGuard has keyed BLAKE2s.
 */

const MAC1_LABEL = utf8('longhaul v1 mac1');

/** The key of mac1 on messages to the owner of this static public key. */
export function mac1Key(primitives: NoisePrimitives, receiverPublicKey: Uint8Array): Uint8Array {
  return primitives.sha256(concatBytes(MAC1_LABEL, receiverPublicKey));
}

/** HMAC-SHA256 cut to 16 bytes. */
export function shortMac(primitives: NoisePrimitives, key: Uint8Array, data: Uint8Array): Uint8Array {
  return primitives.hmacSha256(key, data).subarray(0, MAC_LENGTH);
}

/** Fills in mac1 and, where a cookie is held, mac2; without one mac2 stays zero. */
export function writeMacs(
  primitives: NoisePrimitives,
  message: Uint8Array,
  key: Uint8Array,
  cookie?: Uint8Array,
): void {
  message.set(shortMac(primitives, key, beforeMac1(message)), message.length - 2 * MAC_LENGTH);
  if (cookie !== undefined) {
    message.set(shortMac(primitives, cookie, beforeMac2(message)), message.length - MAC_LENGTH);
  }
}

export function mac1Of(message: Uint8Array): Uint8Array {
  return message.subarray(message.length - 2 * MAC_LENGTH, message.length - MAC_LENGTH);
}

export function mac2Of(message: Uint8Array): Uint8Array {
  return message.subarray(message.length - MAC_LENGTH);
}

/** A copy that shows no cookie. */
export function withoutMac2(message: Uint8Array): Uint8Array {
  const bytes = message.slice();
  bytes.fill(0, bytes.length - MAC_LENGTH);
  return bytes;
}

export function hasValidMac1(primitives: NoisePrimitives, message: Uint8Array, key: Uint8Array): boolean {
  return equalInConstantTime(mac1Of(message), shortMac(primitives, key, beforeMac1(message)));
}

export function hasValidMac2(primitives: NoisePrimitives, message: Uint8Array, cookie: Uint8Array): boolean {
  return equalInConstantTime(mac2Of(message), shortMac(primitives, cookie, beforeMac2(message)));
}

function beforeMac1(message: Uint8Array): Uint8Array {
  return message.subarray(0, message.length - 2 * MAC_LENGTH);
}

function beforeMac2(message: Uint8Array): Uint8Array {
  return message.subarray(0, message.length - MAC_LENGTH);
}
