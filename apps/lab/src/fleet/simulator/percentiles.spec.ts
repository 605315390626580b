import { percentilesOf } from './percentiles.js';

describe('percentiles', () => {
  it('are of the nearest rank', () => {
    const oneToHundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentilesOf(oneToHundred)).toEqual({ p50: 50, p99: 99 });
    expect(percentilesOf([3, 1, 2])).toEqual({ p50: 2, p99: 3 });
    expect(percentilesOf([7.04])).toEqual({ p50: 7, p99: 7 });
  });

  it('are not of nothing', () => {
    expect(() => percentilesOf([])).toThrow('nothing was measured');
  });
});
