import type { LinkPoint, TelemetryPoint } from '../api/schema.js';
import type { LiveLink } from './frame.js';

/** One moment of one link as one agent sees it; the names and units of TelemetryPoint, with the time as a number. */
export interface SeriesPoint extends Omit<TelemetryPoint, 'at'> {
  atMs: number;
}

/** A hole longer than this many usual steps is drawn as a hole, not bridged. */
const GAP_STEPS = 4;

/** The same of a link's end, where each figure is known or nought. */
export type LinkEndPoint = Omit<LinkPoint, 'at'> & { atMs: number };

export const fromHistory = <Point extends TelemetryPoint>({
  at,
  ...values
}: Point): Omit<Point, 'at'> & { atMs: number } => ({
  ...values,
  atMs: Date.parse(at),
});

export function fromLive(link: LiveLink): LinkEndPoint {
  const { atMs, sentMbps, receivedMbps, wireSentMbps, wireReceivedMbps } = link;
  const { rttMs, minRttMs, lossPct, retransmitPct, openStreams } = link;
  const rates = { sentMbps, receivedMbps, wireSentMbps, wireReceivedMbps };
  return { atMs, ...rates, rttMs, minRttMs, lossPct, retransmitPct, openStreams };
}

/** Stored points and, after the last of them, what came live; oldest first, not older than `sinceMs`, each time once. */
export function mergeSeries(
  stored: readonly SeriesPoint[],
  live: readonly SeriesPoint[],
  sinceMs: number,
): SeriesPoint[] {
  const merged: SeriesPoint[] = [];
  let lastMs = sinceMs - 1;
  for (const point of [...stored, ...live].sort((a, b) => a.atMs - b.atMs)) {
    if (point.atMs <= lastMs) continue;
    merged.push(point);
    lastMs = point.atMs;
  }
  return merged;
}

/** The step between most points, in milliseconds. */
function usualStepMs(points: readonly SeriesPoint[]): number {
  const steps = points.slice(1).map((point, index) => point.atMs - (points[index]?.atMs ?? point.atMs));
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 1000;
}

/**
 * Columns for a plot: times in Unix seconds, then one column for each reader. Where telemetry is missing, a row of
 * nulls makes the line stop, because a straight line over an outage would be an invention. Of points that come exactly every
 * `stepMs` one that is missing is enough.
 */
export function toColumns(
  points: readonly SeriesPoint[],
  readers: readonly ((point: SeriesPoint) => number | null)[],
  stepMs?: number,
): [number[], ...(number | null)[][]] {
  const gapMs = stepMs === undefined ? Math.max(3000, usualStepMs(points) * GAP_STEPS) : stepMs * 1.5;
  const times: number[] = [];
  const columns: (number | null)[][] = readers.map(() => []);
  let lastMs: number | undefined;
  for (const point of points) {
    if (lastMs !== undefined && point.atMs - lastMs > gapMs) {
      times.push((lastMs + 1) / 1000);
      for (const column of columns) column.push(null);
    }
    times.push(point.atMs / 1000);
    readers.forEach((read, index) => columns[index]?.push(read(point)));
    lastMs = point.atMs;
  }
  return [times, ...columns];
}
