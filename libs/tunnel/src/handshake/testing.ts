import { NodePrimitives } from './node-primitives.js';
import type { KeyPair, RandomBytes } from './primitives.js';
import { HandshakeInitiator, type InitiatorConfig } from './initiator.js';
import { HandshakeResponder, type AdmittedPeer, type ResponderConfig } from './responder.js';
import { InitiationHistory, InitiationTimestamps } from './timestamp.js';

/** What the specs of this folder share: seeded randomness and two sides that know each other. */

export const primitives = new NodePrimitives();

/** A 32-bit integer of uniform distribution from each call (xorshift32, Marsaglia 2003). */
export function seededIntegers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

export function seededRandom(seed: number): RandomBytes {
  const next = seededIntegers(seed);
  return (length) => Uint8Array.from({ length }, () => next() >>> 24);
}

export const NOW_UNIX_MS = 1_800_000_000_000;
export const INITIATOR_PARAMETERS = { maxUdpPayload: 1400, initialStreamWindow: 1 << 20, incarnation: 7 };
export const RESPONDER_PARAMETERS = { maxUdpPayload: 9000, initialStreamWindow: 1 << 18, incarnation: 9 };
export const INITIATOR_ADDRESS = Uint8Array.of(192, 0, 2, 1, 0x11, 0x22);

export interface Sides {
  readonly initiator: HandshakeInitiator;
  readonly responder: HandshakeResponder;
  readonly initiatorKeys: KeyPair;
  readonly responderKeys: KeyPair;
  readonly peer: AdmittedPeer;
}

export interface SidesOptions {
  readonly seed?: number;
  readonly presharedKey?: Uint8Array;
  readonly initiator?: Partial<InitiatorConfig>;
  readonly responder?: Partial<ResponderConfig>;
}

/** An initiator and a responder that admits it; `options` sets one of them apart from the other. */
export function createSides(options: SidesOptions = {}): Sides {
  const random = seededRandom(options.seed ?? 1);
  const nextInteger = seededIntegers((options.seed ?? 1) + 1000);
  const initiatorKeys = primitives.generateKeyPair(random);
  const responderKeys = primitives.generateKeyPair(random);
  const { presharedKey } = options;
  const peer: AdmittedPeer = {
    presharedKey,
    history: new InitiationHistory(),
    parameters: () => RESPONDER_PARAMETERS,
  };
  const initiator = new HandshakeInitiator(
    {
      staticKeys: initiatorKeys,
      responderPublicKey: responderKeys.publicKey,
      presharedKey,
      cipherSuites: ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'],
      parameters: () => INITIATOR_PARAMETERS,
      allocateIndex: nextInteger,
      timestamps: new InitiationTimestamps(),
      ...options.initiator,
    },
    primitives,
    random,
  );
  const responder = new HandshakeResponder(
    {
      staticKeys: responderKeys,
      cipherSuites: ['aes-128-gcm', 'chacha20-poly1305'],
      allocateIndex: nextInteger,
      lookupPeer: (publicKey) =>
        Buffer.compare(publicKey, initiatorKeys.publicKey) === 0 ? peer : undefined,
      ...options.responder,
    },
    primitives,
    random,
    0,
  );
  return { initiator, responder, initiatorKeys, responderKeys, peer };
}

/** `bytes` with one bit of the byte at `index` turned over. */
export function withFlippedBit(bytes: Uint8Array, index: number): Uint8Array {
  const changed = bytes.slice();
  changed[index] = (changed[index] ?? 0) ^ (1 << (index % 8));
  return changed;
}
