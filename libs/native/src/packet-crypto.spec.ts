import { createCipheriv, createDecipheriv, type CipherGCMTypes } from 'node:crypto';
import { descriptorLayout } from './features.js';
import { NativePacketCrypto, type CipherSuite } from './packet-crypto.js';
import { patternBytes, thrownBy } from './testing/support.js';

const { receive: Receive, send: Send, receiveStride, sendStride } = descriptorLayout;
const TAG_BYTES = 16;
const HEADER_BYTES = 13;

interface SuiteCase {
  suite: CipherSuite;
  keyBytes: number;
}

const suites: SuiteCase[] = [
  { suite: 'aes-128-gcm', keyBytes: 16 },
  { suite: 'aes-256-gcm', keyBytes: 32 },
  { suite: 'chacha20-poly1305', keyBytes: 32 },
];

const packetNumbers = [0, 1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 12_345];

function nonceOf(iv: Uint8Array, packetNumber: number): Uint8Array {
  const nonce = Uint8Array.from(iv);
  const number = new DataView(new ArrayBuffer(12));
  number.setBigUint64(4, BigInt(packetNumber));
  for (let i = 0; i < 12; i++) nonce[i] ^= number.getUint8(i);
  return nonce;
}

/** The reference: OpenSSL as Node offers it. */
function nodeSeal(
  suite: CipherSuite,
  key: Uint8Array,
  nonce: Uint8Array,
  header: Uint8Array,
  text: Uint8Array,
): Buffer {
  const cipher = createCipheriv(suite as CipherGCMTypes, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(header);
  return Buffer.concat([header, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

function nodeOpen(suite: CipherSuite, key: Uint8Array, nonce: Uint8Array, packet: Uint8Array): Buffer {
  const decipher = createDecipheriv(suite as CipherGCMTypes, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(packet.subarray(0, HEADER_BYTES));
  decipher.setAuthTag(packet.subarray(packet.length - TAG_BYTES));
  const text = packet.subarray(HEADER_BYTES, packet.length - TAG_BYTES);
  return Buffer.concat([decipher.update(text), decipher.final()]);
}

function writeNumber(descriptors: Int32Array, low: number, high: number, packetNumber: number): void {
  descriptors[low] = packetNumber | 0;
  descriptors[high] = Math.floor(packetNumber / 2 ** 32);
}

function receiveRecord(key: number, packetNumber: number, offset: number, length: number): Int32Array {
  const record = new Int32Array(receiveStride);
  record[Receive.offset] = offset;
  record[Receive.length] = length;
  record[Receive.headerLength] = HEADER_BYTES;
  record[Receive.keyId] = key;
  writeNumber(record, Receive.packetNumberLow, Receive.packetNumberHigh, packetNumber);
  return record;
}

/** Header and prefix at 100, the pieces at 2000 and 4000. */
function sendRecord(
  key: number,
  packetNumber: number,
  prefix: number,
  piece1: number,
  piece2: number,
): Int32Array {
  const record = new Int32Array(sendStride);
  record[Send.headerOffset] = 100;
  record[Send.headerLength] = HEADER_BYTES;
  record[Send.prefixLength] = prefix;
  record[Send.piece1Offset] = 2_000;
  record[Send.piece1Length] = piece1;
  record[Send.piece2Offset] = 4_000;
  record[Send.piece2Length] = piece2;
  record[Send.keyId] = key;
  writeNumber(record, Send.packetNumberLow, Send.packetNumberHigh, packetNumber);
  return record;
}

describe.each(suites)('$suite', ({ suite, keyBytes }) => {
  const key = patternBytes(keyBytes, 11);
  const iv = patternBytes(12, 12);
  const crypto = new NativePacketCrypto();
  const id = crypto.addKey(suite, key, iv);

  test('node:crypto opens what it seals, whatever pieces the text lies in', () => {
    const memory = patternBytes(8_192, 13);
    const shapes = [
      [0, 0, 0],
      [9, 0, 0],
      [9, 1_200, 0],
      [0, 1_200, 0],
      [9, 700, 500],
      [1, 3, 1_400],
      [0, 0, 17],
    ];
    for (const packetNumber of packetNumbers) {
      const records = shapes.map(([prefix, piece1, piece2]) =>
        sendRecord(id, packetNumber, prefix, piece1, piece2),
      );
      const descriptors = Int32Array.from(records.flatMap((record) => [...record]));
      const out = new Uint8Array(20_000);
      const lengths = new Int32Array(shapes.length);
      const used = crypto.sealInto(memory, descriptors, shapes.length, out, lengths);
      let at = 0;
      shapes.forEach(([prefix, piece1, piece2], index) => {
        const packet = out.subarray(at, at + lengths[index]);
        const expected = Buffer.concat([
          memory.subarray(100 + HEADER_BYTES, 100 + HEADER_BYTES + prefix),
          memory.subarray(2_000, 2_000 + piece1),
          memory.subarray(4_000, 4_000 + piece2),
        ]);
        expect(packet.subarray(0, HEADER_BYTES)).toEqual(memory.subarray(100, 100 + HEADER_BYTES));
        expect(nodeOpen(suite, key, nonceOf(iv, packetNumber), packet).equals(expected)).toBe(true);
        at += lengths[index];
      });
      expect(used).toBe(at);
    }
  });

  test('it opens what node:crypto seals, in place, many at once', () => {
    const memory = new Uint8Array(65_536);
    const header = patternBytes(HEADER_BYTES, 14);
    const texts = packetNumbers.map((_, index) => patternBytes(index * 200, 15 + index));
    const descriptors = new Int32Array(packetNumbers.length * receiveStride);
    packetNumbers.forEach((packetNumber, index) => {
      const packet = nodeSeal(suite, key, nonceOf(iv, packetNumber), header, texts[index]);
      memory.set(packet, index * 2_000);
      descriptors.set(receiveRecord(id, packetNumber, index * 2_000, packet.length), index * receiveStride);
    });
    crypto.open(memory, descriptors, packetNumbers.length);
    texts.forEach((text, index) => {
      expect(descriptors[index * receiveStride + Receive.result]).toBe(text.length);
      const at = index * 2_000 + HEADER_BYTES;
      expect(Buffer.from(memory.subarray(at, at + text.length)).equals(text)).toBe(true);
    });
  });

  test('a packet with any byte changed, another number or another length does not open', () => {
    const packet = nodeSeal(suite, key, nonceOf(iv, 5), patternBytes(HEADER_BYTES, 16), patternBytes(30, 17));
    const resultOf = (bytes: Uint8Array, packetNumber = 5, length = bytes.length): number => {
      const record = receiveRecord(id, packetNumber, 0, length);
      crypto.open(bytes, record, 1);
      return record[Receive.result];
    };
    for (let at = 0; at < packet.length; at++) {
      const changed = Uint8Array.from(packet);
      changed[at] ^= 1;
      expect(resultOf(changed)).toBe(-1);
    }
    expect(resultOf(Uint8Array.from(packet), 6)).toBe(-1);
    expect(resultOf(Uint8Array.from(packet), 5 + 2 ** 32)).toBe(-1);
    for (let length = 0; length < packet.length; length++) {
      expect(resultOf(Uint8Array.from(packet), 5, length)).toBe(-1);
    }
    expect(resultOf(Uint8Array.from(packet))).toBe(30);
  });

  test('a key of another length is a RangeError', () => {
    for (const length of [0, keyBytes - 1, keyBytes + 1, 24]) {
      expect(thrownBy(() => crypto.addKey(suite, new Uint8Array(length), iv))?.name).toBe('RangeError');
    }
    expect(thrownBy(() => crypto.addKey(suite, key, new Uint8Array(13)))?.name).toBe('RangeError');
  });
});

describe('keys', () => {
  test('a removed key neither seals nor opens, others still do', () => {
    const crypto = new NativePacketCrypto();
    const ids = [1, 2, 3].map((seed) =>
      crypto.addKey('aes-128-gcm', patternBytes(16, seed), patternBytes(12, seed)),
    );
    expect(new Set(ids).size).toBe(3);
    crypto.removeKey(ids[1]);
    crypto.removeKey(ids[1]);
    const memory = new Uint8Array(8_192);
    const seal = (id: number): unknown =>
      crypto.sealInto(memory, sendRecord(id, 0, 1, 10, 0), 1, new Uint8Array(100), new Int32Array(1));
    expect(thrownBy(() => seal(ids[1]))?.name).toBe('RangeError');
    expect(thrownBy(() => seal(99))?.name).toBe('RangeError');
    expect(thrownBy(() => seal(-2))?.name).toBe('RangeError');
    expect(seal(ids[0])).toBe(HEADER_BYTES + 1 + 10 + TAG_BYTES);
    const record = receiveRecord(ids[1], 0, 0, 100);
    crypto.open(memory, record, 1);
    expect(record[Receive.result]).toBe(-1);
  });

  test('key -1 seals to a copy and is not opened', () => {
    const crypto = new NativePacketCrypto();
    const memory = patternBytes(8_192, 18);
    const out = new Uint8Array(100);
    const used = crypto.sealInto(memory, sendRecord(-1, 0, 2, 30, 4), 1, out, new Int32Array(1));
    expect(used).toBe(HEADER_BYTES + 36);
    expect(out.subarray(0, HEADER_BYTES + 2)).toEqual(memory.subarray(100, 100 + HEADER_BYTES + 2));
    expect(out.subarray(HEADER_BYTES + 32, used)).toEqual(memory.subarray(4_000, 4_004));
    const untouched = memory.slice();
    const record = receiveRecord(-1, 0, 0, 100);
    crypto.open(memory, record, 1);
    expect(record[Receive.result]).toBe(-1);
    expect(memory).toEqual(untouched);
  });

  test('a suite that is none is a RangeError', () => {
    const crypto = new NativePacketCrypto();
    const add = (): number =>
      crypto.addKey('aes-128-cbc' as CipherSuite, new Uint8Array(16), new Uint8Array(12));
    expect(thrownBy(add)?.name).toBe('RangeError');
    expect(thrownBy(() => crypto.removeKey(0))?.name).toBe('RangeError');
  });
});

describe('records that point outside memory', () => {
  const crypto = new NativePacketCrypto();
  const id = crypto.addKey('aes-128-gcm', new Uint8Array(16), new Uint8Array(12));
  const memory = new Uint8Array(8_192);

  test('are RangeErrors when sealing', () => {
    const broken: [number, number][] = [
      [Send.headerOffset, 8_190],
      [Send.headerOffset, -1],
      [Send.headerLength, -1],
      [Send.headerLength, 2 ** 31 - 1],
      [Send.prefixLength, 8_192],
      [Send.prefixLength, -14],
      [Send.piece1Offset, 8_190],
      [Send.piece1Offset, -2_000],
      [Send.piece1Length, 7_000],
      [Send.piece1Length, -1],
      [Send.piece2Offset, 2 ** 31 - 1],
      [Send.piece2Length, 4_193],
    ];
    for (const [field, value] of broken) {
      const record = sendRecord(id, 0, 1, 10, 10);
      record[field] = value;
      const seal = (): number => crypto.sealInto(memory, record, 1, new Uint8Array(9_000), new Int32Array(1));
      expect(`${field}: ${thrownBy(seal)?.name}`).toBe(`${field}: RangeError`);
    }
  });

  test('are RangeErrors when opening; headers longer than the datagram do not open', () => {
    for (const [offset, length] of [
      [8_192, 1],
      [-1, 100],
      [0, 8_193],
      [100, -1],
      [2 ** 31 - 1, 2 ** 31 - 1],
    ]) {
      const record = receiveRecord(id, 0, offset, length);
      expect(thrownBy(() => crypto.open(memory, record, 1))?.name).toBe('RangeError');
    }
    for (const headerLength of [-1, 85, 2 ** 31 - 1, -(2 ** 31)]) {
      const record = receiveRecord(id, 0, 0, 100);
      record[Receive.headerLength] = headerLength;
      crypto.open(memory, record, 1);
      expect(record[Receive.result]).toBe(-1);
    }
  });

  test('an output that lies over the descriptors changes nothing about a record that is being sealed', () => {
    const shared = new ArrayBuffer(400);
    const record = new Int32Array(shared, 0, sendStride);
    // The header is written over the record's lengths.
    record[Send.headerLength] = 12;
    record[Send.keyId] = -1;
    const header = new Uint8Array(4_096).fill(0x7f);
    expect(crypto.sealInto(header, record, 1, new Uint8Array(shared), new Int32Array(1))).toBe(12);
    expect(new Uint8Array(shared, 0, 14)).toEqual(Uint8Array.from([...header.subarray(0, 12), 0, 0]));
  });

  test('memory that was taken away is memory of no bytes', () => {
    const gone = new Uint8Array(64);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    const record = new Int32Array(sendStride);
    record[Send.keyId] = -1;
    expect(crypto.sealInto(gone, record, 1, gone, new Int32Array(1))).toBe(0);
    record[Send.headerLength] = 1;
    expect(thrownBy(() => crypto.sealInto(gone, record, 1, gone, new Int32Array(1)))?.name).toBe(
      'RangeError',
    );
  });

  test('counts beyond the descriptors and outputs too small are RangeErrors', () => {
    const record = sendRecord(id, 0, 1, 10, 10);
    const lengths = new Int32Array(1);
    const nameOf = (run: () => unknown): string | undefined => thrownBy(run)?.name;
    expect(nameOf(() => crypto.sealInto(memory, record, 2, new Uint8Array(200), lengths))).toBe('RangeError');
    expect(nameOf(() => crypto.sealInto(memory, record, -1, new Uint8Array(200), lengths))).toBe(
      'RangeError',
    );
    expect(nameOf(() => crypto.sealInto(memory, record, 1, new Uint8Array(49), lengths))).toBe('RangeError');
    expect(nameOf(() => crypto.sealInto(memory, record, 1, new Uint8Array(50), new Int32Array(0)))).toBe(
      'RangeError',
    );
    expect(crypto.sealInto(memory, record, 1, new Uint8Array(50), lengths)).toBe(50);
    expect(nameOf(() => crypto.open(memory, new Int32Array(receiveStride), 2))).toBe('RangeError');
    expect(nameOf(() => crypto.open(memory, new Int32Array(receiveStride - 1), 1))).toBe('RangeError');
  });
});
