import {
  Args,
  Context,
  Extensions,
  GraphQLISODateTime,
  ID,
  Mutation,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { USUAL_SIZE } from '../graphql/cost.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { siteLoader } from '../sites/site.loader.js';
import { Site } from '../sites/site.model.js';
import { ALERT_KINDS } from './alert-kinds.js';
import { Alert, AlertConnection, AlertFilter } from './alert.model.js';
import { AlertsService } from './alerts.service.js';

@Resolver(() => Alert)
export class AlertsResolver {
  constructor(private readonly service: AlertsService) {}

  @Query(() => AlertConnection, {
    description: 'The alerts of the organization, the newest first; those that are over for 90 days.',
  })
  @Requires('read')
  async alerts(
    @Args('filter', { type: () => AlertFilter, nullable: true, description: 'All unless given.' })
    filter: AlertFilter | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<AlertConnection> {
    return this.service.list(context, page, filter);
  }

  @Mutation(() => Alert, {
    description: 'Says that somebody looks after an alert: it is not told of again. Needs the role OPERATOR.',
  })
  @Requires('alerts:write')
  async acknowledgeAlert(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Alert> {
    return this.service.acknowledge(context, id);
  }

  @Mutation(() => Alert, {
    description:
      'Has nobody told that an alert fires until a time; its end is told all the same. Needs the role OPERATOR.',
  })
  @Requires('alerts:write')
  async silenceAlert(
    @Args('id', { type: () => ID }) id: string,
    @Args('until', {
      type: () => GraphQLISODateTime,
      nullable: true,
      description: 'Within 90 days; null ends the silence.',
    })
    until: Date | null | undefined,
    @Context() context: RequestContext,
  ): Promise<Alert> {
    return this.service.silence(context, id, until);
  }

  @Extensions({ [USUAL_SIZE]: 2 })
  @ResolveField(() => [Site], {
    description: 'What it is about is there: one, two of a link, none of the organization.',
  })
  async sites(@Parent() { siteIds }: Alert, @Context() context: RequestContext): Promise<Site[]> {
    const sites = await Promise.all(siteIds.map((id) => context.loader(siteLoader).load(id)));
    return sites.filter((site) => site !== undefined);
  }

  @ResolveField(() => String, { description: 'Of the value; empty of what holds or does not.' })
  unit(@Parent() { kind }: Alert): string {
    return ALERT_KINDS[kind].unit;
  }
}
