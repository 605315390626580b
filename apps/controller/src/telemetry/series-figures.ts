import { METRICS, type MetricColumn } from './rollup-metrics.js';

/** A row of a rollup: sums, as {@link METRICS} has them. */
export type RollupRow = { readonly [Column in MetricColumn]: number | null };

/** What a rollup says, in the units of people. */
export interface Figures {
  readonly sentMbps: number | null;
  readonly receivedMbps: number | null;
  readonly wireSentMbps: number | null;
  readonly wireReceivedMbps: number | null;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly wireBytesSent: number;
  readonly wireBytesReceived: number;
  readonly rttMs: number | null;
  readonly minRttMs: number | null;
  readonly maxRttMs: number | null;
  readonly lossPct: number | null;
  readonly retransmitPct: number | null;
  readonly upPct: number | null;
  readonly openStreams: number;
  readonly flowsAccelerated: number;
  readonly flowsPassed: number;
  readonly flowsRefused: number;
  readonly acceleratedBytes: number;
  readonly passedBytes: number;
  readonly bytesSaved: number;
  readonly timeSavedSeconds: number;
}

/** `a / b`; null where there is nothing to divide by: nothing was measured. */
const per = (a: number | null, b: number | null): number | null =>
  b === null || b === 0 ? null : (a ?? 0) / b;

/** Time saved that an older release stored may be Infinity: what it really was is not known. */
const isKnown = (value: number | null): value is number => value !== null && Number.isFinite(value);

export const toFigures = (row: RollupRow): Figures => {
  const mbps = (bytes: number | null): number | null => per((bytes ?? 0) * 8, (row.covered_ms ?? 0) * 1000);
  return {
    sentMbps: mbps(row.bytes_sent),
    receivedMbps: mbps(row.bytes_received),
    wireSentMbps: mbps(row.wire_bytes_sent),
    wireReceivedMbps: mbps(row.wire_bytes_received),
    bytesSent: row.bytes_sent ?? 0,
    bytesReceived: row.bytes_received ?? 0,
    wireBytesSent: row.wire_bytes_sent ?? 0,
    wireBytesReceived: row.wire_bytes_received ?? 0,
    rttMs: per(row.rtt_ms_sum, row.rtt_samples),
    minRttMs: row.min_rtt_ms,
    maxRttMs: row.max_rtt_ms,
    lossPct: per(100 * (row.packets_lost ?? 0), row.packets_sent),
    retransmitPct: per(100 * (row.packets_retransmitted ?? 0), row.packets_sent),
    upPct: per(100 * (row.up_ms ?? 0), row.tunnel_ms),
    openStreams: row.open_streams ?? 0,
    flowsAccelerated: row.flows_accelerated ?? 0,
    flowsPassed: row.flows_passed ?? 0,
    flowsRefused: row.flows_refused ?? 0,
    acceleratedBytes: row.flow_bytes ?? 0,
    passedBytes: row.passed_bytes ?? 0,
    bytesSaved: (row.flow_bytes ?? 0) - (row.flow_encoded_bytes ?? 0),
    timeSavedSeconds: isKnown(row.saved_ms) ? row.saved_ms / 1000 : 0,
  };
};

const MERGES = {
  sum: (a: number, b: number) => a + b,
  min: (a: number, b: number) => Math.min(a, b),
  max: (a: number, b: number) => Math.max(a, b),
} as const;

/** Several buckets of one subject as one; undefined of none. */
export const mergeOverTime = (rows: readonly RollupRow[]): RollupRow | undefined =>
  rows.length === 0
    ? undefined
    : (Object.fromEntries(
        METRICS.map(([column, , overTime]) => {
          const values = rows.map((row) => row[column]).filter(isKnown);
          return [column, values.length === 0 ? null : values.reduce(MERGES[overTime])];
        }),
      ) as RollupRow);
