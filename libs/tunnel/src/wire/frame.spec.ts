import { RangeSet } from '../memory/range-set.js';
import { MAX_ACK_RANGES } from '../params.js';
import { SeededRandom } from '../simulator/random.js';
import { AckFrame, FrameType, writeAck } from './frame.js';
import { expandLow32, high32 } from './packet.js';
import { Reader } from './varint.js';

/** Every `step`-th number below `next` is missing. */
function holed(next: number, step: number): RangeSet {
  const ranges = new RangeSet();
  for (let start = 0; start < next; start += step) ranges.add(start, Math.min(next, start + step - 1));
  return ranges;
}

function roundTrip(
  ranges: RangeSet,
  room: number,
  next: number,
): { frame: AckFrame; bytes: number; ok: boolean } {
  const bytes = new Uint8Array(4000);
  const end = writeAck(bytes, 0, room, ranges, 1234, 5678);
  expect(bytes[0]).toBe(FrameType.ack);
  const frame = new AckFrame();
  const reader = new Reader(bytes, 1, end);
  const ok = frame.read(reader, next);
  expect(reader.remaining).toBe(0);
  return { frame, bytes: end, ok };
}

describe('an ACK frame', () => {
  it('carries its ranges, delay and count of bytes', () => {
    const { frame, ok } = roundTrip(holed(1000, 10), 1000, 1000);
    expect([ok, frame.count, frame.largest, frame.delayUs, frame.deliveredBytes]).toEqual([
      true,
      100,
      998,
      1234,
      5678,
    ]);
    expect([frame.starts[0], frame.ends[0], frame.starts[99], frame.ends[99]]).toEqual([990, 999, 0, 9]);
  });

  it('carries the 256 highest ranges of a window of ten thousand packets that loses 5 %', () => {
    const { frame, bytes } = roundTrip(holed(10_000, 20), 1000, 10_000);
    expect(frame.count).toBe(MAX_ACK_RANGES);
    expect(bytes).toBeLessThan(600);
    expect(frame.ends[0]).toBe(9999);
  });

  it('drops the lowest ranges where there is no room', () => {
    const { frame, bytes } = roundTrip(holed(1000, 10), 100, 1000);
    expect(bytes).toBeLessThanOrEqual(100);
    expect(frame.count).toBeGreaterThan(20);
    expect(frame.ends[0]).toBe(999);
  });

  it('works far beyond 2^32 packets', () => {
    const ranges = new RangeSet();
    const base = 5 * 2 ** 32 - 10;
    ranges.add(base, base + 5);
    ranges.add(base + 15, base + 20);
    const { frame, ok } = roundTrip(ranges, 1000, base + 40);
    expect([ok, frame.starts[0], frame.ends[1]]).toEqual([true, base + 15, base + 5]);
  });

  it('that is malformed is refused, whatever its bytes', () => {
    const random = new SeededRandom(3);
    let refused = 0;
    for (let run = 0; run < 5000; run++) {
      const frame = new AckFrame();
      const ok = frame.read(new Reader(random.bytes(random.between(0, 40))), random.between(0, 2 ** 20));
      if (!ok) refused++;
      else for (let i = 0; i < frame.count; i++) expect(frame.starts[i]).toBeGreaterThanOrEqual(0);
    }
    expect(refused).toBeGreaterThan(4000);
  });
});

describe('numbers of which the low 32 bits travel', () => {
  it.each([0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 7 * 2 ** 32 + 5, 2 ** 52])(
    'come back near %d',
    (expected) => {
      for (const distance of [-(2 ** 31) + 1, -1000, -1, 0, 1, 1000, 2 ** 31 - 1]) {
        const number = expected + distance;
        if (number >= 0) expect(expandLow32(number >>> 0, expected)).toBe(number);
      }
    },
  );

  it.each([0, 2 ** 32 - 1, 2 ** 32, 3 * 2 ** 32 + 17])('split into two words: %d', (number) => {
    expect(high32(number) * 2 ** 32 + (number >>> 0)).toBe(number);
  });
});
