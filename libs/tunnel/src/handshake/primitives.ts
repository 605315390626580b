/**
 * Fills a fresh array with `length` random bytes; seeded in a simulation, the system's generator in an agent.
 */
export type RandomBytes = (length: number) => Uint8Array;

/** An X25519 key pair, both halves raw (32 bytes each, RFC 7748 section 5). */
export interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

export const KEY_LENGTH = 32;
export const HASH_LENGTH = 32;
/** Length of the AES-GCM tag that ends every sealed text, in bytes. */
export const TAG_LENGTH = 16;

/**
 * The cryptographic functions that `Noise_*_25519_AESGCM_SHA256` is built of. Nothing in the handshake
 * reaches for cryptography or randomness elsewhere, so a simulation with seeded randomness replays byte for
 * byte.
 */
export interface NoisePrimitives {
  generateKeyPair(random: RandomBytes): KeyPair;
  /**
   * The public key that belongs to a raw private key.
   *
   * @throws RangeError if the private key is not 32 bytes long.
   */
  publicKey(privateKey: Uint8Array): Uint8Array;
  /**
   * X25519 (RFC 7748 section 5). Returns 32 bytes, or `undefined` where the shared secret is all zero because
   * the other side sent a point of small order (RFC 7748 section 6.1).
   *
   * @throws RangeError if a key is not 32 bytes long.
   */
  dh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  sha256(data: Uint8Array): Uint8Array;
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /**
   * AES-256-GCM with Noise's nonce: 32 zero bits, then `counter` as 64 bits big-endian (Noise rev 34, section
   * 12.4). Returns ciphertext and tag.
   *
   * @param counter an integer from 0 to 2^53 - 1
   */
  seal(key: Uint8Array, counter: number, additionalData: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** The inverse of {@link seal}; `undefined` where the sealed text is not authentic. */
  open(
    key: Uint8Array,
    counter: number,
    additionalData: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined;
}
