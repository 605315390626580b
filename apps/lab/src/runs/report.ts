import type { LinkMeasurement } from '@longhaul/wan-emulator';
import type { TransferResult } from './run-transfer.js';
import { formatTable } from './table.js';

const GIGABYTE = 1e9;

/** What the emulator gave of what was asked, a row per link. */
export function formatMeasurements(measurements: readonly LinkMeasurement[]): string {
  const pair = (asked: number, given: number): string => `${asked} > ${given}`;
  const rows = measurements.map(({ link, rttMs, rateMbps, lossPct, jitterMs, latenessUs }) => [
    link,
    pair(rttMs.asked, rttMs.given),
    pair(rateMbps.asked, rateMbps.given),
    pair(lossPct.asked, lossPct.given),
    `${lossPct.lost} of ${lossPct.packets}`,
    pair(jitterMs.asked, jitterMs.given),
    `${latenessUs.p50} / ${latenessUs.p99} / ${latenessUs.max}`,
  ]);
  const header = [
    'EMULATOR',
    'RTT ms',
    'RATE Mbit/s',
    'LOSS %',
    'PACKETS',
    'JITTER ms',
    'LATE us p50/p99/max',
  ];
  return `asked > given\n${formatTable(header, rows, 1)}`;
}

export const RUN_HEADER = [
  'LINK',
  'WORKLOAD',
  'TRANSPORT',
  'SEED',
  'SECONDS',
  'Mbit/s',
  'STEADY',
  'WIRE MB',
  'QUEUE kB',
  'AGENT CPU s/GB',
  'LATE p99 us',
  'INTACT',
];

/** One run as cells of a table. */
export function runCells(run: TransferResult): string[] {
  const { agentA, agentB } = run.cpuSeconds;
  const perGigabyte = (seconds: number | undefined): string =>
    ((seconds ?? 0) / (run.bytes / GIGABYTE)).toFixed(1);
  return [
    run.link,
    run.workload,
    run.transport,
    String(run.seed),
    run.seconds.toFixed(1),
    run.goodputMbps.toFixed(1),
    run.steadyMbps?.toFixed(1) ?? '-',
    (run.bytesOnWire / 1e6).toFixed(1),
    (run.queue.standingBytes / 1e3).toFixed(0),
    agentA === undefined ? '-' : `${perGigabyte(agentA)} + ${perGigabyte(agentB)}`,
    run.latenessP99Us.toFixed(0),
    run.intact ? 'yes' : 'NO',
  ];
}

/** All runs, in the order in which they were made; and medians where a combination ran more than once. */
export function formatRuns(runs: readonly TransferResult[]): string {
  const table = formatTable(RUN_HEADER, runs.map(runCells), 3);
  const medians = medianRows(runs);
  if (medians.length === 0) return table;
  const header = ['MEDIAN OF SEEDS', 'WORKLOAD', 'TRANSPORT', 'RUNS', 'Mbit/s', 'STEADY'];
  return `${table}\n\n${formatTable(header, medians, 3)}`;
}

function medianRows(runs: readonly TransferResult[]): string[][] {
  const groups = new Map<string, TransferResult[]>();
  for (const run of runs) {
    const key = `${run.link} ${run.workload} ${run.transport}`;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => [
      group[0]?.link ?? '',
      group[0]?.workload ?? '',
      group[0]?.transport ?? '',
      String(group.length),
      median(group.map((run) => run.goodputMbps)).toFixed(1),
      median(group.map((run) => run.steadyMbps ?? Number.NaN)).toFixed(1),
    ]);
}

/** The middle value; of an even number of values the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  return (lower + upper) / 2;
}
