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

test('the clock is monotonic and counts microseconds', () => {
  const start = nowMicroseconds();
  const wallStart = process.hrtime.bigint();
  let previous = start;
  for (let i = 0; i < 10_000; i++) {
    const now = nowMicroseconds();
    expect(now).toBeGreaterThanOrEqual(previous);
    previous = now;
  }
  const wallUs = Number(process.hrtime.bigint() - wallStart) / 1_000;
  expect(previous - start).toBeLessThanOrEqual(wallUs + 1_000);
});
