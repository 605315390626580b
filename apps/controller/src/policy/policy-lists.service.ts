import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { appliedRevision } from '../agents/agent-status.js';
import { appliedLoader, desiredStateLoader } from '../agents/agent.loader.js';
import type { Prisma } from '../generated/prisma/client.js';
import { PolicyScope } from '../generated/prisma/enums.js';
import { ascending, descending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput } from '../graphql/validation.js';
import { describeTarget } from './policy-draft.js';
import type {
  AgentApplication,
  AgentApplicationConnection,
  PolicyConnection,
  PolicyFilter,
  PolicyRevisionConnection,
} from './policy.model.js';
import { toRevision } from './stored-revision.js';

const filterSchema = z.object({ scope: z.enum(PolicyScope).nullish() });

const POLICIES = new Keyset('policies', [
  ascending('scope', Object.values(PolicyScope)),
  ascending('target', 'text'),
]);
const REVISIONS = new Keyset('revisions', [descending('revision', 'number')]);
const APPLICATION = new Keyset('application', [ascending('hostname', 'text'), ascending('id', 'id')]);

type PoliciesQuery = PageQuery<Prisma.PolicyWhereInput, Prisma.PolicyOrderByWithRelationInput>;
type RevisionsQuery = PageQuery<
  Prisma.PolicyRevisionWhereInput,
  Prisma.PolicyRevisionOrderByWithRelationInput
>;
type AgentsQuery = PageQuery<Prisma.AgentWhereInput, Prisma.AgentOrderByWithRelationInput>;

/** Reads lists about policies, page by page. */
@Injectable()
export class PolicyListsService {
  /** Every policy that was ever saved, the organization's first. */
  async policies(
    context: RequestContext,
    page: PageArgs,
    filter: PolicyFilter | null | undefined,
  ): Promise<PolicyConnection> {
    const { organizationId } = context;
    const { scope } = parseInput(filterSchema, filter ?? {});
    return readCountedPage(POLICIES, page, {
      where: { organizationId, ...(scope ? { scope } : {}) },
      find: (query: PoliciesQuery) => context.read((tx) => tx.policy.findMany(query)),
      count: (query) => context.read((tx) => tx.policy.count(query)),
      toNode: (policy) => ({ ...policy, ...describeTarget(policy) }),
    });
  }

  /** @param policyId empty of a policy that was never saved */
  async revisions(
    context: RequestContext,
    policyId: string,
    page: PageArgs,
  ): Promise<PolicyRevisionConnection> {
    const { organizationId } = context;
    return readCountedPage(REVISIONS, page, {
      where: { organizationId, ...(policyId === '' ? { OR: [] } : { policyId }) },
      find: (query: RevisionsQuery) => context.read((tx) => tx.policyRevision.findMany(query)),
      count: (query) => context.read((tx) => tx.policyRevision.count(query)),
      toNode: toRevision,
    });
  }

  /** How far each approved agent is. */
  async application(context: RequestContext, page: PageArgs): Promise<AgentApplicationConnection> {
    const { organizationId } = context;
    const found = await readCountedPage(APPLICATION, page, {
      where: { organizationId, state: 'APPROVED' },
      find: (query: AgentsQuery) =>
        context.read((tx) => tx.agent.findMany({ ...query, select: { id: true, hostname: true } })),
      count: (query) => context.read((tx) => tx.agent.count(query)),
      toNode: ({ id }) => id,
    });
    const nodes = await Promise.all(found.nodes.map((id) => loadApplication(id, context)));
    return {
      nodes,
      edges: nodes.map((node, index) => ({ cursor: found.edges[index]?.cursor ?? '', node })),
      pageInfo: found.pageInfo,
      get totalCount() {
        return found.totalCount;
      },
    };
  }
}

const loadApplication = async (agentId: string, context: RequestContext): Promise<AgentApplication> => {
  const [desired, applied] = await Promise.all([
    context.loader(desiredStateLoader).load(agentId),
    context.loader(appliedLoader).load(agentId),
  ]);
  return {
    agentId,
    desiredRevision: desired?.revision ?? null,
    appliedRevision: appliedRevision(desired, applied),
    outcome: applied?.outcome ?? null,
    error: applied?.error ?? null,
  };
};
