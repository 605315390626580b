import { crc32 } from 'node:zlib';
import { createCipheriv, createDecipheriv, type CipherGCMTypes } from 'node:crypto';
import { Receive, RECEIVE_STRIDE, Send, SEND_STRIDE, type CipherSuite, type PacketCrypto } from '../io.js';
import { TAG_BYTES } from '../params.js';
import { readU32, writeU32 } from '../wire/varint.js';

/** The driver's side of the border in a simulation: it opens packets, and seals them one by one. */
export interface SimulatedCrypto extends PacketCrypto {
  /** The datagram that send descriptor `index` describes. */
  seal(memory: Uint8Array, descriptors: Int32Array, index: number): Uint8Array;
}

interface Key {
  readonly suite: CipherSuite;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  /** Key and IV as text: two ids of one key are one key. */
  readonly name: string;
}

/**
 * Packet protection on node:crypto, a packet at a time: slow, and real. It throws when a packet number is used twice under
 * one key, whatever the key's id.
 */
export class NodePacketCrypto implements SimulatedCrypto {
  private readonly keys = new Map<number, Key>();
  private readonly numbers = new FreshNumbers();
  private nextId = 0;

  addKey(suite: CipherSuite, key: Uint8Array, iv: Uint8Array): number {
    const name = Buffer.concat([key, iv]).toString('base64');
    this.keys.set(this.nextId, { suite, key: key.slice(), iv: iv.slice(), name });
    return this.nextId++;
  }

  removeKey(id: number): void {
    if (!this.keys.delete(id)) throw new Error(`key ${id} is removed twice`);
  }

  /** Keys that are held now. */
  get keyCount(): number {
    return this.keys.size;
  }

  open(memory: Uint8Array, descriptors: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const at = i * RECEIVE_STRIDE;
      const key = this.keys.get(descriptors[at + Receive.keyId]);
      descriptors[at + Receive.result] = key === undefined ? -1 : openOne(key, memory, descriptors, at);
    }
  }

  seal(memory: Uint8Array, descriptors: Int32Array, index: number): Uint8Array {
    const at = index * SEND_STRIDE;
    const headerAt = descriptors[at + Send.headerOffset];
    const headerEnd = headerAt + descriptors[at + Send.headerLength];
    const header = memory.slice(headerAt, headerEnd);
    const keyId = descriptors[at + Send.keyId];
    if (keyId === -1) return header;
    const key = this.keys.get(keyId);
    if (key === undefined) throw new Error(`key ${keyId} was removed before its packets were sealed`);
    const low = descriptors[at + Send.packetNumberLow];
    const high = descriptors[at + Send.packetNumberHigh];
    this.numbers.use(key.name, (low >>> 0) + high * 2 ** 32);
    const cipher = createCipheriv(key.suite as CipherGCMTypes, key.key, nonce(key.iv, low, high), {
      authTagLength: TAG_BYTES,
    });
    cipher.setAAD(header);
    const sealed = plaintextOf(memory, descriptors, at).map((piece) => cipher.update(piece));
    return Buffer.concat([header, ...sealed, cipher.final(), cipher.getAuthTag()]);
  }
}

/** Sees to it that no packet number is used twice under one key. */
class FreshNumbers {
  private readonly last = new Map<string, number>();

  use(key: string, number: number): void {
    if (number <= (this.last.get(key) ?? -1))
      throw new Error(`packet number ${number} is used again under one key`);
    this.last.set(key, number);
  }
}

