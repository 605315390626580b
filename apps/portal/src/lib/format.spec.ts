import { describe, expect, it } from 'vitest';
import { bytes, count, delay, percent, rate, ratio, text } from './format.js';

/** Spaces that do not break, written as plain ones. */
const plain = (value: string): string => value.replaceAll(/[\u00a0\u202f]/g, ' ');

describe('numbers with their units', () => {
  it.each([
    [0, '0 Mbit/s'],
    [0.0342, '34.2 kbit/s'],
    [0.9949, '995 kbit/s'],
    [0.9951, '1.00 Mbit/s'],
    [93.27, '93.3 Mbit/s'],
    [99.96, '100 Mbit/s'],
    [999.9, '1 000 Mbit/s'],
    [1000, '1.00 Gbit/s'],
    [1967, '1.97 Gbit/s'],
  ])('writes a rate of %d Mbit/s as %s', (mbps, written) => {
    expect(plain(text(rate(mbps)))).toBe(written);
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [2.5e15, '2.50 PB'],
    [7.7e18, '7 700 PB'],
  ])('writes %d bytes as %s', (value, written) => {
    expect(plain(text(bytes(value)))).toBe(written);
  });

  it.each([
    [0, '0 ms'],
    [0.042, '42 µs'],
    [5.13, '5.13 ms'],
    [151.6, '152 ms'],
    [12_000, '12.0 s'],
  ])('writes a delay of %d ms as %s', (value, written) => {
    expect(plain(text(delay(value)))).toBe(written);
  });

  it.each([
    [0, '0 %'],
    [0.00002, '<0.001 %'],
    [0.00134, '0.0013 %'],
    [0.05, '0.05 %'],
    [1.4, '1.40 %'],
    [100, '100 %'],
  ])('never writes a loss of %d % as nothing unless it is: %s', (value, written) => {
    expect(plain(text(percent(value)))).toBe(written);
  });

  it('gives a compression only once bytes went both in and out', () => {
    expect(text(ratio(300, 100))).toBe('3.00×');
    expect(ratio(0, 0)).toBeUndefined();
    expect(ratio(10, 0)).toBeUndefined();
    expect(text(undefined)).toBe('–');
  });

  it('gives nouns their form', () => {
    expect(plain(count(1, 'agent'))).toBe('1 agent');
    expect(plain(count(12_345, 'rule needs', 'rules need'))).toBe('12 345 rules need');
  });
});
