import type { Transaction } from '../database/prisma.js';

/** Points of a series are at most this many, whatever the time asked for. */
const MAX_POINTS = 300;
const MAX_MINUTES = 3 * 24 * 60;
/** An agent that said nothing about a link for so long has no latest sample. */
const LATEST_WITHIN_SECONDS = 60;
const MAX_FLOWS = 1000;

/** A tunnel over one interval, from one end: rates in Mbit/s, times in milliseconds, shares in percent. */
export interface LinkPoint {
  readonly at: Date;
  readonly sentMbps: number;
  readonly receivedMbps: number;
  readonly wireSentMbps: number;
  readonly wireReceivedMbps: number;
  readonly rttMs: number | null;
  readonly minRttMs: number | null;
  readonly lossPct: number;
  readonly retransmitPct: number;
  readonly openStreams: number;
}

export interface LatestLink extends LinkPoint {
  readonly agentId: string;
  readonly peerAgentId: string;
  readonly state: string;
  readonly intervalMs: number;
}

export interface StoredFlow {
  readonly flowId: string;
  readonly agentId: string;
  readonly peerAgentId: string | null;
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  readonly ruleId: string | null;
  readonly handling: string;
  readonly startedAt: Date;
  readonly lastSeenAt: Date;
  readonly ended: string | null;
  readonly reason: string | null;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly encodedBytesUp: number;
  readonly encodedBytesDown: number;
}

export interface FlowsFilter {
  readonly agentIds?: readonly string[] | undefined;
  /** Source or destination address, exactly. */
  readonly address?: string | undefined;
  readonly destinationPort?: number | undefined;
  readonly handling?: string | undefined;
  /** Opened at this time or later. */
  readonly since?: Date | undefined;
  /** Opened before this time. */
  readonly until?: Date | undefined;
}

/** Where a page of flows goes on: after this one, newest first. */
export interface FlowCursor {
  readonly startedAt: Date;
  readonly flowId: string;
}

/** Of each sample: what {@link LinkPoint} holds, from sums over a bucket. */
const POINT_COLUMNS = `
  coalesce(sum(bytes_sent) * 8 / 1000 / nullif(sum(interval_ms), 0), 0)::float8 AS "sentMbps",
  coalesce(sum(bytes_received) * 8 / 1000 / nullif(sum(interval_ms), 0), 0)::float8 AS "receivedMbps",
  coalesce(sum(wire_bytes_sent) * 8 / 1000 / nullif(sum(interval_ms), 0), 0)::float8 AS "wireSentMbps",
  coalesce(sum(wire_bytes_received) * 8 / 1000 / nullif(sum(interval_ms), 0), 0)::float8 AS "wireReceivedMbps",
  avg(smoothed_rtt_ms)::float8 AS "rttMs",
  min(min_rtt_ms)::float8 AS "minRttMs",
  coalesce(100 * sum(packets_lost) / nullif(sum(packets_sent), 0), 0)::float8 AS "lossPct",
  coalesce(100 * sum(packets_retransmitted) / nullif(sum(packets_sent), 0), 0)::float8 AS "retransmitPct",
  max(open_streams)::int AS "openStreams"`;

