import type { JsMsg } from '@nats-io/jetstream';
import type { FlowRecord, LinkRecord } from '@longhaul/contracts';
import type pg from 'pg';
import { inTransaction } from '../database/worker-pool.js';
import {
  isFaultOfData,
  namesOf,
  transpose,
  UnstorableError,
  unnest,
  whole,
  type Columns,
} from '../database/columns.js';
import { telemetryMessages, telemetryRecords, telemetryStoreSeconds } from '../metrics/metrics.js';
import { traced } from '../tracing/tracing.js';
import { KeptAside } from './kept-aside.js';
import { ensurePartitions } from './partitions.js';
import { RESOLUTIONS } from './resolutions.js';
import { markDirty, type Touched } from './rollup-locks.js';
import { parseTelemetry, type BatchKey, type ParsedTelemetry } from './telemetry-message.js';

/** Of one transaction: its sorts fit into the server's memory, and its texts into ours. A message alone may have more. */
const MAX_RECORDS = 10_000;

/** What is needed of a message from the stream. */
export type TelemetryMessage = Pick<JsMsg, 'subject' | 'data' | 'seq'>;

/** A record, and what is its key: its batch, and its place there. */
interface Numbered<R> {
  readonly batch: BatchKey;
  readonly ordinal: number;
  readonly record: R;
}

const numbered = <R>(batch: BatchKey, records: readonly R[]): Numbered<R>[] =>
  records.map((record, ordinal) => ({ batch, ordinal, record }));

const KEY: Columns<Numbered<unknown>> = [
  ['organization_id', 'uuid', ({ batch }) => batch.organizationId],
  ['agent_id', 'uuid', ({ batch }) => batch.agentId],
  ['boot_id', 'uuid', ({ batch }) => batch.bootId],
  ['sequence', 'bigint', ({ batch }) => batch.sequence],
  ['ordinal', 'integer', ({ ordinal }) => ordinal],
];

const LINK: Columns<Numbered<LinkRecord>> = [
  ...KEY,
  ['at', 'timestamptz', ({ record }) => new Date(record.atMs)],
  ['peer_agent_id', 'uuid', ({ record }) => record.peerAgentId],
  ['interval_ms', 'double precision', ({ record }) => record.intervalMs],
  ['state', 'text', ({ record }) => record.state],
  ['bytes_sent', 'bigint', ({ record }) => whole(record.bytesSent)],
  ['bytes_received', 'bigint', ({ record }) => whole(record.bytesReceived)],
  ['wire_bytes_sent', 'bigint', ({ record }) => whole(record.wireBytesSent)],
  ['wire_bytes_received', 'bigint', ({ record }) => whole(record.wireBytesReceived)],
  ['packets_sent', 'bigint', ({ record }) => whole(record.packetsSent)],
  ['packets_lost', 'bigint', ({ record }) => whole(record.packetsLost)],
  ['packets_retransmitted', 'bigint', ({ record }) => whole(record.packetsRetransmitted)],
  ['packets_spurious', 'bigint', ({ record }) => whole(record.packetsSpurious)],
  ['min_rtt_ms', 'real', ({ record }) => record.minRttMs],
  ['smoothed_rtt_ms', 'real', ({ record }) => record.smoothedRttMs],
  ['queue_delay_ms', 'real', ({ record }) => record.queueDelayMs],
  ['pacing_mbps', 'real', ({ record }) => record.pacingMbps],
  ['mtu', 'integer', ({ record }) => whole(record.mtu)],
  ['open_streams', 'integer', ({ record }) => whole(record.openStreams)],
];

