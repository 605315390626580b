import { DAY_MS, DEFAULT_RETENTION } from './partitions.js';
import { chooseResolution, decompose, type Range } from './series-range.js';

const HOUR_MS = 3_600_000;
const nowMs = Date.parse('2026-11-29T13:37:42Z');

const last = (ms: number): Range => ({ fromMs: nowMs - ms, toMs: nowMs });
const chosen = (range: Range, maxPoints = 750): string | undefined =>
  chooseResolution(range, { maxPoints, retention: DEFAULT_RETENTION, nowMs })?.name;

describe('the resolution of a series', () => {
  test.each([
    ['an hour', HOUR_MS, '1m'],
    ['a day', DAY_MS, '5m'],
    ['a week', 7 * DAY_MS, '1h'],
    ['30 days', 30 * DAY_MS, '1h'],
    ['half a year', 180 * DAY_MS, '1d'],
  ])('of %s is the finest that has few enough points', (_name, ms, name) => {
    expect(chosen(last(ms))).toBe(name);
  });

  test('is one that is kept yet, and never more points than asked for', () => {
    const longAgo = { fromMs: nowMs - 10 * DAY_MS, toMs: nowMs - 10 * DAY_MS + HOUR_MS };
    expect(chosen(longAgo)).toBe('5m');
    expect(chosen({ fromMs: nowMs - 60 * DAY_MS, toMs: nowMs - 59 * DAY_MS })).toBe('1h');
    expect(chosen(last(HOUR_MS), 20)).toBe('5m');
    expect(chosen(last(1000 * DAY_MS))).toBeUndefined();
    // Nothing is kept so long: days at least would show the gap.
    expect(chosen({ fromMs: 0, toMs: DAY_MS })).toBe('1d');
  });
});

describe('the buckets that links are ranked by', () => {
  const pieces = (range: Range, now = nowMs): string[] =>
    decompose(range, now).map(
      ({ resolution, fromMs, toMs }) =>
        `${resolution.name} ${new Date(fromMs).toISOString().slice(5, 16)} ${new Date(toMs).toISOString().slice(5, 16)}`,
    );

  test('are whole days, and hours at the ends', () => {
    expect(pieces({ fromMs: nowMs - 5 * DAY_MS, toMs: nowMs - DAY_MS })).toEqual([
      '1h 11-24T13:00 11-25T00:00',
      '1d 11-25T00:00 11-28T00:00',
      '1h 11-28T00:00 11-28T14:00',
    ]);
  });

  test('have the day that is not over as it is', () => {
    expect(pieces(last(5 * DAY_MS))).toEqual(['1h 11-24T13:00 11-25T00:00', '1d 11-25T00:00 11-30T00:00']);
  });

  test('are weeks that are over, and days at the ends, where there are many', () => {
    expect(pieces(last(30 * DAY_MS))).toEqual([
      '1d 10-30T00:00 11-05T00:00',
      '1w 11-05T00:00 11-26T00:00',
      '1d 11-26T00:00 11-30T00:00',
    ]);
    expect(pieces({ fromMs: nowMs - 9 * DAY_MS, toMs: nowMs })).toEqual(['1d 11-20T00:00 11-30T00:00']);
    const thursday = Date.parse('2026-11-26T00:30:00Z');
    const upToThursday = { fromMs: thursday - 14 * DAY_MS, toMs: thursday };
    // The week before is hardly over.
    expect(pieces(upToThursday, thursday)).toEqual([
      '1w 11-12T00:00 11-19T00:00',
      '1d 11-19T00:00 11-27T00:00',
    ]);
    expect(pieces(upToThursday)).toEqual(['1w 11-12T00:00 11-26T00:00', '1d 11-26T00:00 11-27T00:00']);
  });

  test('are finer where the time is short', () => {
    expect(pieces(last(HOUR_MS / 2))).toEqual(['1m 11-29T13:07 11-29T13:38']);
    expect(pieces(last(2 * HOUR_MS))).toEqual(['5m 11-29T11:35 11-29T13:40']);
    expect(pieces(last(DAY_MS))).toEqual(['1h 11-28T13:00 11-29T14:00']);
  });
});
