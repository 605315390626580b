import type { TenantDatabase } from '../database/tenant-database.js';
import type { ApplyOutcome } from '../generated/prisma/enums.js';

export interface SnapshotAgent {
  readonly agentId: string;
  readonly siteId: string;
  readonly desiredGeneration: number;
  readonly appliedGeneration: number;
  readonly outcome: ApplyOutcome | null;
}

/** What the database knows of an organization's fleet. */
export interface FleetSnapshot {
  readonly agents: readonly SnapshotAgent[];
  linkIdOf(agentId: string, peerAgentId: string): string | undefined;
}

const pairOf = (a: string, b: string): string => (a < b ? `${a}/${b}` : `${b}/${a}`);

export const EMPTY_FLEET: FleetSnapshot = { agents: [], linkIdOf: () => undefined };

export const readFleet = (database: TenantDatabase, organizationId: string): Promise<FleetSnapshot> =>
  database.transaction(organizationId, async (tx) => {
    const agents = await tx.$queryRaw<SnapshotAgent[]>`
      SELECT a.id AS "agentId", a.site_id AS "siteId",
             coalesce(d.generation, 0) AS "desiredGeneration", coalesce(x.generation, 0) AS "appliedGeneration",
             x.outcome::text AS outcome
      FROM agents a
      LEFT JOIN agent_desired_states d ON d.organization_id = a.organization_id AND d.agent_id = a.id
      LEFT JOIN agent_applied x ON x.organization_id = a.organization_id AND x.agent_id = a.id
      WHERE a.organization_id = ${organizationId}::uuid AND a.state <> 'REVOKED'
      ORDER BY a.id`;
    const links = await tx.link.findMany({
      where: { organizationId },
      select: { id: true, siteAId: true, siteBId: true },
    });
    const siteOf = new Map(agents.map(({ agentId, siteId }) => [agentId, siteId]));
    const linkOf = new Map(links.map(({ id, siteAId, siteBId }) => [pairOf(siteAId, siteBId), id]));
    return {
      agents,
      linkIdOf: (agentId, peerAgentId) => {
        const [site, peerSite] = [siteOf.get(agentId), siteOf.get(peerAgentId)];
        return site === undefined || peerSite === undefined ? undefined : linkOf.get(pairOf(site, peerSite));
      },
    };
  });
