import { RateLimiter } from './rate-limiter.js';

test('attempts run out, are earned again with time, and are counted by key', () => {
  let nowMs = 0;
  const limiter = new RateLimiter(2, 1000, () => nowMs);
  expect([limiter.take('a'), limiter.take('a'), limiter.take('a')]).toEqual([0, 0, 1000]);
  expect(limiter.take('b')).toBe(0);
  nowMs += 400;
  expect(limiter.take('a')).toBe(600);
  nowMs += 600;
  expect([limiter.take('a'), limiter.take('a')]).toEqual([0, 1000]);
  limiter.giveBack('a');
  expect([limiter.take('a'), limiter.take('a')]).toEqual([0, 1000]);
});
