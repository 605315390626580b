import type { LinkMeasurement } from '@longhaul/wan-emulator';
import { groupRuns, median } from './run-groups.js';
import { formatTable } from './table.js';
import type { TransferResult } from './transfer-result.js';

const GIGABYTE = 1e9;

/** What the emulator gave of what was asked, a row per link. */
export function formatMeasurements(measurements: readonly LinkMeasurement[]): string {
  return `asked > given\n${formatTable(MEASUREMENT_HEADER, measurements.map(measurementCells), 1)}`;
}

export const MEASUREMENT_HEADER = [
  'EMULATOR',
  'RTT ms',
  'RATE Mbit/s',
  'LOSS %',
  'PACKETS',
  'JITTER ms',
  'LATE us p50/p99/max',
];

/** The emulator's error on one link as cells of a table. */
export function measurementCells(measurement: LinkMeasurement): string[] {
  const { link, rttMs, rateMbps, lossPct, jitterMs, latenessUs } = measurement;
  const pair = (asked: number, given: number): string => `${asked} > ${given}`;
  return [
    link,
    pair(rttMs.asked, rttMs.given),
    pair(rateMbps.asked, rateMbps.given),
    pair(lossPct.asked, lossPct.given),
    `${lossPct.lost} of ${lossPct.packets}`,
    pair(jitterMs.asked, jitterMs.given),
    `${latenessUs.p50} / ${latenessUs.p99} / ${latenessUs.max}`,
  ];
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
  return groupRuns(runs)
    .filter((group) => group.runs.length > 1)
    .map(({ link, workload, transport, runs: seeds }) => [
      link,
      workload,
      transport,
      String(seeds.length),
      median(seeds.map((run) => run.goodputMbps)).toFixed(1),
      median(seeds.map((run) => run.steadyMbps ?? Number.NaN)).toFixed(1),
    ]);
}
