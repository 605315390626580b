import { defineLoader, groupBy, indexBy } from '../graphql/loader.js';

/** Agents by id. */
export const agentLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  indexBy(await tx.agent.findMany({ where: { organizationId, id: { in: keys } } }), ({ id }) => id),
);

/** Agents by site, the oldest first. */
export const agentsOfSiteLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  groupBy(
    await tx.agent.findMany({
      where: { organizationId, siteId: { in: keys } },
      orderBy: [{ enrolledAt: 'asc' }, { id: 'asc' }],
    }),
    ({ siteId }) => siteId,
  ),
);

/** What agents shall be, by agent, without the documents. */
export const desiredStateLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  indexBy(
    await tx.agentDesiredState.findMany({
      where: { organizationId, agentId: { in: keys } },
      omit: { document: true },
    }),
    ({ agentId }) => agentId,
  ),
);

/** What agents last said, by agent. */
export const appliedLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  indexBy(
    await tx.agentApplied.findMany({ where: { organizationId, agentId: { in: keys } } }),
    ({ agentId }) => agentId,
  ),
);
