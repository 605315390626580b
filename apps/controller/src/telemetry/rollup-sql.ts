import { finerThan, type Resolution } from './resolutions.js';
import { counted, merged, METRICS, metricNames, takeExcluded, type MetricColumn } from './rollup-metrics.js';

/** Peer of what an agent did without a tunnel: connections that were passed or refused. */
export const NO_PEER = '00000000-0000-0000-0000-000000000000';

/** `$1`, `$2`: organizations and agents; `$3`, `$4`: begin and end of the bucket. */
const CLAIMED = `claimed AS MATERIALIZED (
    SELECT organization_id, agent_id FROM unnest($1::uuid[], $2::uuid[]) AS given(organization_id, agent_id)
  )`;

const sampled = (from: string): string => `
    sum(interval_ms) AS tunnel_ms, coalesce(sum(interval_ms) FILTER (WHERE state = 'up'), 0) AS up_ms,
    sum(bytes_sent) AS bytes_sent, sum(bytes_received) AS bytes_received,
    sum(wire_bytes_sent) AS wire_bytes_sent, sum(wire_bytes_received) AS wire_bytes_received,
    sum(packets_sent) AS packets_sent, sum(packets_lost) AS packets_lost,
    sum(packets_retransmitted) AS packets_retransmitted,
    coalesce(sum(smoothed_rtt_ms::float8), 0) AS rtt_ms_sum, count(smoothed_rtt_ms) AS rtt_samples,
    min(min_rtt_ms) AS min_rtt_ms, max(smoothed_rtt_ms) AS max_rtt_ms, max(open_streams) AS open_streams,
    max(pacing_mbps) AS pacing_mbps
  FROM ${from}`;

/**
 * Milliseconds that TCP would have taken longer for what one connection moved in the bucket. The loss of each direction is
 * what its sender measured; without a measurement none is assumed, which claims less. A direction in which all was lost has no known
 * time, and counts for nothing. The rate is the link's cap, or the most that the tunnel was paced at.
 */
const SAVED_MS = `greatest(0, 1000 * greatest(
      telemetry.tcp_seconds(f.bytes_up, l.min_rtt_ms, l.packets_lost::float8 / nullif(l.packets_sent, 0),
        coalesce(f.cap_up, l.pacing_mbps), f.from_start),
      telemetry.tcp_seconds(f.bytes_down, l.min_rtt_ms, b.packets_lost::float8 / nullif(b.packets_sent, 0),
        coalesce(f.cap_down, b.pacing_mbps, l.pacing_mbps), f.from_start)
    ) - f.active_ms)`;

/** A figure of the records themselves, nothing being 0 but for round trips. */
const ofRecords = (column: MetricColumn, type: string): string => {
  if (column === 'min_rtt_ms' || column === 'max_rtt_ms') return column;
  const value = `coalesce(${column === 'covered_ms' ? 'tunnel_ms' : column}, 0)`;
  return type === 'bigint' ? counted(value) : value;
};

