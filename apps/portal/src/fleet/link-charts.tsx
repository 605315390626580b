import type { ReactNode } from 'react';
import { delay, percent, rate } from '../lib/format.js';
import type { SeriesPoint } from '../live/series.js';
import { Chart, type ChartSeries } from '../ui/chart.js';

const RATE_SERIES: readonly ChartSeries[] = [
  { label: 'Before compression', colour: '--series-1', filled: true, read: (point) => point.sentMbps },
  { label: 'On the wire', colour: '--series-2', read: (point) => point.wireSentMbps },
];
const RTT_SERIES: readonly ChartSeries[] = [
  { label: 'Smoothed', colour: '--series-1', read: (point) => point.rttMs },
  { label: 'Least', colour: '--series-3', dashed: true, read: (point) => point.minRttMs },
];
const LOSS_SERIES: readonly ChartSeries[] = [
  { label: 'Lost', colour: '--series-4', filled: true, read: (point) => point.lossPct },
  { label: 'Sent again', colour: '--series-2', dashed: true, read: (point) => point.retransmitPct },
];

/** Rate, round trip and loss side by side. */
export function LinkCharts(shown: {
  points: readonly SeriesPoint[];
  minutes: number;
  stepMs?: number;
}): ReactNode {
  return (
    <div className="grid gap-x-6 gap-y-5 sm:grid-cols-2 xl:grid-cols-[5fr_3fr_3fr]">
      <div className="min-w-0 sm:col-span-2 xl:col-span-1">
        <Chart title="Rate" unit="Mbit/s" series={RATE_SERIES} format={rate} leastTop={1} {...shown} />
      </div>
      <Chart title="Round trip" unit="ms" series={RTT_SERIES} format={delay} leastTop={1} {...shown} />
      <Chart title="Loss" unit="%" series={LOSS_SERIES} format={percent} leastTop={0.1} {...shown} />
    </div>
  );
}