function plaintextOf(memory: Uint8Array, descriptors: Int32Array, at: number): Uint8Array[] {
  const headerEnd = descriptors[at + Send.headerOffset] + descriptors[at + Send.headerLength];
  const piece = (offset: number, length: number): Uint8Array => memory.subarray(offset, offset + length);
  return [
    piece(headerEnd, descriptors[at + Send.prefixLength]),
    piece(descriptors[at + Send.piece1Offset], descriptors[at + Send.piece1Length]),
    piece(descriptors[at + Send.piece2Offset], descriptors[at + Send.piece2Length]),
  ];
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

/**
 * No protection at all, for runs where bytes per virtual second count and nothing is corrupted: plaintext, and an empty
 * tag behind it.
 */
export class NullPacketCrypto implements SimulatedCrypto {
  private nextId = 0;

  addKey(): number {
    return this.nextId++;
  }

  removeKey(): void {
    // Nothing is kept.
  }

  open(_memory: Uint8Array, descriptors: Int32Array, count: number): void {
    for (let at = 0; at < count * RECEIVE_STRIDE; at += RECEIVE_STRIDE) {
      descriptors[at + Receive.result] =
        descriptors[at + Receive.keyId] < 0
          ? -1
          : descriptors[at + Receive.length] - descriptors[at + Receive.headerLength] - TAG_BYTES;
    }
  }

  seal(memory: Uint8Array, descriptors: Int32Array, index: number): Uint8Array {
    return assemble(memory, descriptors, index);
  }
}

/** The plaintext datagram that a descriptor describes, with room for its tag. */
function assemble(memory: Uint8Array, descriptors: Int32Array, index: number): Buffer {
  const at = index * SEND_STRIDE;
  const headerAt = descriptors[at + Send.headerOffset];
  const front = descriptors[at + Send.headerLength] + descriptors[at + Send.prefixLength];
  const piece1 = descriptors[at + Send.piece1Length];
  const piece2 = descriptors[at + Send.piece2Length];
  const tag = descriptors[at + Send.keyId] === -1 ? 0 : TAG_BYTES;
  const datagram = Buffer.allocUnsafe(front + piece1 + piece2 + tag);
  datagram.set(memory.subarray(headerAt, headerAt + front));
  append(datagram, front, memory, descriptors[at + Send.piece1Offset], piece1);
  append(datagram, front + piece1, memory, descriptors[at + Send.piece2Offset], piece2);
  return datagram;
}

function append(target: Uint8Array, at: number, memory: Uint8Array, offset: number, length: number): void {
  if (length > 0) target.set(memory.subarray(offset, offset + length), at);
}

/**
 * Tells changed packets, wrong keys and wrong numbers apart from right ones, and a number that is used twice, as real
 * protection does, but does not encrypt: for runs of millions of packets. The tag is a CRC-32 over the packet, key and number.
 */
export class ChecksumPacketCrypto implements SimulatedCrypto {
  private readonly keys = new Map<number, { readonly name: string; readonly seed: number }>();
  private readonly numbers = new FreshNumbers();
  private nextId = 0;

  addKey(suite: CipherSuite, key: Uint8Array, iv: Uint8Array): number {
    const name = Buffer.concat([key, iv]).toString('base64');
    this.keys.set(this.nextId, { name, seed: crc32(suite + name) });
    return this.nextId++;
  }

  removeKey(id: number): void {
    if (!this.keys.delete(id)) throw new Error(`key ${id} is removed twice`);
  }

  open(memory: Uint8Array, descriptors: Int32Array, count: number): void {
    for (let at = 0; at < count * RECEIVE_STRIDE; at += RECEIVE_STRIDE) {
      const key = this.keys.get(descriptors[at + Receive.keyId]);
      const offset = descriptors[at + Receive.offset];
      const end = offset + descriptors[at + Receive.length] - TAG_BYTES;
      const seed = key === undefined ? 0 : numbered(key.seed, descriptors, at + Receive.packetNumberLow);
      const authentic =
        key !== undefined &&
        crc32(memory.subarray(offset, end), seed) === readU32(memory, end) &&
        memory.subarray(end + 4, end + TAG_BYTES).every((byte) => byte === 0);
      descriptors[at + Receive.result] = authentic
        ? end - offset - descriptors[at + Receive.headerLength]
        : -1;
    }
  }

  seal(memory: Uint8Array, descriptors: Int32Array, index: number): Uint8Array {
    const datagram = assemble(memory, descriptors, index);
    const at = index * SEND_STRIDE;
    const keyId = descriptors[at + Send.keyId];
    if (keyId === -1) return datagram;
    const key = this.keys.get(keyId);
    if (key === undefined) throw new Error(`key ${keyId} was removed before its packets were sealed`);
    const low = descriptors[at + Send.packetNumberLow] >>> 0;
    this.numbers.use(key.name, low + descriptors[at + Send.packetNumberHigh] * 2 ** 32);
    const end = datagram.length - TAG_BYTES;
    const seed = numbered(key.seed, descriptors, at + Send.packetNumberLow);
    writeU32(datagram, end, crc32(datagram.subarray(0, end), seed));
    datagram.fill(0, end + 4);
    return datagram;
  }
}

/** The low half of a packet number, at `at`, and its high half behind it, go into the checksum. */
function numbered(seed: number, descriptors: Int32Array, at: number): number {
  return (seed ^ descriptors[at] ^ Math.imul(descriptors[at + 1], 0x9e3779b1)) >>> 0;
}