/** The finest rollup, of the records themselves. */
const TUNNELS_OF_RECORDS = `
  WITH ${CLAIMED}, samples AS (
    SELECT organization_id, agent_id, peer_agent_id, ${sampled('telemetry.link_samples s JOIN claimed USING (organization_id, agent_id)')}
    WHERE s.at >= $3 AND s.at < $4
    GROUP BY organization_id, agent_id, peer_agent_id
  ), connections AS (
    SELECT organization_id, agent_id, coalesce(peer_agent_id, '${NO_PEER}') AS peer_agent_id, handling,
      count(ended) AS ended, sum(bytes_up)::float8 AS bytes_up, sum(bytes_down)::float8 AS bytes_down,
      sum(encoded_bytes_up + encoded_bytes_down) AS encoded_bytes, coalesce(bool_or(started_at >= $3), false) AS from_start,
      coalesce(sum(active_ms), 1000 * extract(epoch FROM max(at) - greatest(min(started_at), $3))) AS active_ms
    FROM telemetry.flow_records r JOIN claimed USING (organization_id, agent_id)
    WHERE r.at >= $3 AND r.at < $4
    GROUP BY organization_id, agent_id, peer_agent_id, handling, flow_id
  ), from_peers AS (
    SELECT s.organization_id, s.agent_id AS peer_agent_id, s.peer_agent_id AS agent_id,
      sum(s.packets_sent) AS packets_sent, sum(s.packets_lost) AS packets_lost, max(s.pacing_mbps) AS pacing_mbps
    FROM (
      SELECT DISTINCT organization_id, agent_id, peer_agent_id FROM connections
      WHERE handling = 'accelerated' AND bytes_down > 0
    ) AS asked
    JOIN telemetry.link_samples s ON s.organization_id = asked.organization_id
      AND s.agent_id = asked.peer_agent_id AND s.peer_agent_id = asked.agent_id AND s.at >= $3 AND s.at < $4
    GROUP BY s.organization_id, s.agent_id, s.peer_agent_id
  ), tunnels AS (
    SELECT t.organization_id, t.agent_id, t.peer_agent_id, a.site_id, k.id AS link_id,
      CASE WHEN k.site_a_id = a.site_id THEN k.rate_mbps_a_to_b ELSE k.rate_mbps_b_to_a END AS cap_up,
      CASE WHEN k.site_a_id = a.site_id THEN k.rate_mbps_b_to_a ELSE k.rate_mbps_a_to_b END AS cap_down
    FROM (
      SELECT organization_id, agent_id, peer_agent_id FROM samples
      UNION SELECT organization_id, agent_id, peer_agent_id FROM connections
    ) AS t
    JOIN agents a ON a.organization_id = t.organization_id AND a.id = t.agent_id
    LEFT JOIN agents p ON p.organization_id = t.organization_id AND p.id = t.peer_agent_id
    LEFT JOIN links k ON k.organization_id = t.organization_id
      AND k.site_a_id = least(a.site_id, p.site_id) AND k.site_b_id = greatest(a.site_id, p.site_id)
      AND p.site_id IS NOT NULL
  ), moved AS (
    SELECT f.organization_id, f.agent_id, f.peer_agent_id,
      sum(f.ended) FILTER (WHERE f.handling = 'accelerated') AS flows_accelerated,
      sum(f.ended) FILTER (WHERE f.handling = 'passed') AS flows_passed,
      sum(f.ended) FILTER (WHERE f.handling = 'refused') AS flows_refused,
      sum(f.bytes_up + f.bytes_down) FILTER (WHERE f.handling = 'accelerated') AS flow_bytes,
      sum(f.encoded_bytes) FILTER (WHERE f.handling = 'accelerated') AS flow_encoded_bytes,
      sum(f.bytes_up + f.bytes_down) FILTER (WHERE f.handling = 'passed') AS passed_bytes,
      sum(${SAVED_MS}) FILTER (WHERE f.handling = 'accelerated' AND f.active_ms IS NOT NULL AND l.min_rtt_ms IS NOT NULL) AS saved_ms
    FROM (SELECT * FROM connections JOIN tunnels USING (organization_id, agent_id, peer_agent_id)) AS f
    LEFT JOIN samples l USING (organization_id, agent_id, peer_agent_id)
    LEFT JOIN from_peers b USING (organization_id, agent_id, peer_agent_id)
    GROUP BY f.organization_id, f.agent_id, f.peer_agent_id
  )
  INSERT INTO telemetry.tunnel_rollups_1m (organization_id, agent_id, peer_agent_id, at, site_id, link_id, ${metricNames})
  SELECT organization_id, agent_id, peer_agent_id, $3, site_id, link_id,
    ${METRICS.map(([column, type]) => ofRecords(column, type)).join(', ')}
  FROM tunnels
  LEFT JOIN samples USING (organization_id, agent_id, peer_agent_id)
  LEFT JOIN moved USING (organization_id, agent_id, peer_agent_id)
  ON CONFLICT (organization_id, agent_id, peer_agent_id, at)
    DO UPDATE SET site_id = excluded.site_id, link_id = excluded.link_id, ${takeExcluded}`;

