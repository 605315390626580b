import { Args, Context, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { agentsOfSiteLoader } from '../agents/agent.loader.js';
import { Agent } from '../agents/agent.model.js';
import { Requires } from '../auth/access.guard.js';
import type { RequestContext } from '../graphql/request-context.js';
import { requireId } from '../graphql/validation.js';
import { siteLoader } from './site.loader.js';
import { Site, SiteInput } from './site.model.js';
import { SitesService } from './sites.service.js';

@Resolver(() => Site)
export class SitesResolver {
  constructor(private readonly service: SitesService) {}

  @Query(() => [Site], { description: 'The sites of the organization, by name.' })
  @Requires('read')
  async sites(@Context() context: RequestContext): Promise<Site[]> {
    return this.service.list(context);
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
