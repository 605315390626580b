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
import { defineLoader, groupBy } from '../graphql/loader.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { siteLoader } from '../sites/site.loader.js';
import { Site } from '../sites/site.model.js';
import { ALERT_KINDS } from './alert-kinds.js';
import {
  AlertRule,
  AlertRuleConnection,
  CreateAlertRuleInput,
  NotifiedWebhook,
  UpdateAlertRuleInput,
} from './alert-rule.model.js';
import { AlertRulesService } from './alert-rules.service.js';

/** Webhooks by the rules that name them. */
const webhooksOfRuleLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  groupBy(
    await tx.alertRuleWebhook.findMany({
      where: { organizationId, ruleId: { in: keys } },
      select: { ruleId: true, webhook: { select: { id: true, name: true, enabled: true } } },
      orderBy: [{ webhook: { name: 'asc' } }],
    }),
    ({ ruleId }) => ruleId,
  ),
);

@Resolver(() => AlertRule)
export class AlertRulesResolver {
  constructor(private readonly service: AlertRulesService) {}

  @Query(() => AlertRuleConnection, { description: 'The alert rules of the organization, by name.' })
  @Requires('read')
  async alertRules(@Args() page: PageArgs, @Context() context: RequestContext): Promise<AlertRuleConnection> {
    return this.service.list(context, page);
  }

  @Mutation(() => AlertRule, { description: 'Makes an alert rule. Needs the role OPERATOR.' })
  @Requires('alerts:write')
  async createAlertRule(
    @Args('input') input: CreateAlertRuleInput,
    @Context() context: RequestContext,
  ): Promise<AlertRule> {
    return this.service.create(context, input);
  }

  @Mutation(() => AlertRule, {
    description: 'Changes an alert rule; its open alerts go on under the new terms. Needs the role OPERATOR.',
  })
  @Requires('alerts:write')
  async updateAlertRule(
    @Args('id', { type: () => ID }) id: string,
    @Args('input') input: UpdateAlertRuleInput,
    @Context() context: RequestContext,
  ): Promise<AlertRule> {
    return this.service.update(context, id, input);
  }

  @Mutation(() => Boolean, {
    description: 'Deletes an alert rule and ends its open alerts. Needs the role OPERATOR.',
  })
  @Requires('alerts:write')
  async deleteAlertRule(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<boolean> {
    return this.service.delete(context, id);
  }

  @Mutation(() => AlertRule, {
    description: 'Has nobody told that alerts of a rule fire until a time. Needs the role OPERATOR.',
  })
  @Requires('alerts:write')
  async silenceAlertRule(
    @Args('id', { type: () => ID }) id: string,
    @Args('until', {
      type: () => GraphQLISODateTime,
      nullable: true,
      description: 'Within 90 days; null ends the silence.',
    })
    until: Date | null | undefined,
    @Context() context: RequestContext,
  ): Promise<AlertRule> {
    return this.service.silence(context, id, until);
  }

  @ResolveField(() => Site, { nullable: true, description: 'It watches this site only.' })
  async site(@Parent() { siteId }: AlertRule, @Context() context: RequestContext): Promise<Site | null> {
    return siteId === null ? null : ((await context.loader(siteLoader).load(siteId)) ?? null);
  }

  @ResolveField(() => String, { description: 'Of the thresholds; empty of what holds or does not.' })
  unit(@Parent() { kind }: AlertRule): string {
    return ALERT_KINDS[kind].unit;
  }

  @Extensions({ [USUAL_SIZE]: 2 })
  @ResolveField(() => [NotifiedWebhook], { description: 'Webhooks that are told, by name.' })
  async webhooks(
    @Parent() { id }: AlertRule,
    @Context() context: RequestContext,
  ): Promise<NotifiedWebhook[]> {
    const named = (await context.loader(webhooksOfRuleLoader).load(id)) ?? [];
    return named.map(({ webhook }) => webhook);
  }
}
