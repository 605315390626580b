import { Args, Context, ID, Int, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { agentLoader } from '../agents/agent.loader.js';
import { Agent } from '../agents/agent.model.js';
import { Requires } from '../auth/access.guard.js';
import { notFound } from '../graphql/errors.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { APPLICATIONS } from './applications.js';
import {
  AgentApplication,
  AgentApplicationConnection,
  Application,
  EffectivePolicy,
  Policy,
  PolicyConnection,
  PolicyDocument,
  PolicyFilter,
  PolicyRevision,
  PolicyRevisionConnection,
  RollbackPolicyInput,
  SavePolicyInput,
} from './policy.model.js';
import { EMPTY_DOCUMENT } from './policy-draft.js';
import { PolicyTargetInput } from './policy-scope.model.js';
import { PolicyListsService } from './policy-lists.service.js';
import { PolicyService } from './policy.service.js';
import type { StoredRevision } from './stored-revision.js';

@Resolver(() => Policy)
export class PolicyResolver {
  constructor(
    private readonly service: PolicyService,
    private readonly lists: PolicyListsService,
  ) {}

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

  @Query(() => PolicyConnection, { description: 'Every policy that was ever saved.' })
  @Requires('read')
  async policies(
    @Args('filter', { type: () => PolicyFilter, nullable: true, description: 'All unless given.' })
    filter: PolicyFilter | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<PolicyConnection> {
    return this.lists.policies(context, page, filter);
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

  @ResolveField(() => PolicyRevisionConnection, { description: 'The newest first.' })
  async revisions(
    @Parent() policy: Policy,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<PolicyRevisionConnection> {
    return this.lists.revisions(context, policy.id, page);
  }

  @ResolveField(() => AgentApplicationConnection, {
    description: 'Who has applied it: each approved agent, by host name.',
  })
  async application(
    @Parent() _policy: Policy,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<AgentApplicationConnection> {
    return this.lists.application(context, page);
  }
}

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
