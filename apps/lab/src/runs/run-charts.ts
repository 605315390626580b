import { barChart, type BarGroup, type Markup, lineChart, type LineSeries } from '../report/index.js';
import { endsCpuPerGigabyte, queueMs, settledMbps } from './run-figures.js';
import { groupRuns, median, medianRun, type RunGroup } from './run-groups.js';
import type { TransferResult, Transport } from './transfer-result.js';

const SERIES_SECONDS = 0.5;

/** The groups of one workload, and where each transport stands in the legend. */
export interface Comparison {
  workload: string;
  links: readonly string[];
  transports: readonly Transport[];
  groups: readonly RunGroup[];
}

/** A comparison for each workload; a transport has the same place in all. */
export function compareRuns(runs: readonly TransferResult[]): Comparison[] {
  const transports = unique(runs.map((run) => run.transport));
  return unique(runs.map((run) => run.workload)).map((workload) => {
    const groups = groupRuns(runs.filter((run) => run.workload === workload));
    return { workload, links: unique(groups.map(({ link }) => link)), transports, groups };
  });
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

// ---- bars -----------------------------------------------------------------------------------------------

export function goodputBars(comparison: Comparison): Markup {
  const groups = barGroups(comparison, ({ runs }) => {
    const mbps = median(runs.map(settledMbps));
    return {
      value: (100 * mbps) / (runs[0]?.limitMbps ?? 1),
      text: `${mbps.toFixed(mbps < 100 ? 1 : 0)} Mbit/s`,
    };
  });
  return barChart({
    title: 'Steady goodput',
    axisLabel: '% of the link’s limit',
    groups: groups.map((group) => ({ ...group, mark: { label: 'the limit', value: 100 } })),
  });
}

export function processorBars(comparison: Comparison): Markup {
  const groups = barGroups(comparison, ({ runs }) => ({ value: median(runs.map(endsCpuPerGigabyte)) }));
  return barChart({
    title: 'CPU of both ends: source, sink and agents, kernel time within',
    axisLabel: 'CPU seconds per GB of application bytes',
    groups,
  });
}

export function wireBars(comparison: Comparison): Markup {
  const groups = barGroups(comparison, ({ runs }) => {
    const ratio = median(runs.map((run) => run.bytesOnWire / run.bytes));
    return { value: ratio, text: ratio.toFixed(3) };
  });
  return barChart({
    title: 'Bytes on the wire for each application byte, headers and what was sent again included',
    axisLabel: 'wire bytes per application byte',
    groups,
  });
}

function barGroups(
  { links, transports, groups }: Comparison,
  measure: (group: RunGroup) => { value: number; text?: string },
): BarGroup[] {
  return links.map((link) => ({
    label: link,
    bars: groups
      .filter((group) => group.link === link)
      .map((group) => ({
        name: group.transport,
        legendIndex: transports.indexOf(group.transport),
        ...measure(group),
      })),
  }));
}

// ---- lines ----------------------------------------------------------------------------------------------

/** A chart for each link, of the median run of each transport. */
export function perLink(
  comparison: Comparison,
  chart: (link: string, drawn: readonly DrawnRun[]) => Markup,
): Markup[] {
  const { links, transports, groups } = comparison;
  return links.map((link) => {
    const drawn = groups
      .filter((group) => group.link === link)
      .flatMap((group) => {
        const run = medianRun(group);
        return run ? [{ run, legendIndex: transports.indexOf(group.transport) }] : [];
      });
    return chart(link, drawn);
  });
}

/** A run with its place in the legend. */
export interface DrawnRun {
  run: TransferResult;
  legendIndex: number;
}

export function goodputChart(link: string, drawn: readonly DrawnRun[]): Markup {
  const limit = drawn[0]?.run.limitMbps ?? 0;
  return lineChart({
    title: link,
    xLabel: 'seconds',
    yLabel: 'Mbit/s',
    reference: { label: `limit ${limit.toFixed(limit < 100 ? 1 : 0)}`, value: limit },
    series: linesOf(drawn, ({ seriesMbps }) =>
      // a rate stands in the middle of its interval
      seriesMbps.map((mbps, i) => [(i + 0.5) * SERIES_SECONDS, mbps]),
    ),
  });
}

export function queueChart(link: string, drawn: readonly DrawnRun[]): Markup {
  const full = drawn[0]?.run;
  return lineChart({
    title: `${link}${full ? `; a full queue is ${queueMs(full, full.queue.limitBytes).toFixed(1)} ms` : ''}`,
    xLabel: 'seconds',
    yLabel: 'ms',
    series: linesOf(drawn, (run) =>
      run.linkSeries.atSeconds.map((at, i) => [at, queueMs(run, run.linkSeries.queueBytes[i] ?? 0)]),
    ),
  });
}

function linesOf(
  drawn: readonly DrawnRun[],
  points: (run: TransferResult) => [number, number][],
): LineSeries[] {
  return drawn.map(({ run, legendIndex }) => ({ name: run.transport, legendIndex, points: points(run) }));
}
