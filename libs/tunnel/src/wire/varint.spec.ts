import { SeededRandom } from '../simulator/random.js';
import {
  denseLength,
  MAX_DENSE_BYTES,
  Reader,
  varintLength,
  writeDense,
  writeU32,
  writeVarint,
} from './varint.js';

const EDGES = [0, 1, 0x3f, 0x40, 0x3fff, 0x4000, 0x3fffffff, 0x40000000, 2 ** 32, Number.MAX_SAFE_INTEGER];

describe('variable-length integers', () => {
  it.each(EDGES)('%d comes back as it was written, in the length foretold', (value) => {
    const bytes = new Uint8Array(16).fill(0xaa);
    const end = writeVarint(bytes, 3, value);
    expect(end - 3).toBe(varintLength(value));
    const reader = new Reader(bytes, 3, end);
    expect([reader.varint(), reader.remaining, reader.failed]).toEqual([value, 0, false]);
  });

  it('are those of RFC 9000 appendix A.1', () => {
    const read = (hex: string): number => new Reader(Buffer.from(hex, 'hex')).varint();
    expect([read('25'), read('4025'), read('7bbd'), read('9d7f3e7d')]).toEqual([37, 37, 15_293, 494_878_333]);
  });

  it.each([
    0,
    63,
    64,
    16_383,
    16_384,
    4_194_303,
    4_194_304,
    2 ** 30 - 2,
    2 ** 30 - 1,
    2 ** 30,
    2 ** 31,
    2 ** 32 + 1,
    Number.MAX_SAFE_INTEGER,
  ])('stream id %d comes back', (id) => {
    const bytes = new Uint8Array(MAX_DENSE_BYTES);
    const end = writeDense(bytes, 0, id);
    expect(end).toBe(denseLength(id));
    const reader = new Reader(bytes, 0, end);
    expect([reader.dense(), reader.remaining, reader.failed]).toEqual([id, 0, false]);
  });

  it.each(['ffffffff', 'ffffffff9d7f', 'ffffffffc01fffffffffffff'])('stream id %s is refused', (hex) => {
    const reader = new Reader(Buffer.from(hex, 'hex'));
    expect([reader.dense(), reader.failed]).toEqual([0, true]);
  });

  it('of more than 2^53 - 1 are refused', () => {
    const reader = new Reader(Buffer.from('ffffffffffffffff', 'hex'));
    expect([reader.varint(), reader.failed]).toEqual([0, true]);
  });

  it('cut short anywhere are refused, and what follows too', () => {
    const bytes = new Uint8Array(16);
    const end = writeU32(bytes, writeDense(bytes, writeVarint(bytes, 0, 2 ** 40), 2 ** 25), 7);
    for (let cut = 0; cut < end; cut++) {
      const reader = new Reader(bytes, 0, cut);
      reader.varint();
      reader.dense();
      reader.u32();
      reader.skip(0);
      expect(reader.failed).toBe(true);
    }
  });

  it('come back from random bytes or are refused, and the reader never leaves its range', () => {
    const random = new SeededRandom(2);
    for (let run = 0; run < 2000; run++) {
      const bytes = random.bytes(random.between(0, 12));
      const reader = new Reader(bytes);
      for (let i = 0; i < 6; i++) {
        const value = [() => reader.varint(), () => reader.dense(), () => reader.u32(), () => reader.u8()][
          random.between(0, 3)
        ]();
        expect(Number.isSafeInteger(value) && value >= 0 && reader.at <= bytes.length).toBe(true);
      }
    }
  });
});
