import { Inject } from '@nestjs/common';
import { Context, Query, Resolver } from '@nestjs/graphql';
import { conforms } from '../agents/agent-status.js';
import { appliedLoader, desiredStateLoader } from '../agents/agent.loader.js';
import { ONLINE_AGENTS, type OnlineAgents } from '../agents/online.js';
import { Requires } from '../auth/access.guard.js';
import type { RequestContext } from '../graphql/request-context.js';
import { latestSamplesLoader, stateOf } from '../links/link-samples.js';
import { pairKey } from '../policy/fleet.js';
import { FleetSummary, type AgentVersionCount } from './fleet.model.js';

interface AgentRow {
  readonly id: string;
  readonly siteId: string;
}

@Resolver(() => FleetSummary)
export class FleetResolver {
  constructor(@Inject(ONLINE_AGENTS) private readonly onlineAgents: OnlineAgents) {}

  @Query(() => FleetSummary, { description: 'The whole organization at this moment.' })
  @Requires('read')
  async fleet(@Context() context: RequestContext): Promise<FleetSummary> {
    const { organizationId } = context;
    const agents = await context.read((tx) =>
      tx.agent.findMany({
        where: { organizationId, state: { not: 'REVOKED' } },
        select: { id: true, siteId: true, state: true, version: true },
      }),
    );
    const approved = agents.filter(({ state }) => state === 'APPROVED');
    return {
      sites: await context.read((tx) => tx.site.count({ where: { organizationId } })),
      agents: agents.length,
      agentsOnline: approved.filter(({ id }) => this.onlineAgents.isOnline(organizationId, id)).length,
      links: await context.read((tx) => tx.link.count({ where: { organizationId } })),
      drifted: await countDrifted(approved, context),
      agentVersions: countVersions(agents),
      ...(await sumTunnels(approved, context)),
    };
  }
}

const countVersions = (agents: readonly { readonly version: string }[]): AgentVersionCount[] => {
  const counts = new Map<string, number>();
  for (const { version } of agents) counts.set(version, (counts.get(version) ?? 0) + 1);
  return [...counts]
    .map(([version, count]) => ({ version, agents: count }))
    .sort((a, b) => b.agents - a.agents || (a.version < b.version ? -1 : 1));
};

const countDrifted = async (agents: readonly AgentRow[], context: RequestContext): Promise<number> => {
  const conforming = await Promise.all(
    agents.map(async ({ id }) =>
      conforms(
        ...(await Promise.all([
          context.loader(desiredStateLoader).load(id),
          context.loader(appliedLoader).load(id),
        ])),
      ),
    ),
  );
  return conforming.filter((yes) => !yes).length;
};

const sumTunnels = async (
  agents: readonly AgentRow[],
  context: RequestContext,
): Promise<{ linksUp: number; sentMbps: number }> => {
  const siteOf = new Map(agents.map(({ id, siteId }) => [id, siteId]));
  const samples = (
    await Promise.all(agents.map(({ id }) => context.loader(latestSamplesLoader).load(id)))
  ).flatMap((found) => found ?? []);
  const up = samples.filter((sample) => stateOf(sample) === 'up');
  const links = up.flatMap(({ agentId, peerAgentId }) => {
    const [a, b] = [siteOf.get(agentId), siteOf.get(peerAgentId)];
    return a === undefined || b === undefined ? [] : [pairKey(a, b)];
  });
  return { linksUp: new Set(links).size, sentMbps: up.reduce((sum, { sentMbps }) => sum + sentMbps, 0) };
};