const FLOW: Columns<Numbered<FlowRecord>> = [
  ...KEY,
  ['at', 'timestamptz', ({ record }) => new Date(record.atMs)],
  ['flow_id', 'uuid', ({ record }) => record.flowId],
  ['bytes_up', 'bigint', ({ record }) => whole(record.bytesUp)],
  ['bytes_down', 'bigint', ({ record }) => whole(record.bytesDown)],
  ['encoded_bytes_up', 'bigint', ({ record }) => whole(record.encodedBytesUp)],
  ['encoded_bytes_down', 'bigint', ({ record }) => whole(record.encodedBytesDown)],
  ['active_ms', 'double precision', ({ record }) => record.activeMs ?? null],
  // Not of the record but of the connection:
  ['started_at', 'timestamptz', ({ record }) => new Date(Math.min(record.startedAtMs, record.atMs))],
  ['peer_agent_id', 'uuid', ({ record }) => record.peerAgentId],
  ['source', 'text', ({ record }) => record.source],
  ['destination', 'text', ({ record }) => record.destination],
  ['destination_port', 'integer', ({ record }) => record.destinationPort],
  ['rule_id', 'text', ({ record }) => record.ruleId],
  ['handling', 'text', ({ record }) => record.handling],
  ['ended', 'text', ({ record }) => record.ended],
  ['reason', 'text', ({ record }) => record.reason],
];

const INSERT_LINKS = `
  INSERT INTO telemetry.link_samples (${namesOf(LINK)})
  SELECT ${namesOf(LINK)} FROM ${unnest(LINK)}
  ON CONFLICT DO NOTHING`;

/**
 * The records that are new, and, of those only, the sums of their connections: all in one statement, so that a record that
 * comes again counts nowhere. Sorted, so that two replicas lock rows in the same order.
 */
const INSERT_FLOWS = `
  WITH given AS MATERIALIZED (
    SELECT * FROM ${unnest(FLOW)}
  ), fresh AS (
    INSERT INTO telemetry.flow_records
      (organization_id, agent_id, boot_id, sequence, ordinal, at, flow_id, started_at, peer_agent_id, handling, ended,
       bytes_up, bytes_down, encoded_bytes_up, encoded_bytes_down, active_ms)
    SELECT organization_id, agent_id, boot_id, sequence, ordinal, at, flow_id, started_at, peer_agent_id, handling, ended,
           bytes_up, bytes_down, encoded_bytes_up, encoded_bytes_down, active_ms
    FROM given
    ON CONFLICT DO NOTHING
    RETURNING agent_id, at, boot_id, sequence, ordinal
  )
  INSERT INTO telemetry.flows AS f
    (organization_id, agent_id, flow_id, started_at, last_seen_at, peer_agent_id, source, destination,
     destination_port, rule_id, handling, ended, reason,
     bytes_up, bytes_down, encoded_bytes_up, encoded_bytes_down)
  SELECT organization_id, agent_id, flow_id, started_at, max(at),
         (array_agg(peer_agent_id))[1], (array_agg(source))[1], (array_agg(destination))[1],
         (array_agg(destination_port))[1], (array_agg(rule_id))[1], (array_agg(handling))[1],
         max(ended), max(reason),
         sum(bytes_up), sum(bytes_down), sum(encoded_bytes_up), sum(encoded_bytes_down)
  FROM (
    -- A batch that is in hand twice is inserted once, but given twice.
    SELECT DISTINCT ON (agent_id, at, boot_id, sequence, ordinal) *
    FROM given JOIN fresh USING (agent_id, at, boot_id, sequence, ordinal)
  ) AS counted
  GROUP BY organization_id, agent_id, flow_id, started_at
  ORDER BY agent_id, started_at, flow_id
  ON CONFLICT (agent_id, started_at, flow_id) DO UPDATE SET
    last_seen_at = greatest(f.last_seen_at, excluded.last_seen_at),
    ended = coalesce(f.ended, excluded.ended),
    reason = coalesce(f.reason, excluded.reason),
    bytes_up = f.bytes_up + excluded.bytes_up,
    bytes_down = f.bytes_down + excluded.bytes_down,
    encoded_bytes_up = f.encoded_bytes_up + excluded.encoded_bytes_up,
    encoded_bytes_down = f.encoded_bytes_down + excluded.encoded_bytes_down`;