/** What tenants ask of telemetry. Each takes a transaction that sees one organization's rows, and names it besides. */
export class TelemetryQueries {
  /**
   * What an agent saw of its tunnels to `peerAgentIds` (together: rates are summed) over the last `minutes`, oldest first.
   * Buckets without samples are left out.
   */
  async linkSeries(
    tx: Transaction,
    query: {
      readonly organizationId: string;
      readonly agentId: string;
      readonly peerAgentIds: readonly string[];
      readonly minutes: number;
    },
  ): Promise<LinkPoint[]> {
    const minutes = Math.min(Math.max(1, query.minutes), MAX_MINUTES);
    const bucketSeconds = Math.max(1, Math.ceil((minutes * 60) / MAX_POINTS));
    return tx.$queryRawUnsafe<LinkPoint[]>(
      `SELECT at, sum("sentMbps") AS "sentMbps", sum("receivedMbps") AS "receivedMbps",
              sum("wireSentMbps") AS "wireSentMbps", sum("wireReceivedMbps") AS "wireReceivedMbps",
              avg("rttMs") AS "rttMs", min("minRttMs") AS "minRttMs", avg("lossPct") AS "lossPct",
              avg("retransmitPct") AS "retransmitPct", sum("openStreams")::int AS "openStreams"
       FROM (
         SELECT date_bin(make_interval(secs => $5), at, 'epoch') AS at, peer_agent_id, ${POINT_COLUMNS}
         FROM telemetry.link_samples
         WHERE organization_id = $1::uuid AND agent_id = $2::uuid AND peer_agent_id = ANY($3::uuid[])
           AND at > now() - make_interval(mins => $4) AND at <= now() + interval '1 minute'
         GROUP BY 1, 2
       ) AS per_peer
       GROUP BY at ORDER BY at`,
      query.organizationId,
      query.agentId,
      [...query.peerAgentIds],
      minutes,
      bucketSeconds,
    );
  }

  /** The newest sample of every tunnel of the given agents. */
  async latest(tx: Transaction, organizationId: string, agentIds: readonly string[]): Promise<LatestLink[]> {
    return tx.$queryRawUnsafe<LatestLink[]>(
      `SELECT agent_id AS "agentId", peer_agent_id AS "peerAgentId", state, at, interval_ms AS "intervalMs", ${POINT_COLUMNS}
       FROM (
         SELECT DISTINCT ON (agent_id, peer_agent_id) *
         FROM telemetry.link_samples
         WHERE organization_id = $1::uuid AND agent_id = ANY($2::uuid[])
           AND at > now() - make_interval(secs => $3) AND at <= now() + interval '1 minute'
         ORDER BY agent_id, peer_agent_id, at DESC, sequence DESC
       ) AS newest
       GROUP BY agent_id, peer_agent_id, state, at, interval_ms`,
      organizationId,
      [...agentIds],
      LATEST_WITHIN_SECONDS,
    );
  }

  /** Connections, newest first, at most `first` (up to 1000) after the cursor. */
  async flows(
    tx: Transaction,
    query: {
      readonly organizationId: string;
      readonly filter?: FlowsFilter | undefined;
      readonly first: number;
      readonly after?: FlowCursor | undefined;
    },
  ): Promise<StoredFlow[]> {
    const { filter = {}, after } = query;
    return tx.$queryRawUnsafe<StoredFlow[]>(
      `SELECT flow_id AS "flowId", agent_id AS "agentId", peer_agent_id AS "peerAgentId", source, destination,
              destination_port AS "destinationPort", rule_id AS "ruleId", handling, started_at AS "startedAt",
              last_seen_at AS "lastSeenAt", ended, reason,
              bytes_up::float8 AS "bytesUp", bytes_down::float8 AS "bytesDown",
              encoded_bytes_up::float8 AS "encodedBytesUp", encoded_bytes_down::float8 AS "encodedBytesDown"
       FROM telemetry.flows
       WHERE organization_id = $1::uuid
         AND ($2::uuid[] IS NULL OR agent_id = ANY($2::uuid[]))
         AND ($3::text IS NULL OR source = $3 OR destination = $3)
         AND ($4::int IS NULL OR destination_port = $4)
         AND ($5::text IS NULL OR handling = $5)
         AND ($9::timestamptz IS NULL OR started_at >= $9)
         AND ($10::timestamptz IS NULL OR started_at < $10)
         AND ($6::timestamptz IS NULL OR (started_at, flow_id) < ($6::timestamptz, $7::uuid))
       ORDER BY started_at DESC, flow_id DESC
       LIMIT $8`,
      query.organizationId,
      filter.agentIds === undefined ? null : [...filter.agentIds],
      filter.address ?? null,
      filter.destinationPort ?? null,
      filter.handling ?? null,
      after?.startedAt ?? null,
      after?.flowId ?? null,
      Math.min(Math.max(1, query.first), MAX_FLOWS),
      filter.since ?? null,
      filter.until ?? null,
    );
  }
}
