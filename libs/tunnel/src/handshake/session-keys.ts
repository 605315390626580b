import { utf8 } from './bytes.js';
import { hkdfExpand } from './hkdf.js';
import type { NoiseSplit } from './noise.js';
import type { NoisePrimitives } from './primitives.js';

/** The AEAD that protects packets. */
export type CipherSuite = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';

/**
 * Length of the IV that the packet number is XORed into, in bytes; the same for every suite (RFC 5116 section
 * 5).
 */
export const IV_LENGTH = 12;

const KEY_LENGTHS: Record<CipherSuite, number> = {
  'aes-128-gcm': 16,
  'aes-256-gcm': 32,
  'chacha20-poly1305': 32,
};

/** What protects the packets of one direction for as long as the session lives. */
export interface DirectionKeys {
  /** 16 or 32 bytes, as the suite wants. */
  readonly key: Uint8Array;
  /** 12 bytes; the nonce of a packet is this XOR its 64-bit packet number (as RFC 9001 section 5.3). */
  readonly iv: Uint8Array;
}

export interface SessionKeys {
  readonly suite: CipherSuite;
  readonly send: DirectionKeys;
  readonly receive: DirectionKeys;
}

/** Derives the packet keys of both directions from what Noise agreed on. */
export function deriveSessionKeys(
  primitives: NoisePrimitives,
  suite: CipherSuite,
  split: NoiseSplit,
  role: 'initiator' | 'responder',
): SessionKeys {
  const forward = deriveDirectionKeys(primitives, suite, split.initiatorToResponder);
  const backward = deriveDirectionKeys(primitives, suite, split.responderToInitiator);
  return role === 'initiator'
    ? { suite, send: forward, receive: backward }
    : { suite, send: backward, receive: forward };
}

/** Noise's output is already uniform, so HKDF needs its second half only (RFC 5869 section 3.3). */
function deriveDirectionKeys(
  primitives: NoisePrimitives,
  suite: CipherSuite,
  secret: Uint8Array,
): DirectionKeys {
  return {
    key: expand(primitives, suite, secret, 'key', KEY_LENGTHS[suite]),
    iv: expand(primitives, suite, secret, 'iv', IV_LENGTH),
  };
}

function expand(
  primitives: NoisePrimitives,
  suite: CipherSuite,
  secret: Uint8Array,
  purpose: 'key' | 'iv',
  length: number,
): Uint8Array {
  return hkdfExpand(primitives, secret, utf8(`longhaul v1 ${suite} ${purpose}`), length);
}