/** What an agent measures of a tunnel is used for the connections of its peer, too. */
function* touchedBy(batches: readonly ParsedTelemetry[]): Iterable<Touched> {
  for (const { organizationId, agentId, links, flows } of batches) {
    for (const { peerAgentId, atMs } of links) {
      yield { organizationId, agentId, atMs };
      yield { organizationId, agentId: peerAgentId, atMs };
    }
    for (const { atMs } of flows) yield { organizationId, agentId, atMs };
  }
}

interface Parsed {
  readonly message: TelemetryMessage;
  readonly parsed: ParsedTelemetry;
}

/** In their order, up to {@link MAX_RECORDS} together. */
function* transactionsOf(items: readonly Parsed[]): Iterable<readonly Parsed[]> {
  let together: Parsed[] = [];
  let records = 0;
  for (const item of items) {
    const { links, flows } = item.parsed;
    const count = links.length + flows.length;
    if (together.length > 0 && records + count > MAX_RECORDS) {
      yield together;
      [together, records] = [[], 0];
    }
    together.push(item);
    records += count;
  }
  if (together.length > 0) yield together;
}

/** Stores telemetry exactly: a message that comes again changes nothing; one that cannot be stored is kept aside. */
export class TelemetryStore {
  constructor(
    private readonly pool: pg.Pool,
    private readonly keptAside = new KeptAside(pool),
  ) {}

  /**
   * Stores all messages, or throws (the database is away, or not as it should be) and is to be called again with the same:
   * what was stored is not counted twice.
   */
  async store(messages: readonly TelemetryMessage[]): Promise<void> {
    await traced('telemetry store', { 'longhaul.messages': messages.length }, () => this.storeAll(messages));
  }

  private async storeAll(messages: readonly TelemetryMessage[]): Promise<void> {
    const good: Parsed[] = [];
    for (const message of messages) {
      try {
        good.push({ message, parsed: parseTelemetry(message) });
      } catch (error) {
        if (!(error instanceof UnstorableError)) throw error;
        await this.keptAside.keep(message, error);
      }
    }
    for (const items of transactionsOf(good)) await this.storeTogether(items);
  }

  private async storeTogether(items: readonly Parsed[]): Promise<void> {
    try {
      await this.insert(items.map(({ parsed }) => parsed));
    } catch (error) {
      if (!isFaultOfData(error)) throw error;
      // A missing partition looks like a fault of the data. Every time that gets here has one, unless midnight passed.
      await ensurePartitions(this.pool);
      await this.storeOneByOne(items);
    }
  }

  /** Some message of the batch cannot be stored: find out which. */
  private async storeOneByOne(items: readonly Parsed[]): Promise<void> {
    for (const { message, parsed } of items) {
      try {
        await this.insert([parsed]);
      } catch (error) {
        if (!isFaultOfData(error)) throw error;
        await this.keptAside.keep(message, error);
      }
    }
  }

  private async insert(parsed: readonly ParsedTelemetry[]): Promise<void> {
    const links = parsed.flatMap((batch) => numbered(batch, batch.links));
    const flows = parsed.flatMap((batch) => numbered(batch, batch.flows));
    if (links.length + flows.length === 0) return;
    const linkValues = transpose(LINK, links);
    const flowValues = transpose(FLOW, flows);
    const stopTimer = telemetryStoreSeconds.startTimer();
    await inTransaction(this.pool, async (client) => {
      if (links.length > 0) await client.query(INSERT_LINKS, linkValues);
      if (flows.length > 0) await client.query(INSERT_FLOWS, flowValues);
      await markDirty(client, RESOLUTIONS[0], touchedBy(parsed));
    });
    stopTimer();
    telemetryMessages.inc({ outcome: 'stored' }, parsed.length);
    telemetryRecords.inc({ kind: 'link' }, links.length);
    telemetryRecords.inc({ kind: 'flow' }, flows.length);
  }
}
