import { describe, expect, it } from 'vitest';
import { HISTORY_RANGES, historyStart } from './history-range.js';

describe('the begin of a range', () => {
  it('is so long ago, and stays the same for a minute', () => {
    const nowMs = Date.parse('2026-11-29T13:37:42Z');
    expect(historyStart('1h', nowMs)).toBe('2026-11-29T12:37:00.000Z');
    expect(historyStart('30d', nowMs)).toBe('2026-10-30T13:37:00.000Z');
    expect(historyStart('7d', nowMs + 17_000)).toBe(historyStart('7d', nowMs));
    expect(historyStart('7d', nowMs + 18_000)).not.toBe(historyStart('7d', nowMs));
    expect(Object.keys(HISTORY_RANGES)).toEqual(['1h', '24h', '7d', '30d']);
  });
});
