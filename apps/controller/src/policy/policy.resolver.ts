import { Args, Context, ID, Int, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { appliedRevision } from '../agents/agent-status.js';
import { agentLoader, appliedLoader, desiredStateLoader } from '../agents/agent.loader.js';
import { Agent } from '../agents/agent.model.js';
import { Requires } from '../auth/access.guard.js';
import { notFound } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { APPLICATIONS } from './applications.js';
import {
  AgentApplication,
  Application,
  EffectivePolicy,
  Policy,
  PolicyDocument,
  PolicyRevision,
  RollbackPolicyInput,
  SavePolicyInput,
} from './policy.model.js';
import { EMPTY_DOCUMENT } from './policy-draft.js';
import { PolicyTargetInput } from './policy-scope.model.js';
import { PolicyService, type StoredRevision } from './policy.service.js';

@Resolver(() => Policy)
export class PolicyResolver {
  constructor(private readonly service: PolicyService) {}

  @Query(() => Policy, { description: 'The policy of the organization, of a site group or of a site.' })
  @Requires('read')
  async policy(
    @Args('target', {
      type: () => PolicyTargetInput,
      nullable: true,
      description: "The organization's unless given.",
    })
    target: PolicyTargetInput | null | undefined,
    @Context() context: RequestContext,
  ): Promise<Policy> {
    return this.service.find(context, target);
  }

  @Query(() => [Policy], { description: 'Every policy that was ever saved.' })
  @Requires('read')
  async policies(@Context() context: RequestContext): Promise<Policy[]> {
    return this.service.list(context);
  }

  @Query(() => EffectivePolicy, {
    description: 'What is in force at a site: its own policy, those of its groups, the organization’s.',
  })
  @Requires('read')
  async effectivePolicy(
    @Args('siteId', { type: () => ID }) siteId: string,
    @Context() context: RequestContext,
  ): Promise<EffectivePolicy> {
    return this.service.effective(context, siteId);
  }

  @Query(() => PolicyRevision, {
    nullable: true,
    description: 'One revision; null when there is none of that number.',
  })
  @Requires('read')
  async policyRevision(
    @Args('revision', { type: () => Int }) revision: number,
    @Context() context: RequestContext,
  ): Promise<PolicyRevision | null> {
    return this.service.revision(context, revision);
  }

  @Query(() => [Application], { description: 'The catalogue of applications that rules can name.' })
  @Requires('read')
  applications(): Application[] {
    return APPLICATIONS.map((application) => ({ ...application, ports: [...application.ports] }));
  }

  @Mutation(() => PolicyRevision, {
    description:
      'Saves the policy as a new revision and sends every agent what follows from it. Needs the role OPERATOR.',
  })
  @Requires('policy:write')
  async savePolicy(
    @Args('input') input: SavePolicyInput,
    @Context() context: RequestContext,
  ): Promise<PolicyRevision> {
    return this.service.save(context, input);
  }

  @Mutation(() => PolicyRevision, {
    description: 'Saves what an earlier revision says as a new one. Needs the role OPERATOR.',
  })
  @Requires('policy:write')
  async rollbackPolicy(
    @Args('input') input: RollbackPolicyInput,
    @Context() context: RequestContext,
  ): Promise<PolicyRevision> {
    return this.service.rollback(context, input);
  }

  @ResolveField(() => PolicyDocument, { description: 'In force; without rules before the first revision.' })
  async document(@Parent() policy: Policy, @Context() context: RequestContext): Promise<PolicyDocument> {
    if (policy.revision === null) return EMPTY_DOCUMENT;
    return (await this.service.revision(context, policy.revision))?.document ?? EMPTY_DOCUMENT;
  }

  @ResolveField(() => [PolicyRevision], { description: 'The newest first; at most 200.' })
  async revisions(@Parent() policy: Policy, @Context() context: RequestContext): Promise<PolicyRevision[]> {
    return this.service.revisions(context, policy.id);
  }

  @ResolveField(() => [AgentApplication], { description: 'Who has applied it: each approved agent.' })
  async application(
    @Parent() _policy: Policy,
    @Context() context: RequestContext,
  ): Promise<AgentApplication[]> {
    const { organizationId } = context;
    const agents = await context.read((tx) =>
      tx.agent.findMany({
        where: { organizationId, state: 'APPROVED' },
        orderBy: [{ hostname: 'asc' }, { id: 'asc' }],
        select: { id: true },
      }),
    );
    return Promise.all(agents.map(({ id }) => loadApplication(id, context)));
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

@Resolver(() => AgentApplication)
export class AgentApplicationResolver {
  @ResolveField(() => Agent, { description: 'Whose progress it is.' })
  async agent(@Parent() { agentId }: AgentApplication, @Context() context: RequestContext): Promise<Agent> {
    const agent = await context.loader(agentLoader).load(agentId);
    if (agent === undefined) throw notFound('agent', agentId);
    return agent;
  }
}

@Resolver(() => PolicyRevision)
export class PolicyRevisionResolver {
  @ResolveField(() => PolicyDocument, { description: 'What it says.' })
  document(@Parent() revision: StoredRevision): PolicyDocument {
    return revision.document;
  }
}
