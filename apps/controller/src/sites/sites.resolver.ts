import { Inject } from '@nestjs/common';
import { Args, Context, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { agentsOfSiteLoader } from '../agents/agent.loader.js';
import { Agent } from '../agents/agent.model.js';
import { ONLINE_AGENTS, type OnlineAgents } from '../agents/online.js';
import { Requires } from '../auth/access.guard.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { requireId } from '../graphql/validation.js';
import { SiteState, siteStateOf } from './site-state.js';
import { conformityOfSiteLoader, siteLoader } from './site.loader.js';
import { Site, SiteConnection, SiteFilter, SiteInput } from './site.model.js';
import { SitesService } from './sites.service.js';

@Resolver(() => Site)
export class SitesResolver {
  constructor(
    private readonly service: SitesService,
    @Inject(ONLINE_AGENTS) private readonly presence: OnlineAgents,
  ) {}

  @Query(() => SiteConnection, { description: 'The sites of the organization, by name.' })
  @Requires('read')
  async sites(
    @Args('filter', { type: () => SiteFilter, nullable: true, description: 'All unless given.' })
    filter: SiteFilter | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<SiteConnection> {
    return this.service.list(context, page, filter);
  }

  @Query(() => Site, { nullable: true, description: 'One site; null when there is none with this id.' })
  @Requires('read')
  async site(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Site | null> {
    return (await context.loader(siteLoader).load(requireId('site', id))) ?? null;
  }

  @ResolveField(() => [Agent], { description: 'Its agents, the oldest first; revoked ones too.' })
  async agents(@Parent() site: Site, @Context() context: RequestContext): Promise<Agent[]> {
    return (await context.loader(agentsOfSiteLoader).load(site.id)) ?? [];
  }

  @ResolveField(() => SiteState, { description: 'How it is at this moment, by its agents.' })
  async state(@Parent() { id }: Site, @Context() context: RequestContext): Promise<SiteState> {
    const agents = (await context.loader(conformityOfSiteLoader).load(id)) ?? [];
    return siteStateOf(context.organizationId, agents, this.presence);
  }

  @Mutation(() => Site, { description: 'Makes a site. Needs the role ADMIN.' })
  @Requires('sites:write')
  async createSite(@Args('input') input: SiteInput, @Context() context: RequestContext): Promise<Site> {
    return this.service.create(context, input);
  }

  @Mutation(() => Site, {
    description: 'Changes a site; agents get what follows from it. Needs the role ADMIN.',
  })
  @Requires('sites:write')
  async updateSite(
    @Args('id', { type: () => ID }) id: string,
    @Args('input') input: SiteInput,
    @Context() context: RequestContext,
  ): Promise<Site> {
    return this.service.update(context, id, input);
  }

  @Mutation(() => Boolean, {
    description: 'Deletes a site that has no agents and that no rule names. Needs the role ADMIN.',
  })
  @Requires('sites:write')
  async deleteSite(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<boolean> {
    return this.service.delete(context, id);
  }
}
