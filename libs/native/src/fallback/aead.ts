import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type CipherGCMTypes,
  type KeyObject,
} from 'node:crypto';
import type { Binding, NativeHandle } from '../binding.js';
import { checkBytes, checkHandle, checkInteger, checkInts, checkRange, checkString } from './arguments.js';
import { Receive, receiveStride, Send, sendStride } from './layout.js';

const MAX_KEYS = 65_536;
const TAG_BYTES = 16;
const IV_BYTES = 12;
const SUITE_NAME_BYTES = 32;
const KEY_BYTES: Readonly<Record<string, number>> = {
  'aes-128-gcm': 16,
  'aes-256-gcm': 32,
  'chacha20-poly1305': 32,
};
/** The key number of packets that are not sealed. */
const NO_KEY = -1;
const TAGGED = { authTagLength: TAG_BYTES };

interface PacketKey {
  /** Node.js types ChaCha20-Poly1305 apart, and takes it in the same way. */
  readonly suite: CipherGCMTypes;
  readonly secret: KeyObject;
  readonly iv: Uint8Array;
}

/** Packet protection by node:crypto; keys are known by number. */
export class FallbackAead {
  private readonly keys: (PacketKey | undefined)[] = [];
  private readonly nonce = Buffer.alloc(IV_BYTES);

  add(key: PacketKey): number {
    const free = this.keys.indexOf(undefined);
    const id = free === -1 ? this.keys.length : free;
    if (id === MAX_KEYS) throw new RangeError(`there are ${MAX_KEYS} keys already: remove one first`);
    this.keys[id] = key;
    return id;
  }

  remove(id: number): void {
    checkInteger(id, 'id', 0, this.keys.length - 1);
    this.keys[id] = undefined;
  }

  /** Writes the packet of the send record at `at` to the beginning of `out`, and returns its length. */
  seal(memory: Uint8Array, records: Int32Array, at: number, out: Uint8Array): number {
    const length = sealedLength(memory, records, at);
    if (length > out.length)
      throw new RangeError(`a packet of ${length} bytes does not fit into ${out.length}`);
    const headerAt = records[at + Send.headerOffset];
    const textAt = headerAt + records[at + Send.headerLength];
    const piece1At = records[at + Send.piece1Offset];
    const piece2At = records[at + Send.piece2Offset];
    const header = memory.subarray(headerAt, textAt);
    const text = [
      memory.subarray(textAt, textAt + records[at + Send.prefixLength]),
      memory.subarray(piece1At, piece1At + records[at + Send.piece1Length]),
      memory.subarray(piece2At, piece2At + records[at + Send.piece2Length]),
    ];
    const id = records[at + Send.keyId];
    if (id === NO_KEY) return place(out, [header, ...text]);
    const key = this.keys[id];
    if (key === undefined) throw new RangeError(`descriptors: there is no key ${id}`);
    this.setNonce(key, records[at + Send.packetNumberLow], records[at + Send.packetNumberHigh]);
    const cipher = createCipheriv(key.suite, key.secret, this.nonce, TAGGED);
    cipher.setAAD(header);
    const sealed = text.filter((piece) => piece.length > 0).map((piece) => cipher.update(piece));
    cipher.final();
    return place(out, [header, ...sealed, cipher.getAuthTag()]);
  }

  /** Opens the datagram of the receive record at `at` in place. Its plaintext's length, or -1. */
  open(memory: Uint8Array, records: Int32Array, at: number): number {
    const headerBytes = records[at + Receive.headerLength];
    const bodyBytes = records[at + Receive.length] - headerBytes - TAG_BYTES;
    const key = this.keys[records[at + Receive.keyId]];
    if (key === undefined || headerBytes < 0 || bodyBytes < 0) return -1;
    const headerAt = records[at + Receive.offset];
    const textAt = headerAt + headerBytes;
    const tagAt = textAt + bodyBytes;
    this.setNonce(key, records[at + Receive.packetNumberLow], records[at + Receive.packetNumberHigh]);
    const decipher = createDecipheriv(key.suite, key.secret, this.nonce, TAGGED);
    decipher.setAAD(memory.subarray(headerAt, textAt));
    decipher.setAuthTag(memory.subarray(tagAt, tagAt + TAG_BYTES));
    const text = decipher.update(memory.subarray(textAt, tagAt));
    try {
      decipher.final();
    } catch {
      return -1;
    }
    memory.set(text, textAt);
    return bodyBytes;
  }

