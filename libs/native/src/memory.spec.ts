import { allocateSlab, nowMicroseconds } from './memory.js';
import { thrownBy } from './testing/support.js';

test('a slab is zeroed, writable to its end and not resident before it is touched', () => {
  const before = process.memoryUsage.rss();
  const slab = allocateSlab(1 << 30);
  expect(slab.length).toBe(1 << 30);
  expect([slab[0], slab[slab.length - 1]]).toEqual([0, 0]);
  slab[slab.length - 1] = 7;
  expect(slab[slab.length - 1]).toBe(7);
  expect(process.memoryUsage.rss() - before).toBeLessThan(1 << 28);
});

test('sizes that cannot be are RangeErrors', () => {
  for (const bytes of [0, 4_095, 2 ** 31, -1, 5_000.5, NaN]) {
    expect(thrownBy(() => allocateSlab(bytes))?.name).toBe('RangeError');
  }
});

test('the clock is the one of process.hrtime, in microseconds', () => {
  for (let i = 0; i < 100; i++) {
    const before = Number(process.hrtime.bigint()) / 1_000;
    const now = nowMicroseconds();
    const after = Number(process.hrtime.bigint()) / 1_000;
    expect(now).toBeGreaterThanOrEqual(before - 1);
    expect(now).toBeLessThanOrEqual(after + 1);
  }
});
