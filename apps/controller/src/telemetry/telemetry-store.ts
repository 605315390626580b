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
import { ensurePartitions } from './partitions.js';
import { RESOLUTIONS } from './resolutions.js';
import { markDirty, type Touched } from './rollup-locks.js';
import {
  parseTelemetry,
  parseTelemetrySubject,
  type ParsedTelemetry,
  type RecordKey,
} from './telemetry-message.js';

/** Of a message that is kept aside. */
const MAX_POISON_BYTES = 64 * 1024;

/** What is needed of a message from the stream. */
export type TelemetryMessage = Pick<JsMsg, 'subject' | 'data' | 'seq'>;

const KEY: Columns<RecordKey> = [
  ['organization_id', 'uuid', (item) => item.organizationId],
  ['agent_id', 'uuid', (item) => item.agentId],
  ['boot_id', 'uuid', (item) => item.bootId],
  ['sequence', 'bigint', (item) => item.sequence],
  ['ordinal', 'integer', (item) => item.ordinal],
];

const LINK: Columns<RecordKey & LinkRecord> = [
  ...KEY,
  ['at', 'timestamptz', (item) => new Date(item.atMs)],
  ['peer_agent_id', 'uuid', (item) => item.peerAgentId],
  ['interval_ms', 'double precision', (item) => item.intervalMs],
  ['state', 'text', (item) => item.state],
  ['bytes_sent', 'bigint', (item) => whole(item.bytesSent)],
  ['bytes_received', 'bigint', (item) => whole(item.bytesReceived)],
  ['wire_bytes_sent', 'bigint', (item) => whole(item.wireBytesSent)],
  ['wire_bytes_received', 'bigint', (item) => whole(item.wireBytesReceived)],
  ['packets_sent', 'bigint', (item) => whole(item.packetsSent)],
  ['packets_lost', 'bigint', (item) => whole(item.packetsLost)],
  ['packets_retransmitted', 'bigint', (item) => whole(item.packetsRetransmitted)],
  ['packets_spurious', 'bigint', (item) => whole(item.packetsSpurious)],
  ['min_rtt_ms', 'real', (item) => item.minRttMs],
  ['smoothed_rtt_ms', 'real', (item) => item.smoothedRttMs],
  ['queue_delay_ms', 'real', (item) => item.queueDelayMs],
  ['pacing_mbps', 'real', (item) => item.pacingMbps],
  ['mtu', 'integer', (item) => whole(item.mtu)],
  ['open_streams', 'integer', (item) => whole(item.openStreams)],
];

const FLOW: Columns<RecordKey & FlowRecord> = [
  ...KEY,
  ['at', 'timestamptz', (item) => new Date(item.atMs)],
  ['flow_id', 'uuid', (item) => item.flowId],
  ['bytes_up', 'bigint', (item) => whole(item.bytesUp)],
  ['bytes_down', 'bigint', (item) => whole(item.bytesDown)],
  ['encoded_bytes_up', 'bigint', (item) => whole(item.encodedBytesUp)],
  ['encoded_bytes_down', 'bigint', (item) => whole(item.encodedBytesDown)],
  ['active_ms', 'double precision', (item) => item.activeMs ?? null],
  // Not of the record but of the connection:
  ['started_at', 'timestamptz', (item) => new Date(Math.min(item.startedAtMs, item.atMs))],
  ['peer_agent_id', 'uuid', (item) => item.peerAgentId],
  ['source', 'text', (item) => item.source],
  ['destination', 'text', (item) => item.destination],
  ['destination_port', 'integer', (item) => item.destinationPort],
  ['rule_id', 'text', (item) => item.ruleId],
  ['handling', 'text', (item) => item.handling],
  ['ended', 'text', (item) => item.ended],
  ['reason', 'text', (item) => item.reason],
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
const touchedBy = (
  links: readonly (RecordKey & LinkRecord)[],
  flows: readonly (RecordKey & FlowRecord)[],
): Touched[] => [
  ...links.flatMap(({ organizationId, agentId, peerAgentId, atMs }) => [
    { organizationId, agentId, atMs },
    { organizationId, agentId: peerAgentId, atMs },
  ]),
  ...flows,
];

/** Stores telemetry exactly: a message that comes again changes nothing; one that cannot be stored is kept aside. */
export class TelemetryStore {
  constructor(private readonly pool: pg.Pool) {}

  /**
   * Stores all messages, or throws (the database is away, or not as it should be) and is to be called again with the same:
   * what was stored is not counted twice.
   */
  async store(messages: readonly TelemetryMessage[]): Promise<void> {
    await traced('telemetry store', { 'longhaul.messages': messages.length }, () => this.storeAll(messages));
  }

  private async storeAll(messages: readonly TelemetryMessage[]): Promise<void> {
    const good: { message: TelemetryMessage; parsed: ParsedTelemetry }[] = [];
    for (const message of messages) {
      try {
        good.push({ message, parsed: parseTelemetry(message) });
      } catch (error) {
        if (!(error instanceof UnstorableError)) throw error;
        await this.keepAside(message, error.message);
      }
    }
    try {
      await this.insert(good.map(({ parsed }) => parsed));
    } catch (error) {
      if (!isFaultOfData(error)) throw error;
      // A missing partition looks like a fault of the data. Every time that gets here has one, unless midnight passed.
      await ensurePartitions(this.pool);
      await this.storeOneByOne(good);
    }
  }

  /** Some message of the batch cannot be stored: find out which. */
  private async storeOneByOne(
    items: readonly { message: TelemetryMessage; parsed: ParsedTelemetry }[],
  ): Promise<void> {
    for (const { message, parsed } of items) {
      try {
        await this.insert([parsed]);
      } catch (error) {
        if (!isFaultOfData(error)) throw error;
        await this.keepAside(message, error.message);
      }
    }
  }

  private async insert(parsed: readonly ParsedTelemetry[]): Promise<void> {
    const links = parsed.flatMap((each) => each.links);
    const flows = parsed.flatMap((each) => each.flows);
    if (links.length + flows.length === 0) return;
    const linkValues = transpose(LINK, links);
    const flowValues = transpose(FLOW, flows);
    const stopTimer = telemetryStoreSeconds.startTimer();
    await inTransaction(this.pool, async (client) => {
      if (links.length > 0) await client.query(INSERT_LINKS, linkValues);
      if (flows.length > 0) await client.query(INSERT_FLOWS, flowValues);
      await markDirty(client, RESOLUTIONS[0], touchedBy(links, flows));
    });
    stopTimer();
    telemetryMessages.inc({ outcome: 'stored' }, parsed.length);
    telemetryRecords.inc({ kind: 'link' }, links.length);
    telemetryRecords.inc({ kind: 'flow' }, flows.length);
  }

  private async keepAside(message: TelemetryMessage, reason: string): Promise<void> {
    telemetryMessages.inc({ outcome: 'unstorable' });
    const source = parseTelemetrySubject(message.subject);
    await this.pool.query(
      `INSERT INTO telemetry.poison (organization_id, agent_id, subject, stream_sequence, reason, body)
       VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (subject, stream_sequence) DO NOTHING`,
      [
        source?.organizationId ?? null,
        source?.agentId ?? null,
        message.subject,
        message.seq,
        reason.replaceAll('\0', '').slice(0, 1000),
        Buffer.from(message.data.subarray(0, MAX_POISON_BYTES)),
      ],
    );
  }
}