  /** IV XOR packet number (RFC 8446 section 5.3). */
  private setNonce({ iv }: PacketKey, low: number, high: number): void {
    this.nonce.set(iv);
    this.nonce.writeInt32BE(this.nonce.readInt32BE(4) ^ high, 4);
    this.nonce.writeInt32BE(this.nonce.readInt32BE(8) ^ low, 8);
  }
}

/** The length of what {@link FallbackAead.seal} writes. @throws RangeError for a record that points outside `memory` */
export function sealedLength(memory: Uint8Array, records: Int32Array, at: number): number {
  const header = records[at + Send.headerLength];
  const prefix = records[at + Send.prefixLength];
  const piece1 = records[at + Send.piece1Length];
  const piece2 = records[at + Send.piece2Length];
  if (header < 0 || prefix < 0) throw new RangeError('descriptors: a negative length');
  const available = memory.length;
  checkRange('descriptors: header and prefix', records[at + Send.headerOffset], header + prefix, available);
  checkRange('descriptors: piece 1', records[at + Send.piece1Offset], piece1, available);
  checkRange('descriptors: piece 2', records[at + Send.piece2Offset], piece2, available);
  return header + prefix + piece1 + piece2 + (records[at + Send.keyId] === NO_KEY ? 0 : TAG_BYTES);
}

function place(out: Uint8Array, pieces: readonly Uint8Array[]): number {
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return at;
}

function checkKey(suite: string, key: Uint8Array, iv: Uint8Array): void {
  const keyBytes = KEY_BYTES[suite];
  if (keyBytes === undefined) {
    throw new RangeError(`suite ${suite} is none of ${Object.keys(KEY_BYTES).join(', ')}`);
  }
  if (key.length !== keyBytes)
    throw new RangeError(`key of ${suite} has to be ${keyBytes} bytes, not ${key.length}`);
  if (iv.length !== IV_BYTES) throw new RangeError(`iv has to be ${IV_BYTES} bytes, not ${iv.length}`);
}

export const aeadOf = (handle: NativeHandle, name = 'aead'): FallbackAead =>
  checkHandle(handle, FallbackAead, name);

export const aeadFunctions: Pick<
  Binding,
  'aeadCreate' | 'aeadAddKey' | 'aeadRemoveKey' | 'aeadOpen' | 'aeadSealInto'
> = {
  aeadCreate: () => new FallbackAead() as unknown as NativeHandle,

  aeadAddKey(handle, suite, key, iv) {
    const aead = aeadOf(handle);
    checkKey(checkString(suite, 'suite', SUITE_NAME_BYTES), checkBytes(key, 'key'), checkBytes(iv, 'iv'));
    return aead.add({
      suite: suite as CipherGCMTypes,
      secret: createSecretKey(key),
      iv: Uint8Array.from(iv),
    });
  },

  aeadRemoveKey(handle, id) {
    aeadOf(handle).remove(id);
  },

  aeadOpen(handle, memory, descriptors, count) {
    const aead = aeadOf(handle);
    checkBytes(memory, 'memory');
    checkInts(descriptors, 'descriptors');
    checkInteger(count, 'count', 0, Math.floor(descriptors.length / receiveStride));
    for (let i = 0, at = 0; i < count; i++, at += receiveStride) {
      if (descriptors[at + Receive.keyId] === NO_KEY) {
        descriptors[at + Receive.result] = -1;
        continue;
      }
      const length = descriptors[at + Receive.length];
      checkRange('descriptors: a datagram', descriptors[at + Receive.offset], length, memory.length);
      descriptors[at + Receive.result] = aead.open(memory, descriptors, at);
    }
  },

  aeadSealInto(handle, memory, descriptors, count, out, outLengths) {
    const aead = aeadOf(handle);
    const from = checkBytes(memory, 'memory');
    checkInts(descriptors, 'descriptors');
    checkInteger(count, 'count', 0, Math.floor(descriptors.length / sendStride));
    const to = checkBytes(out, 'out');
    if (checkInts(outLengths, 'outLengths').length < count) {
      throw new RangeError(`outLengths has room for ${outLengths.length} of ${count}`);
    }
    let used = 0;
    for (let i = 0; i < count; i++) {
      outLengths[i] = aead.seal(from, descriptors, i * sendStride, to.subarray(used));
      used += outLengths[i];
    }
    return used;
  },
};
