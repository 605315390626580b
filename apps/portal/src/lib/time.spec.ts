import { describe, expect, it } from 'vitest';
import { ago, duration, relative } from './time.js';

const plain = (value: string): string => value.replaceAll('\u00a0', ' ');

describe('lengths of time', () => {
  it.each([
    [-5, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_600_000, '1 h'],
    [47 * 3_600_000, '47 h'],
    [48 * 3_600_000, '2 days'],
  ])('writes %d ms as %s', (ms, written) => {
    expect(plain(duration(ms))).toBe(written);
  });

  it('tells past from future', () => {
    const at = new Date(1_000_000);
    expect(plain(relative(at, 1_000_000 + 90_000))).toBe('1 min ago');
    expect(plain(relative(at, 1_000_000 - 90_000))).toBe('in 1 min');
    expect(relative(at, 1_000_500)).toBe('just now');
  });

  it('never puts what has happened into the future', () => {
    expect(ago(new Date(50_000), 10_000)).toBe('just now');
  });
});
