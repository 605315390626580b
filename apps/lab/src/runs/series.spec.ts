import { seriesMbps, steadyMbps } from './series.js';
import { median } from './run-groups.js';

const sink = {
  event: 'done' as const,
  bytes: 6_500_000,
  seconds: 3.25,
  ended: 'end' as const,
  intact: true,
  firstMismatch: null,
  cpuSeconds: 0,
  intervalMs: 500,
  series: [0, 500_000, 1_000_000, 1_000_000, 1_500_000, 1_500_000, 1_000_000],
};

describe('figures of a run', () => {
  it('gives the rate of each whole interval', () => {
    expect(seriesMbps(sink)).toEqual([0, 8, 16, 16, 24, 24]);
  });

  it('counts as steady what came after the first two seconds', () => {
    expect(steadyMbps(sink)).toBeCloseTo((4_000_000 * 8) / 1.25 / 1e6, 3);
  });

  it('knows no steady rate of a run that was over by then', () => {
    expect(steadyMbps({ ...sink, seconds: 2.1 })).toBeNull();
  });

  it('takes the median of odd and even numbers of runs', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});
