import { Args, Context, ID, Int, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { agentLoader, agentsOfSiteLoader } from '../agents/agent.loader.js';
import { Agent } from '../agents/agent.model.js';
import { Requires } from '../auth/access.guard.js';
import { notFound } from '../graphql/errors.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { siteLoader } from '../sites/site.loader.js';
import { Site } from '../sites/site.model.js';
import { LinkEnd, LinkPoint } from './link-point.model.js';
import { latestSamplesLoader, stateOf } from './link-samples.js';
import { Link, LinkConnection, LinkFilter, LinkInput } from './link.model.js';
import { LinksService } from './links.service.js';

@Resolver(() => Link)
export class LinksResolver {
  constructor(private readonly service: LinksService) {}

  @Query(() => LinkConnection, { description: 'The links of the organization, the oldest first.' })
  @Requires('read')
  async links(
    @Args('filter', { type: () => LinkFilter, nullable: true, description: 'All unless given.' })
    filter: LinkFilter | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<LinkConnection> {
    return this.service.list(context, page, filter);
  }

  @Query(() => [LinkPoint], {
    description: "One agent's end of a link over the last minutes, in at most 300 points, the oldest first.",
  })
  @Requires('read')
  async linkSeries(
    @Args('linkId', { type: () => ID }) linkId: string,
    @Args('agentId', { type: () => ID, description: 'Of one of the two sites.' }) agentId: string,
    @Args('minutes', { type: () => Int, description: '1 to 4320 (three days).' }) minutes: number,
    @Context() context: RequestContext,
  ): Promise<LinkPoint[]> {
    return this.service.series(context, { linkId, agentId, minutes });
  }

  @Mutation(() => Link, {
    description: 'Changes a link; the agents of both sites get what follows from it. Needs the role ADMIN.',
  })
  @Requires('sites:write')
  async updateLink(
    @Args('id', { type: () => ID }) id: string,
    @Args('input') input: LinkInput,
    @Context() context: RequestContext,
  ): Promise<Link> {
    return this.service.update(context, id, input);
  }

  @ResolveField(() => Site, { description: 'The one of the two with the lower id.' })
  async siteA(@Parent() link: Link, @Context() context: RequestContext): Promise<Site> {
    return loadSite(link.siteAId, context);
  }

  @ResolveField(() => Site, { description: 'The other one.' })
  async siteB(@Parent() link: Link, @Context() context: RequestContext): Promise<Site> {
    return loadSite(link.siteBId, context);
  }

  @ResolveField(() => [LinkEnd], { description: 'Each approved agent towards each of the other site.' })
  async ends(@Parent() link: Link, @Context() context: RequestContext): Promise<LinkEnd[]> {
    const [left, right] = await Promise.all(
      [link.siteAId, link.siteBId].map(async (siteId) =>
        ((await context.loader(agentsOfSiteLoader).load(siteId)) ?? []).filter(
          ({ state }) => state === 'APPROVED',
        ),
      ),
    );
    const pairs = (left ?? []).flatMap((a) => (right ?? []).map((b) => [a.id, b.id] as const));
    const ends = pairs.flatMap(([a, b]) => [loadEnd(a, b, context), loadEnd(b, a, context)]);
    return Promise.all(ends);
  }
}

const loadSite = async (id: string, context: RequestContext): Promise<Site> => {
  const site = await context.loader(siteLoader).load(id);
  if (site === undefined) throw notFound('site', id);
  return site;
};

const loadEnd = async (agentId: string, peerAgentId: string, context: RequestContext): Promise<LinkEnd> => {
  const samples = (await context.loader(latestSamplesLoader).load(agentId)) ?? [];
  const latest = samples.find((sample) => sample.peerAgentId === peerAgentId);
  return { agentId, peerAgentId, state: stateOf(latest), latest: latest ?? null };
};

@Resolver(() => LinkEnd)
export class LinkEndResolver {
  @ResolveField(() => Agent, { description: 'Whose end it is.' })
  async agent(@Parent() end: LinkEnd, @Context() context: RequestContext): Promise<Agent> {
    return loadAgent(end.agentId, context);
  }

  @ResolveField(() => Agent, { description: 'At the other end.' })
  async peer(@Parent() end: LinkEnd, @Context() context: RequestContext): Promise<Agent> {
    return loadAgent(end.peerAgentId, context);
  }
}

const loadAgent = async (id: string, context: RequestContext): Promise<Agent> => {
  const agent = await context.loader(agentLoader).load(id);
  if (agent === undefined) throw notFound('agent', id);
  return agent;
};
