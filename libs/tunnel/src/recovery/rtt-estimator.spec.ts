import { RttEstimator } from './rtt-estimator.js';

describe('RttEstimator (RFC 9002 section 5)', () => {
  it('takes the first sample as it is', () => {
    const rtt = new RttEstimator();
    expect([rtt.hasSample, rtt.smoothedUs]).toEqual([false, 333_000]);
    rtt.sample(40_000, 2000, 0);
    expect([rtt.hasSample, rtt.minUs, rtt.smoothedUs, rtt.variationUs]).toEqual([
      true,
      40_000,
      40_000,
      20_000,
    ]);
  });

  it('smooths by an eighth, the variation by a quarter', () => {
    const rtt = new RttEstimator();
    rtt.sample(40_000, 0, 0);
    rtt.sample(48_000, 0, 0);
    expect([rtt.smoothedUs, rtt.variationUs]).toEqual([41_000, 17_000]);
  });

  it('takes the acknowledgement delay off, but never goes below the minimum', () => {
    const rtt = new RttEstimator();
    rtt.sample(40_000, 0, 0);
    rtt.sample(50_000, 2000, 0);
    expect(rtt.smoothedUs).toBe(41_000);
    rtt.sample(41_000, 2000, 0);
    expect(rtt.smoothedUs).toBe(41_000);
    expect(rtt.minUs).toBe(40_000);
  });

  it('gives a probe timeout that no clock is too coarse for', () => {
    const rtt = new RttEstimator();
    for (let i = 0; i < 200; i++) rtt.sample(100, 0, 0);
    expect(rtt.probeTimeoutUs(2000)).toBeCloseTo(100 + 1000 + 2000, 0);
  });

  it('forgets a least round trip that has not been seen for a minute, and keeps one that has', () => {
    const rtt = new RttEstimator();
    const second = 1_000_000;
    rtt.sample(5_000, 0, 0);
    for (let at = 1; at < 30; at++) rtt.sample(25_000 + at, 0, at * second);
    expect(rtt.minUs).toBe(5_000);
    for (let at = 30; at <= 60; at++) rtt.sample(25_000 + at, 0, at * second);
    expect(rtt.minUs).toBe(25_030);
    rtt.sample(6_000, 0, 61 * second);
    for (let at = 62; at < 90; at++) rtt.sample(25_000, 0, at * second);
    expect(rtt.minUs).toBe(6_000);
  });

  it('takes what it meets after a long silence', () => {
    const rtt = new RttEstimator();
    rtt.sample(5_000, 0, 0);
    rtt.sample(25_000, 0, 3_600_000_000);
    expect([rtt.minUs, rtt.hasSample]).toEqual([25_000, true]);
  });
});
