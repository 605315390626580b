import { createCipheriv, createDecipheriv, type CipherGCMTypes } from 'node:crypto';
import { Receive, RECEIVE_STRIDE, Send, SEND_STRIDE, type CipherSuite, type PacketCrypto } from '../io.js';
import { TAG_BYTES } from '../params.js';

interface Key {
  suite: CipherSuite;
  key: Uint8Array;
  iv: Uint8Array;
}

/** Packet protection on node:crypto, one packet at a time: for the simulator, where only virtual time counts. */
export class NodePacketCrypto implements PacketCrypto {
  private readonly keys = new Map<number, Key>();
  private nextId = 0;
  /** Nonces sealed so far by key, to prove that none is used twice. */
  private readonly lastNumber = new Map<number, number>();

  addKey(suite: CipherSuite, key: Uint8Array, iv: Uint8Array): number {
    const id = this.nextId++;
    this.keys.set(id, { suite, key, iv });
    return id;
  }

  removeKey(id: number): void {
    this.keys.delete(id);
    this.lastNumber.delete(id);
  }

  open(memory: Uint8Array, descriptors: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const at = i * RECEIVE_STRIDE;
      const key = this.keys.get(descriptors[at + Receive.keyId]);
      descriptors[at + Receive.result] = key === undefined ? -1 : openOne(key, memory, descriptors, at);
    }
  }

  /** The datagram that a send descriptor describes. Throws if a packet number is used again under the same key. */
  seal(memory: Uint8Array, descriptors: Int32Array, index: number): Uint8Array {
    const at = index * SEND_STRIDE;
    const field = (name: keyof typeof Send): number => descriptors[at + Send[name]];
    const headerEnd = field('headerOffset') + field('headerLength');
    const header = memory.slice(field('headerOffset'), headerEnd);
    const keyId = field('keyId');
    const plaintext = [
      memory.subarray(headerEnd, headerEnd + field('prefixLength')),
      memory.subarray(field('piece1Offset'), field('piece1Offset') + field('piece1Length')),
      memory.subarray(field('piece2Offset'), field('piece2Offset') + field('piece2Length')),
    ];
    if (keyId === -1) return Buffer.concat([header, ...plaintext]);
    const key = this.keys.get(keyId);
    if (key === undefined) throw new Error(`key ${keyId} was removed before its packets were sealed`);
    this.assertFreshNumber(keyId, (field('packetNumberLow') >>> 0) + field('packetNumberHigh') * 2 ** 32);
    const cipher = createCipheriv(
      key.suite as CipherGCMTypes,
      key.key,
      nonce(key.iv, field('packetNumberLow'), field('packetNumberHigh')),
      { authTagLength: TAG_BYTES },
    );
    cipher.setAAD(header);
    const sealed = plaintext.map((piece) => cipher.update(piece));
    return Buffer.concat([header, ...sealed, cipher.final(), cipher.getAuthTag()]);
  }

  private assertFreshNumber(keyId: number, number: number): void {
    const last = this.lastNumber.get(keyId) ?? -1;
    if (number <= last) throw new Error(`packet number ${number} is used again under key ${keyId}`);
    this.lastNumber.set(keyId, number);
  }
}

function openOne(key: Key, memory: Uint8Array, descriptors: Int32Array, at: number): number {
  const offset = descriptors[at + Receive.offset];
  const end = offset + descriptors[at + Receive.length];
  const bodyAt = offset + descriptors[at + Receive.headerLength];
  const decipher = createDecipheriv(
    key.suite as CipherGCMTypes,
    key.key,
    nonce(key.iv, descriptors[at + Receive.packetNumberLow], descriptors[at + Receive.packetNumberHigh]),
    { authTagLength: TAG_BYTES },
  );
  decipher.setAAD(memory.subarray(offset, bodyAt));
  decipher.setAuthTag(memory.subarray(end - TAG_BYTES, end));
  const plaintext = decipher.update(memory.subarray(bodyAt, end - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return -1;
  }
  memory.set(plaintext, bodyAt);
  return plaintext.length;
}

/** RFC 8446 section 5.3. */
function nonce(iv: Uint8Array, low: number, high: number): Uint8Array {
  const bytes = iv.slice();
  const view = new DataView(bytes.buffer);
  view.setUint32(4, view.getUint32(4) ^ high);
  view.setUint32(8, view.getUint32(8) ^ low);
  return bytes;
}
