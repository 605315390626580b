import type { NativeHandle } from './binding.js';
import { binding } from './implementation.js';

export type CipherSuite = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';

/** AEAD over batches of packets, on the OpenSSL that Node.js carries. Keys are known by number. */
export class NativePacketCrypto {
  /** For the other classes of this package. */
  readonly handle: NativeHandle = binding.aeadCreate();

  /**
   * @param key 16 bytes for aes-128-gcm, else 32
   * @param iv 12 bytes; the nonce is iv XOR packet number (RFC 8446 section 5.3)
   * @returns the key's number, which may be one that was removed before
   */
  addKey(suite: CipherSuite, key: Uint8Array, iv: Uint8Array): number {
    return binding.aeadAddKey(this.handle, suite, key, iv);
  }

  /** Wipes a key. Its number may be given out again. */
  removeKey(id: number): void {
    binding.aeadRemoveKey(this.handle, id);
  }

  /**
   * Opens in place the first `count` receive records whose key is not -1, and writes the plaintext's length, or -1, to
   * each record's result. Throws a RangeError for a record that points outside `memory`.
   */
  open(memory: Uint8Array, descriptors: Int32Array, count: number): void {
    binding.aeadOpen(this.handle, memory, descriptors, count);
  }

  /**
   * Seals `count` send records one after the other into `out`.
   * @param outLengths receives the length of each packet
   * @returns bytes written to `out`
   */
  sealInto(
    memory: Uint8Array,
    descriptors: Int32Array,
    count: number,
    out: Uint8Array,
    outLengths: Int32Array,
  ): number {
    return binding.aeadSealInto(this.handle, memory, descriptors, count, out, outLengths);
  }
}
