import type pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentSeat, LoadState } from './agent-messages.js';
import type { AgentPool } from './agent-pool.js';
import { counterpartOf } from './fleet-shape.js';

const POLL_MS = 500;
/** What waits in the stream when the load has ended has so many times the load's length to be stored, and a minute. */
const DRAIN_FACTOR = 4;
const DRAIN_SPARE_MS = 60_000;

/** What became of so many records. */
export interface TelemetryRun {
  /** Stored, over the time from the first record until the last one was stored. */
  readonly recordsPerSecond: number;
  /** How long records were made. */
  readonly seconds: number;
  /** From the first record until the stream had acknowledged all, and until all were stored. */
  readonly acceptedSeconds: number;
  readonly storedSeconds: number;
  readonly records: number;
  /** Records that were made and are not stored. */
  readonly lost: number;
  /** Records that are stored more than once. */
  readonly duplicated: number;
}

export interface TelemetryLoadOptions {
  readonly pool: AgentPool;
  readonly seats: readonly AgentSeat[];
  /** A superuser's. */
  readonly database: pg.Client;
  /** `http://…/metrics` of the controller. */
  readonly metricsUrl: string;
  readonly seconds: number;
  /** Flow records a second of the whole fleet. */
  readonly rate: number;
  readonly inTheMiddle?: (() => Promise<void>) | undefined;
  /** Ends what waits. */
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

/** Has all agents report connections at a rate, and counts afterwards in the database what came of it. */
export async function loadTelemetry(options: TelemetryLoadOptions): Promise<TelemetryRun> {
  const { pool, seats, database, metricsUrl, seconds, rate, inTheMiddle, signal, progress } = options;
  const beganAt = performance.now();
  const sinceBegin = (): number => (performance.now() - beganAt) / 1000;
  const middle = sleep(seconds * 500, undefined, { signal }).then(inTheMiddle);
  // Looked at below; until then it is nobody's.
  middle.catch(() => undefined);
  const sent = await pool.carryLoad(
    {
      seconds,
      connections: spread(rate, seats.length),
      peers: seats.map(({ number }) => seatAt(seats, counterpartOf(number, seats.length))),
    },
    ({ records, waiting }) =>
      progress(
        `${sinceBegin().toFixed(0)} s: ${String(records)} records made, ${String(waiting)} batches under way`,
      ),
  );
  const acceptedSeconds = sinceBegin();
  await middle;
  await drained(metricsUrl, seconds * 1000 * DRAIN_FACTOR + DRAIN_SPARE_MS, { signal, progress });
  const storedSeconds = sinceBegin();
  const { lost, duplicated } = await countRecords(database, sent);
  return {
    recordsPerSecond: Math.round((sent.records - lost) / storedSeconds),
    seconds,
    acceptedSeconds: Math.round(acceptedSeconds * 10) / 10,
    storedSeconds: Math.round(storedSeconds * 10) / 10,
    records: sent.records,
    lost,
    duplicated,
  };
}

/** Whole numbers that differ by one at most, and are `total` together. */
export function spread(total: number, among: number): number[] {
  const each = Math.floor(total / among);
  return Array.from({ length: among }, (_, i) => each + (i < total % among ? 1 : 0));
}

function seatAt(seats: readonly AgentSeat[], number: number): AgentSeat {
  const seat = seats[number];
  if (seat === undefined) throw new RangeError(`there is no site ${String(number)}`);
  return seat;
}

/** Until nothing of the stream is left to be stored: a batch is acknowledged after its transaction. */
async function drained(
  metricsUrl: string,
  timeoutMs: number,
  { signal, progress }: Pick<TelemetryLoadOptions, 'signal' | 'progress'>,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const waiting = await streamBacklog(metricsUrl);
    if (waiting === 0) return;
    if (Date.now() > deadline) {
      throw new Error(
        `${String(waiting)} batches are not stored ${String(timeoutMs / 1000)} s after the last one`,
      );
    }
    progress(`${waiting === undefined ? 'some' : String(waiting)} batches wait to be stored`);
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Batches that wait in the stream or are being stored; undefined while the controller does not say. */
async function streamBacklog(metricsUrl: string): Promise<number | undefined> {
  try {
    const text = await (await fetch(metricsUrl)).text();
    return parseBacklog(text);
  } catch {
    return undefined;
  }
}

/** Of Prometheus' text format; undefined if it is not in there. */
export function parseBacklog(text: string): number | undefined {
  const values = [...text.matchAll(/^longhaul_telemetry_stream_messages\{[^}]*\} (\S+)$/gm)].map(
    ([, value]) => Number(value),
  );
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}

/**
 * Counts by the key that every record has. Two independent sums guard the count: the bytes of the records, and those of the
 * connections, which are added to as records come.
 *
 * @throws Error if bytes are missing or too many though the records are all there once
 */
async function countRecords(
  database: pg.Client,
  sent: LoadState,
): Promise<{ lost: number; duplicated: number }> {
  const { rows } = await database.query<{
    stored: number;
    distinct: number;
    bytes: number;
    connections: number;
  }>(
    `SELECT sum(copies)::float8 AS stored, count(*)::float8 AS distinct, sum(bytes)::float8 AS bytes,
       (SELECT sum(bytes_up + bytes_down)::float8 FROM telemetry.flows) AS connections
     FROM (
       SELECT count(*) AS copies, sum(bytes_up + bytes_down) AS bytes
       FROM telemetry.flow_records GROUP BY agent_id, boot_id, sequence, ordinal
     ) AS keys`,
  );
  const [{ stored = 0, distinct = 0, bytes = 0, connections = 0 } = {}] = rows;
  const [lost, duplicated] = [sent.records - distinct, stored - distinct];
  if (lost === 0 && duplicated === 0 && (bytes !== sent.bytes || connections !== sent.bytes)) {
    throw new Error(
      `all records are stored once, but of ${String(sent.bytes)} bytes records have ${String(bytes)} and connections ${String(connections)}`,
    );
  }
  return { lost, duplicated };
}
