import { z } from 'zod';
import { readConformity } from '../agents/conformity.js';
import type { OnlineAgents } from '../agents/online.js';
import type { Transaction } from '../database/prisma.js';
import type { Prisma } from '../generated/prisma/client.js';
import { groupBy } from '../graphql/loader.js';
import { labelSchema } from '../policy/policy-document.js';
import { SiteState, siteStateOf } from './site-state.js';

export const siteFilterSchema = z.object({
  name: z.string().max(100).nullish(),
  label: labelSchema.nullish(),
  state: z.enum(SiteState).nullish(),
});

/** The condition for the database; what only the controller knows (who is connected) is looked up first. */
export const sitesThat = async (
  tx: Transaction,
  organizationId: string,
  { name, label, state }: z.output<typeof siteFilterSchema>,
  presence: OnlineAgents,
): Promise<Prisma.SiteWhereInput> => ({
  organizationId,
  ...(name ? { name: { contains: name, mode: 'insensitive' } } : {}),
  ...(label ? { labels: { has: label } } : {}),
  ...(state ? await inState(tx, organizationId, state, presence) : {}),
});

const inState = async (
  tx: Transaction,
  organizationId: string,
  state: SiteState,
  presence: OnlineAgents,
): Promise<Prisma.SiteWhereInput> => {
  if (state === 'EMPTY') return { agents: { none: { state: { not: 'REVOKED' } } } };
  const agents = groupBy(await readConformity(tx, organizationId), ({ siteId }) => siteId);
  const found = [...agents].filter(([, own]) => siteStateOf(organizationId, own, presence) === state);
  return { id: { in: found.map(([id]) => id) } };
};
