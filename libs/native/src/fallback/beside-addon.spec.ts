import { loadAddon } from '../addon.js';
import type { Binding } from '../binding.js';
import { patternBytes } from '../testing/support.js';
import { literalOf, wordsOf } from './addresses.js';
import { fallback } from './index.js';

/** What one implementation makes, the other takes. */

const addon = loadAddon();
const text = new TextEncoder().encode('what leaves one agent arrives at another; '.repeat(1_500));
const samples = [
  text,
  patternBytes(70_000, 5),
  new Uint8Array(262_144),
  text.subarray(0, 65),
  text.subarray(0, 1),
];
const directions: [string, Binding, Binding][] = [
  ['addon to fallback', addon, fallback],
  ['fallback to addon', fallback, addon],
];

test('both have one layout of records', () => {
  expect(fallback.descriptorLayout).toEqual(addon.descriptorLayout);
});

test('the fallback has every function of the addon', () => {
  expect(Object.keys(fallback).sort()).toEqual(Object.keys(addon).sort());
});

describe.each(directions)('%s', (_, from, to) => {
  test('LZ4', () => {
    for (const raw of samples) {
      const block = new Uint8Array(raw.length + 2_048);
      const length = from.lz4Compress(raw, 0, raw.length, block, 0, block.length);
      expect(length).toBeGreaterThan(0);
      // With more room than needed too: the length is the block's own.
      for (const room of [raw.length, raw.length + 1_000]) {
        const decoded = new Uint8Array(room);
        expect(to.lz4Decompress(block, 0, length, decoded, 0, room)).toBe(raw.length);
        expect(Buffer.from(decoded.subarray(0, raw.length)).equals(raw)).toBe(true);
      }
    }
  });

  (from.capabilities.zstdCompression ? test : test.skip)('zstd', () => {
    for (const raw of samples) {
      for (const level of [1, 3, 6, 19]) {
        const frame = new Uint8Array(raw.length + 2_048);
        const length = from.zstdCompress(raw, 0, raw.length, frame, 0, frame.length, level);
        expect(length).toBeGreaterThan(0);
        const decoded = new Uint8Array(raw.length);
        expect(to.zstdDecompress(frame, 0, length, decoded, 0, raw.length)).toBe(raw.length);
        expect(Buffer.from(decoded).equals(raw)).toBe(true);
      }
    }
  });

  test.each(['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'])('%s', (suite) => {
    const key = patternBytes(suite === 'aes-128-gcm' ? 16 : 32, 1);
    const iv = patternBytes(12, 2);
    const memory = patternBytes(8_192, 3);
    const sealer = from.aeadCreate();
    const opener = to.aeadCreate();
    const [low, high] = [-7, 0x1ffff];
    const send = new Int32Array(from.descriptorLayout.sendStride);
    send.set([100, 13, 5, 2_000, 700, 4_000, 500, from.aeadAddKey(sealer, suite, key, iv), low, high]);
    const packet = new Uint8Array(2_000);
    const length = from.aeadSealInto(sealer, memory, send, 1, packet, new Int32Array(1));
    const receive = new Int32Array(from.descriptorLayout.receiveStride);
    receive.set([0, length, 0, 0, 0, 0, 0, 0, 13, to.aeadAddKey(opener, suite, key, iv), low, high]);
    to.aeadOpen(opener, packet, receive, 1);
    expect(receive[to.descriptorLayout.receive.result]).toBe(1_205);
    const expected = [
      memory.subarray(113, 118),
      memory.subarray(2_000, 2_700),
      memory.subarray(4_000, 4_500),
    ];
    expect(Buffer.from(packet.subarray(13, 1_218)).equals(Buffer.concat(expected))).toBe(true);
  });
});

test('addresses keep their meaning as words', () => {
  const literals = ['192.0.2.255', '::1', '::', '2001:db8::a:0:ffff', 'fe80::1', '1:2:3:4:5:6:7:8'];
  for (const literal of literals) {
    const [family, ...words] = wordsOf(literal);
    const again = wordsOf(literalOf(family, Int32Array.from(words)));
    expect(again).toEqual([family, ...words]);
  }
  expect(wordsOf('::ffff:10.1.2.3')).toEqual([4, 0x0a010203, 0, 0, 0]);
  expect(wordsOf('fe80::1%eth0')).toEqual([6, 0xfe800000 | 0, 0, 0, 1]);
  expect(wordsOf('64:ff9b::192.0.2.1')).toEqual([6, 0x0064ff9b, 0, 0, 0xc0000201 | 0]);
});
