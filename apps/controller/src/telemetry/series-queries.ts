import type { Transaction } from '../database/prisma.js';
import { METRICS } from './rollup-metrics.js';
import type { RollupRow } from './series-figures.js';
import type { Piece } from './series-range.js';

/** Of what a series is: everything, or one site, agent or link, or one agent's end of a link. */
export type SeriesSubject =
  | { readonly level: 'organization' | 'site' | 'agent' | 'link'; readonly id: string }
  | { readonly level: 'end'; readonly agentId: string; readonly peerAgentIds: readonly string[] };

export type SeriesRow = RollupRow & { readonly at: Date };

/** By what links are ranked: the column of each. */
const LINK_RANKINGS = { loss: 'lossPct', retransmits: 'retransmitPct', rtt: 'rttMs' } as const;
export type LinkRanking = keyof typeof LINK_RANKINGS;

/** A link that sent fewer packets is not ranked: one lost of ten says nothing. */
export const MIN_RANKED_PACKETS = 1_000;

export interface RankedLinkRow {
  readonly linkId: string;
  readonly packetsSent: number;
  readonly lossPct: number;
  readonly retransmitPct: number;
  readonly rttMs: number | null;
}

const asNumbers = METRICS.map(([column]) => `${column}::float8`).join(', ');

/** Reads rollups, in a transaction that sees one organization's rows; names it besides. */
export class SeriesQueries {
  /** Buckets that anything was reported of, the oldest first. */
  async series(
    tx: Transaction,
    organizationId: string,
    subject: SeriesSubject,
    { resolution, fromMs, toMs }: Piece,
  ): Promise<SeriesRow[]> {
    const range = [new Date(fromMs), new Date(toMs)];
    if (subject.level === 'end') {
      return tx.$queryRawUnsafe<SeriesRow[]>(
        `SELECT at, ${asNumbers} FROM (
           SELECT at, ${namedMerge}
           FROM telemetry.tunnel_rollups_${resolution.name}
           WHERE organization_id = $1::uuid AND agent_id = $2::uuid AND peer_agent_id = ANY ($3::uuid[])
             AND at >= $4 AND at < $5
           GROUP BY at
         ) AS tunnels ORDER BY at`,
        organizationId,
        subject.agentId,
        [...subject.peerAgentIds],
        ...range,
      );
    }
    return tx.$queryRawUnsafe<SeriesRow[]>(
      `SELECT at, ${asNumbers} FROM telemetry.rollups_${resolution.name}
       WHERE organization_id = $1::uuid AND level = $2 AND subject_id = $3::uuid AND at >= $4 AND at < $5
       ORDER BY at`,
      organizationId,
      subject.level,
      subject.id,
      ...range,
    );
  }

  /** The links that are worst by `by` over all the pieces together, the worst first. */
  async worstLinks(
    tx: Transaction,
    organizationId: string,
    { pieces, by, first }: { pieces: readonly Piece[]; by: LinkRanking; first: number },
  ): Promise<RankedLinkRow[]> {
    const columns = 'subject_id, packets_sent, packets_lost, packets_retransmitted, rtt_ms_sum, rtt_samples';
    const buckets = pieces.map(
      ({ resolution }, index) => `
        SELECT ${columns} FROM telemetry.rollups_${resolution.name}
        WHERE organization_id = $1::uuid AND level = 'link'
          AND at >= $${String(4 + 2 * index)} AND at < $${String(5 + 2 * index)}`,
    );
    return tx.$queryRawUnsafe<RankedLinkRow[]>(
      `SELECT ranked.* FROM (
         SELECT subject_id AS "linkId", sum(packets_sent::float8) AS "packetsSent",
           100 * sum(packets_lost::float8) / nullif(sum(packets_sent::float8), 0) AS "lossPct",
           100 * sum(packets_retransmitted::float8) / nullif(sum(packets_sent::float8), 0) AS "retransmitPct",
           sum(rtt_ms_sum) / nullif(sum(rtt_samples::float8), 0) AS "rttMs"
         FROM (${buckets.join(' UNION ALL ')}) AS buckets
         GROUP BY subject_id HAVING sum(packets_sent::float8) >= $2
       ) AS ranked JOIN links ON links.organization_id = $1::uuid AND links.id = "linkId"
       ORDER BY "${LINK_RANKINGS[by]}" DESC NULLS LAST, "linkId" LIMIT $3`,
      organizationId,
      MIN_RANKED_PACKETS,
      first,
      ...pieces.flatMap(({ fromMs, toMs }) => [new Date(fromMs), new Date(toMs)]),
    );
  }
}

/** Several tunnels of one bucket as one. */
const namedMerge = METRICS.map(([column, , , overTunnels]) => `${overTunnels}(${column}) AS ${column}`).join(
  ', ',
);
