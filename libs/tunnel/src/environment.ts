import type { NoisePrimitives } from './handshake/index.js';
import type { PacketCrypto } from './io.js';

/** Everything that the protocol does not have of its own: memory, ciphers, randomness, a calendar. */
export interface Environment {
  /** The slab that all bytes lie in, at most 2^31 - 1 bytes. Receive region, scratch and stream buffers are cut from it. */
  readonly memory: Uint8Array;
  readonly crypto: PacketCrypto;
  readonly noise: NoisePrimitives;
  /** Cryptographically secure, except in a simulation that is to replay. */
  readonly random: (length: number) => Uint8Array;
  /** Milliseconds since 1970, for the timestamps of initiations. */
  readonly unixTimeMs: () => number;
}
