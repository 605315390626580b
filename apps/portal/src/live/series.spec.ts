import { describe, expect, it } from 'vitest';
import { mergeSeries, type SeriesPoint, toColumns } from './series.js';

function point(atMs: number, sentMbps = atMs): SeriesPoint {
  const rates = { sentMbps, receivedMbps: 0, wireSentMbps: 0, wireReceivedMbps: 0 };
  return { atMs, ...rates, rttMs: null, minRttMs: null, lossPct: 0, retransmitPct: 0, openStreams: 0 };
}

const sent = ({ sentMbps }: SeriesPoint): number | null => sentMbps;

describe('stored and live points', () => {
  it('become one series, each time once, the stored one first', () => {
    const merged = mergeSeries([point(1000, 1), point(2000, 2)], [point(2000, 99), point(3000, 3)], 0);
    expect(merged.map(sent)).toEqual([1, 2, 3]);
  });

  it('are taken in order of time, however they came', () => {
    expect(mergeSeries([point(3000), point(1000)], [point(2000)], 0).map(sent)).toEqual([1000, 2000, 3000]);
  });

  it('end at the chosen range', () => {
    expect(mergeSeries([point(1000), point(2000)], [point(3000)], 2000).map(sent)).toEqual([2000, 3000]);
  });
});

describe('columns for a plot', () => {
  it('stop the line where telemetry is missing', () => {
    const points = [1000, 2000, 3000, 20_000, 21_000].map((atMs) => point(atMs));
    expect(toColumns(points, [sent])).toEqual([
      [1, 2, 3, 3.001, 20, 21],
      [1000, 2000, 3000, null, 20_000, 21_000],
    ]);
  });

  it('do not take the usual step of a coarse series for a hole', () => {
    const points = [0, 60_000, 120_000, 180_000].map((atMs) => point(atMs));
    expect(toColumns(points, [sent])[0]).toEqual([0, 60, 120, 180]);
  });

  it('are empty without points', () => {
    expect(toColumns([], [sent, sent])).toEqual([[], [], []]);
  });

  it('that come at a fixed pace stop where a single one is missing', () => {
    const [times, values] = toColumns([point(60_000), point(180_000), point(240_000)], [sent], 60_000);
    expect(values).toEqual([60_000, null, 180_000, 240_000]);
    expect(times).toHaveLength(4);
  });
});