const tunnelsOf = (finer: Resolution, { name }: Resolution): string => `
  WITH ${CLAIMED}
  INSERT INTO telemetry.tunnel_rollups_${name} (organization_id, agent_id, peer_agent_id, at, site_id, link_id, ${metricNames})
  SELECT organization_id, agent_id, peer_agent_id, $3, (array_agg(site_id ORDER BY at DESC))[1],
    (array_agg(link_id ORDER BY at DESC))[1], ${merged('time')}
  FROM telemetry.tunnel_rollups_${finer.name} JOIN claimed USING (organization_id, agent_id)
  WHERE at >= $3 AND at < $4
  GROUP BY organization_id, agent_id, peer_agent_id
  ON CONFLICT (organization_id, agent_id, peer_agent_id, at)
    DO UPDATE SET site_id = excluded.site_id, link_id = excluded.link_id, ${takeExcluded}`;

/** What a link's two sides sent: A's is its "sent", B's its "received". Both sides count its streams. */
const LINK_METRICS = merged('tunnels', {
  bytes_sent: 'coalesce(sum(bytes_sent) FILTER (WHERE is_a), 0)',
  bytes_received: 'coalesce(sum(bytes_sent) FILTER (WHERE NOT is_a), 0)',
  wire_bytes_sent: 'coalesce(sum(wire_bytes_sent) FILTER (WHERE is_a), 0)',
  wire_bytes_received: 'coalesce(sum(wire_bytes_sent) FILTER (WHERE NOT is_a), 0)',
  open_streams:
    'greatest(sum(open_streams) FILTER (WHERE is_a), sum(open_streams) FILTER (WHERE NOT is_a), 0)',
});

/** Of each level: the rows of those that the claimed agents touch; an organization's are made of its sites'. */
const levelSelects = (name: string): readonly string[] => {
  const tunnels = `telemetry.tunnel_rollups_${name}`;
  const touched = (column: string): string =>
    `SELECT DISTINCT organization_id, ${column} FROM ${tunnels} JOIN claimed USING (organization_id, agent_id)
     WHERE at = $3 AND ${column} IS NOT NULL`;
  return [
    `SELECT organization_id, 'agent', agent_id, $3, ${merged('tunnels')}
       FROM ${tunnels} JOIN claimed USING (organization_id, agent_id)
       WHERE at = $3 GROUP BY organization_id, agent_id`,
    `SELECT organization_id, 'site', site_id, $3, ${merged('tunnels')}
       FROM ${tunnels} JOIN (${touched('site_id')}) AS touched USING (organization_id, site_id)
       WHERE at = $3 GROUP BY organization_id, site_id`,
    `SELECT organization_id, 'link', link_id, $3, ${LINK_METRICS}
       FROM (
         SELECT t.*, t.site_id = k.site_a_id AS is_a
         FROM ${tunnels} t JOIN (${touched('link_id')}) AS touched USING (organization_id, link_id)
         JOIN links k ON k.organization_id = t.organization_id AND k.id = t.link_id
         WHERE t.at = $3
       ) AS sides GROUP BY organization_id, link_id`,
    `SELECT organization_id, 'organization', organization_id, $3, ${merged('tunnels')}
       FROM telemetry.rollups_${name}
       WHERE level = 'site' AND at = $3 AND organization_id = ANY ($1::uuid[])
       GROUP BY organization_id`,
  ];
};

/** What computes one bucket of the claimed agents anew, and all that they are part of. */
export interface RollupStatements {
  /** Takes organizations and agents (pairwise), begin and end of the bucket. */
  readonly tunnels: string;
  /** In their order; each takes organizations and agents (pairwise) and the begin of the bucket. */
  readonly levels: readonly string[];
}

export const rollupStatements = (resolution: Resolution): RollupStatements => {
  const finer = finerThan(resolution);
  const { name } = resolution;
  return {
    tunnels: finer === undefined ? TUNNELS_OF_RECORDS : tunnelsOf(finer, resolution),
    levels: levelSelects(name).map(
      (select) => `
  WITH ${CLAIMED}
  INSERT INTO telemetry.rollups_${name} (organization_id, level, subject_id, at, ${metricNames})
  ${select}
  ON CONFLICT (organization_id, level, subject_id, at) DO UPDATE SET ${takeExcluded}`,
    ),
  };
};
