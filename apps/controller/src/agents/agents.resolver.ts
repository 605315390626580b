import { Inject } from '@nestjs/common';
import {
  Args,
  Context,
  GraphQLISODateTime,
  ID,
  Int,
  Mutation,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { ApplyOutcome } from '../generated/prisma/enums.js';
import { notFound } from '../graphql/errors.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { siteLoader } from '../sites/site.loader.js';
import { Site } from '../sites/site.model.js';
import { readReport } from '../upgrades/upgrade-agents.js';
import { appliedRevision } from './agent-status.js';
import { appliedLoader, desiredStateLoader } from './agent.loader.js';
import { Agent, AgentConnection, AgentFilter, AgentUpgrade, AgentUpgradeState } from './agent.model.js';
import { AgentsService } from './agents.service.js';
import { ONLINE_AGENTS, type OnlineAgents } from './online.js';

@Resolver(() => Agent)
export class AgentsResolver {
  constructor(
    private readonly service: AgentsService,
    @Inject(ONLINE_AGENTS) private readonly onlineAgents: OnlineAgents,
  ) {}

  @Query(() => AgentConnection, {
    description: 'The agents of the organization, by host name; revoked ones too.',
  })
  @Requires('read')
  async agents(
    @Args('filter', { type: () => AgentFilter, nullable: true, description: 'All unless given.' })
    filter: AgentFilter | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<AgentConnection> {
    return this.service.list(context, page, filter);
  }

  @Mutation(() => Agent, { description: 'Lets a pending agent in. Needs the role ADMIN.' })
  @Requires('agents:write')
  async approveAgent(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Agent> {
    return this.service.approve(context, id);
  }

  @Mutation(() => Agent, {
    description: 'Voids an agent for good; its connection ends within seconds. Needs the role ADMIN.',
  })
  @Requires('agents:write')
  async revokeAgent(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Agent> {
    return this.service.revoke(context, id);
  }

  @ResolveField(() => Site, { description: 'Where it stands.' })
  async site(@Parent() agent: Agent, @Context() context: RequestContext): Promise<Site> {
    const site = await context.loader(siteLoader).load(agent.siteId);
    if (site === undefined) throw notFound('site', agent.siteId);
    return site;
  }

  @ResolveField(() => Boolean, { description: 'Whether it is connected to NATS at this moment.' })
  online(@Parent() { id }: Agent, @Context() { organizationId }: RequestContext): boolean {
    return this.onlineAgents.isOnline(organizationId, id);
  }

  @ResolveField(() => AgentUpgrade, {
    nullable: true,
    description:
      'How its upgrades stand; null: nobody upgrades it, it was started without a supervisor or is too old for one.',
  })
  upgrade(@Parent() agent: Agent & { readonly upgrade?: unknown }): AgentUpgrade | null {
    const report = readReport(agent.upgrade);
    if (report === undefined) return null;
    const { state, version, reason } = report;
    return {
      state: AgentUpgradeState[state.toUpperCase() as keyof typeof AgentUpgradeState],
      version,
      reason,
    };
  }

  @ResolveField(() => Int, { description: 'Of the state that it shall be in; 0: none yet.' })
  async desiredGeneration(@Parent() { id }: Agent, @Context() context: RequestContext): Promise<number> {
    return (await context.loader(desiredStateLoader).load(id))?.generation ?? 0;
  }

  @ResolveField(() => Int, { description: 'That the last outcome is about; 0: none yet.' })
  async appliedGeneration(@Parent() { id }: Agent, @Context() context: RequestContext): Promise<number> {
    return (await context.loader(appliedLoader).load(id))?.generation ?? 0;
  }

  @ResolveField(() => Int, { nullable: true, description: 'Policy revision that it shall conform to.' })
  async desiredRevision(@Parent() { id }: Agent, @Context() context: RequestContext): Promise<number | null> {
    return (await context.loader(desiredStateLoader).load(id))?.revision ?? null;
  }

  @ResolveField(() => Int, { nullable: true, description: 'Newest policy revision that it conforms to.' })
  async appliedRevision(@Parent() { id }: Agent, @Context() context: RequestContext): Promise<number | null> {
    const desired = await context.loader(desiredStateLoader).load(id);
    return appliedRevision(desired, await context.loader(appliedLoader).load(id));
  }

  @ResolveField(() => ApplyOutcome, { nullable: true, description: 'Of the last state that it got.' })
  async outcome(@Parent() { id }: Agent, @Context() context: RequestContext): Promise<ApplyOutcome | null> {
    return (await context.loader(appliedLoader).load(id))?.outcome ?? null;
  }

  @ResolveField(() => String, { nullable: true, description: 'Why it rejected or reverted the state.' })
  async error(@Parent() { id }: Agent, @Context() context: RequestContext): Promise<string | null> {
    return (await context.loader(appliedLoader).load(id))?.error ?? null;
  }

  @ResolveField(() => GraphQLISODateTime, {
    nullable: true,
    description: "When that outcome was, by the agent's clock.",
  })
  async appliedAt(@Parent() { id }: Agent, @Context() context: RequestContext): Promise<Date | null> {
    return (await context.loader(appliedLoader).load(id))?.appliedAt ?? null;
  }
}
