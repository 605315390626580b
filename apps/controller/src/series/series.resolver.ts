import {
  Args,
  Context,
  GraphQLISODateTime,
  ID,
  Int,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { notFound } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { linkLoader } from '../links/link-rows.js';
import { Link } from '../links/link.model.js';
import type { RankedLinkRow } from '../telemetry/series-queries.js';
import { LinkRanking, RankedLink, TelemetrySeries } from './series.model.js';
import { DEFAULT_POINTS, SeriesService } from './series.service.js';

const DEFAULT_RANKED = 10;

@Resolver(() => RankedLink)
export class SeriesResolver {
  constructor(private readonly service: SeriesService) {}

  @Query(() => TelemetrySeries, {
    description:
      'Figures over any time, of the organization unless a site, an agent or a link is named; of an agent\'s end of a link if both are. Its resolution is the finest that is kept so long and has at most "maxPoints".',
  })
  @Requires('read')
  async telemetry(
    @Args('from', { type: () => GraphQLISODateTime, description: 'Begin of the time.' }) from: Date,
    @Args('to', { type: () => GraphQLISODateTime, nullable: true, description: 'End; now unless given.' })
    to: Date | null | undefined,
    @Args('siteId', { type: () => ID, nullable: true, description: 'Of this site.' })
    siteId: string | null | undefined,
    @Args('agentId', { type: () => ID, nullable: true, description: 'Of this agent.' })
    agentId: string | null | undefined,
    @Args('linkId', { type: () => ID, nullable: true, description: 'Of this link.' })
    linkId: string | null | undefined,
    @Args('maxPoints', {
      type: () => Int,
      nullable: true,
      defaultValue: DEFAULT_POINTS,
      description: '1 to 1500.',
    })
    maxPoints: number | null,
    @Context() context: RequestContext,
  ): Promise<TelemetrySeries> {
    return this.service.series(context, { from, to, siteId, agentId, linkId, maxPoints });
  }

  @Query(() => [RankedLink], {
    description:
      'The worst links over a time, the worst first: of those that sent 1000 packets or more. Of more than a week, whole days (UTC) count; the current one up to a quarter of an hour ago.',
  })
  @Requires('read')
  async worstLinks(
    @Args('from', { type: () => GraphQLISODateTime, description: 'Begin of the time.' }) from: Date,
    @Args('to', { type: () => GraphQLISODateTime, nullable: true, description: 'End; now unless given.' })
    to: Date | null | undefined,
    @Args('first', {
      type: () => Int,
      nullable: true,
      defaultValue: DEFAULT_RANKED,
      description: '1 to 100.',
    })
    first: number | null,
    @Args('by', {
      type: () => LinkRanking,
      nullable: true,
      defaultValue: LinkRanking.LOSS,
      description: 'What counts.',
    })
    by: LinkRanking | null,
    @Context() context: RequestContext,
  ): Promise<RankedLinkRow[]> {
    return this.service.worstLinks(context, {
      from,
      to,
      first: first ?? DEFAULT_RANKED,
      by: by ?? LinkRanking.LOSS,
    });
  }

  @ResolveField(() => Link, { description: 'Which link.' })
  async link(@Parent() { linkId }: RankedLink, @Context() context: RequestContext): Promise<Link> {
    const link = await context.loader(linkLoader).load(linkId);
    if (link === undefined) throw notFound('link', linkId);
    return link;
  }
}
