/** How values of buckets become one: over time (of one tunnel), and over tunnels (of one bucket). */
type Merge = 'sum' | 'min' | 'max';

/** Every figure of a rollup: its column, type, and how it is merged. What sums to nothing is 0. */
export const METRICS = [
  // Time that was reported on. Rates are bytes over this: of several tunnels the one that said most counts.
  ['covered_ms', 'double precision', 'sum', 'max'],
  // Time of all tunnels together, and of this the time in which they were up.
  ['tunnel_ms', 'double precision', 'sum', 'sum'],
  ['up_ms', 'double precision', 'sum', 'sum'],
  ['bytes_sent', 'bigint', 'sum', 'sum'],
  ['bytes_received', 'bigint', 'sum', 'sum'],
  ['wire_bytes_sent', 'bigint', 'sum', 'sum'],
  ['wire_bytes_received', 'bigint', 'sum', 'sum'],
  ['packets_sent', 'bigint', 'sum', 'sum'],
  ['packets_lost', 'bigint', 'sum', 'sum'],
  ['packets_retransmitted', 'bigint', 'sum', 'sum'],
  ['rtt_ms_sum', 'double precision', 'sum', 'sum'],
  ['rtt_samples', 'bigint', 'sum', 'sum'],
  ['min_rtt_ms', 'real', 'min', 'min'],
  ['max_rtt_ms', 'real', 'max', 'max'],
  ['open_streams', 'bigint', 'max', 'sum'],
  // Connections that ended, by how they were handled.
  ['flows_accelerated', 'bigint', 'sum', 'sum'],
  ['flows_passed', 'bigint', 'sum', 'sum'],
  ['flows_refused', 'bigint', 'sum', 'sum'],
  // Application bytes of accelerated connections, both ways, and what compression made of them.
  ['flow_bytes', 'bigint', 'sum', 'sum'],
  ['flow_encoded_bytes', 'bigint', 'sum', 'sum'],
  ['passed_bytes', 'bigint', 'sum', 'sum'],
  // What TCP would have taken longer, in milliseconds: docs/telemetry.md.
  ['saved_ms', 'double precision', 'sum', 'sum'],
] as const satisfies readonly (readonly [
  column: string,
  type: string,
  overTime: Merge,
  overTunnels: Merge,
])[];

export type MetricColumn = (typeof METRICS)[number][0];

const COLUMNS: readonly MetricColumn[] = METRICS.map(([column]) => column);

/** `covered_ms, tunnel_ms, …` */
export const metricNames = COLUMNS.join(', ');

/** `covered_ms = excluded.covered_ms, …`, for an upsert. */
export const takeExcluded = COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ');

/** What a replica of an older release was about to store may be Infinity: it counts for nothing. */
const SAVED_MS = "coalesce(sum(saved_ms) FILTER (WHERE saved_ms < 'Infinity'), 0)";

/** A bigint holds little more. */
const MAX_COUNT = '9000000000000000000';

/** A count for its column: what an agent claims beyond all reason ends there, and does not keep everybody's bucket from being computed. */
export const counted = (expression: string): string => `least(${expression}, ${MAX_COUNT})::bigint`;

/** Expressions that merge rows, in the order of {@link METRICS}; some may be told otherwise. */
export const merged = (
  over: 'time' | 'tunnels',
  otherwise: Partial<Record<MetricColumn, string>> = {},
): string => {
  const special: Partial<Record<MetricColumn, string>> = { saved_ms: SAVED_MS, ...otherwise };
  return METRICS.map(([column, type, overTime, overTunnels]) => {
    const merge = over === 'time' ? overTime : overTunnels;
    const value = special[column] ?? `${merge}(${column})`;
    return type === 'bigint' ? counted(value) : `(${value})::${type}`;
  }).join(', ');
};
