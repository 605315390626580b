import { cipherSuiteSchema, profileSchema } from '@longhaul/contracts';
import type { Transaction } from '../database/prisma.js';
import { notFound } from '../graphql/errors.js';
import { defineLoader, indexBy } from '../graphql/loader.js';
import { requireId } from '../graphql/validation.js';
import { classWeightsOf, type WeightColumns } from './class-weights.js';

interface LinkRow extends WeightColumns {
  readonly profile: string;
  readonly cipherSuite: string;
}

export const toLink = <Row extends LinkRow>(row: Row) => ({
  ...row,
  profile: profileSchema.parse(row.profile),
  cipherSuite: cipherSuiteSchema.parse(row.cipherSuite),
  classWeights: classWeightsOf(row),
});

/** Links by id. */
export const linkLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  indexBy(
    (await tx.link.findMany({ where: { organizationId, id: { in: keys } } })).map(toLink),
    ({ id }) => id,
  ),
);

/** One agent's tunnels to the other site of a link. */
export interface LinkEndTunnels {
  readonly agentId: string;
  readonly peerAgentIds: readonly string[];
}

/** @throws ApiError NOT_FOUND if the agent is at neither of the link's sites */
export const findEnd = async (
  tx: Transaction,
  link: { readonly organizationId: string; readonly siteAId: string; readonly siteBId: string },
  agentIdGiven: string,
): Promise<LinkEndTunnels> => {
  const agentId = requireId('agent', agentIdGiven);
  const { organizationId, siteAId, siteBId } = link;
  const agents = await tx.agent.findMany({ where: { organizationId, siteId: { in: [siteAId, siteBId] } } });
  const agent = agents.find(({ id }) => id === agentId);
  if (agent === undefined) throw notFound('agent of this link', agentId);
  const peerAgentIds = agents.filter(({ siteId }) => siteId !== agent.siteId).map(({ id }) => id);
  return { agentId, peerAgentIds };
};
