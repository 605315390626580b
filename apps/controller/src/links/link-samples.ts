import type { Transaction } from '../database/prisma.js';
import { defineLoader, groupBy } from '../graphql/loader.js';
import type { LinkPoint } from './link-point.model.js';

/** What an agent said longer ago does not say how a tunnel is now, in milliseconds. */
export const FRESH_MS = 15_000;

/** Points that a series has at most. */
const MAX_POINTS = 300;

/** What an agent last said about its tunnel to a peer. */
export interface LatestSample extends LinkPoint {
  readonly agentId: string;
  readonly peerAgentId: string;
  readonly state: string;
}

/** How the tunnel is now. */
export const stateOf = (sample: LatestSample | undefined, nowMs = Date.now()): string =>
  sample !== undefined && nowMs - sample.at.getTime() < FRESH_MS ? sample.state : 'down';

/** The newest samples of the last minute, by agent: one for each of its peers. */
export const latestSamplesLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  groupBy(await latestSamples(tx, organizationId, keys), ({ agentId }) => agentId),
);

const latestSamples = async (
  tx: Transaction,
  organizationId: string,
  agentIds: string[],
): Promise<LatestSample[]> => tx.$queryRaw`
  SELECT DISTINCT ON (agent_id, peer_agent_id)
    agent_id AS "agentId", peer_agent_id AS "peerAgentId", state, at,
    bytes_sent * 8e-3 / interval_ms AS "sentMbps",
    bytes_received * 8e-3 / interval_ms AS "receivedMbps",
    wire_bytes_sent * 8e-3 / interval_ms AS "wireSentMbps",
    wire_bytes_received * 8e-3 / interval_ms AS "wireReceivedMbps",
    smoothed_rtt_ms::float8 AS "rttMs", min_rtt_ms::float8 AS "minRttMs",
    coalesce(100e0 * packets_lost / nullif(packets_sent, 0), 0) AS "lossPct",
    coalesce(100e0 * packets_retransmitted / nullif(packets_sent, 0), 0) AS "retransmitPct",
    open_streams AS "openStreams"
  FROM telemetry.link_samples
  WHERE organization_id = ${organizationId}::uuid AND agent_id = ANY(${agentIds}::uuid[])
    AND at > now() - interval '1 minute'
  ORDER BY agent_id, peer_agent_id, at DESC`;

/** What a series is of. */
export interface SeriesQuery {
  readonly organizationId: string;
  readonly agentId: string;
  /** Agents of the link's other site. */
  readonly peerAgentIds: string[];
  readonly minutes: number;
}

/** An agent's end of a link over the last minutes, in at most 300 points; tunnels to several agents are summed. */
export const linkSeries = async (
  tx: Transaction,
  { organizationId, agentId, peerAgentIds, minutes }: SeriesQuery,
): Promise<LinkPoint[]> => {
  const stepSeconds = Math.max(1, Math.ceil((minutes * 60) / MAX_POINTS));
  return tx.$queryRaw`
    SELECT bucket + ${stepSeconds} * interval '1 second' AS at,
      sum(bytes_sent * 8e-3 / interval_ms)::float8 AS "sentMbps",
      sum(bytes_received * 8e-3 / interval_ms)::float8 AS "receivedMbps",
      sum(wire_bytes_sent * 8e-3 / interval_ms)::float8 AS "wireSentMbps",
      sum(wire_bytes_received * 8e-3 / interval_ms)::float8 AS "wireReceivedMbps",
      avg(rtt_ms)::float8 AS "rttMs", min(min_rtt_ms)::float8 AS "minRttMs",
      coalesce(100e0 * sum(lost) / nullif(sum(sent), 0), 0)::float8 AS "lossPct",
      coalesce(100e0 * sum(retransmitted) / nullif(sum(sent), 0), 0)::float8 AS "retransmitPct",
      round(sum(open_streams))::int AS "openStreams"
    FROM (
      SELECT date_bin(${stepSeconds} * interval '1 second', at, 'epoch') AS bucket,
        sum(interval_ms) AS interval_ms,
        sum(bytes_sent) AS bytes_sent, sum(bytes_received) AS bytes_received,
        sum(wire_bytes_sent) AS wire_bytes_sent, sum(wire_bytes_received) AS wire_bytes_received,
        avg(smoothed_rtt_ms) AS rtt_ms, min(min_rtt_ms) AS min_rtt_ms,
        sum(packets_lost) AS lost, sum(packets_sent) AS sent, sum(packets_retransmitted) AS retransmitted,
        avg(open_streams) AS open_streams
      FROM telemetry.link_samples
      WHERE organization_id = ${organizationId}::uuid AND agent_id = ${agentId}::uuid
        AND peer_agent_id = ANY(${peerAgentIds}::uuid[])
        AND at > now() - ${minutes} * interval '1 minute'
      GROUP BY 1, peer_agent_id
    ) AS tunnels
    GROUP BY bucket
    ORDER BY bucket`;
};
