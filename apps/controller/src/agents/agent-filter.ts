import { idSchema } from '@longhaul/contracts';
import { z } from 'zod';
import type { Transaction } from '../database/prisma.js';
import type { Prisma } from '../generated/prisma/client.js';
import { AgentState } from '../generated/prisma/enums.js';
import { readConformity } from './conformity.js';
import type { OnlineAgents } from './online.js';

export const agentFilterSchema = z.object({
  state: z.enum(AgentState).nullish(),
  siteId: idSchema.nullish(),
  hostname: z.string().max(255).nullish(),
  version: z.string().max(100).nullish(),
  online: z.boolean().nullish(),
  drifted: z.boolean().nullish(),
});

type Filter = z.output<typeof agentFilterSchema>;

/** The condition for the database; what only the controller knows (who is connected) is looked up first. */
export const agentsThat = async (
  tx: Transaction,
  organizationId: string,
  filter: Filter,
  presence: OnlineAgents,
): Promise<Prisma.AgentWhereInput> => {
  const { state, siteId, hostname, version } = filter;
  return {
    organizationId,
    ...(state ? { state } : {}),
    ...(siteId ? { siteId } : {}),
    ...(hostname ? { hostname: { contains: hostname, mode: 'insensitive' } } : {}),
    ...(version ? { version } : {}),
    ...(await liveCondition(tx, organizationId, filter, presence)),
  };
};

const liveCondition = async (
  tx: Transaction,
  organizationId: string,
  { online, drifted }: Filter,
  presence: OnlineAgents,
): Promise<Prisma.AgentWhereInput> => {
  if (online == null && drifted == null) return {};
  const found = (await readConformity(tx, organizationId))
    .filter(({ id }) => online == null || presence.isOnline(organizationId, id) === online)
    .filter((agent) => drifted == null || (agent.state === 'APPROVED' && !agent.conforms) === drifted);
  return { id: { in: found.map(({ id }) => id) } };
};
