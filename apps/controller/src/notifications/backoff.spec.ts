import { pauseAfter } from './backoff.js';
import { outcomeOf } from './delivery-store.js';

const failed = { status: 500, response: null, error: 'answered 500', isFinal: false };

test('pauses double from five seconds to an hour, a quarter more or less', () => {
  expect([1, 2, 3, 4].map((count) => pauseAfter(count, 0.5))).toEqual([5_000, 10_000, 20_000, 40_000]);
  expect(pauseAfter(100, 0.5)).toBe(3_600_000);
  expect([pauseAfter(1, 0), pauseAfter(1, 0.999999)].map(Math.round)).toEqual([3_750, 6_250]);
});

test('what failed is tried again until it is a day old, and then given up', () => {
  const now = new Date('2026-01-01T12:00:00Z');
  const delivery = { retries: 3, expiresAt: new Date('2026-01-01T12:00:10Z') };
  expect(outcomeOf(delivery, failed, now, 10_000)).toEqual({
    state: 'PENDING',
    dueAt: new Date('2026-01-01T12:00:10Z'),
  });
  expect(outcomeOf(delivery, failed, now, 10_001)).toEqual({ state: 'FAILED', dueAt: null });
});

test('what cannot get better is given up at once, and what was taken is over', () => {
  const delivery = { retries: 1, expiresAt: new Date(Date.now() + 86_400_000) };
  expect(outcomeOf(delivery, { ...failed, isFinal: true }, new Date())).toEqual({
    state: 'FAILED',
    dueAt: null,
  });
  expect(outcomeOf(delivery, { ...failed, error: null }, new Date())).toEqual({
    state: 'DELIVERED',
    dueAt: null,
  });
});
