import { Args, Context, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { defineLoader, groupBy, indexBy } from '../graphql/loader.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { NotifiedWebhook } from '../alerts/alert-rule.model.js';
import { DeliveriesService } from './deliveries.service.js';
import { Delivery, DeliveryAttempt, DeliveryConnection, DeliveryFilter } from './delivery.model.js';

/** Attempts by delivery, the first one first. */
const attemptsLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  groupBy(
    await tx.deliveryAttempt.findMany({
      where: { organizationId, deliveryId: { in: keys } },
      orderBy: { number: 'asc' },
    }),
    ({ deliveryId }) => deliveryId,
  ),
);

/** What anybody may know of webhooks, by id. */
const notifiedWebhookLoader = defineLoader(async ({ tx, organizationId, keys }) =>
  indexBy(
    await tx.webhook.findMany({
      where: { organizationId, id: { in: keys } },
      select: { id: true, name: true, enabled: true },
    }),
    ({ id }) => id,
  ),
);

@Resolver(() => Delivery)
export class DeliveriesResolver {
  constructor(private readonly service: DeliveriesService) {}

  @Query(() => DeliveryConnection, {
    description:
      'Notifications to webhooks and by e-mail, the newest first, of the last 30 days. Needs the role ADMIN.',
  })
  @Requires('webhooks:write')
  async deliveries(
    @Args('filter', { type: () => DeliveryFilter, nullable: true, description: 'All unless given.' })
    filter: DeliveryFilter | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<DeliveryConnection> {
    return this.service.list(context, page, filter);
  }

  @Mutation(() => Delivery, {
    description:
      'Has a notification sent again as it was, with the same id; for another day if need be. Needs the role ADMIN.',
  })
  @Requires('webhooks:write')
  async redeliver(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Delivery> {
    return this.service.redeliver(context, id);
  }

  @ResolveField(() => NotifiedWebhook, { nullable: true, description: 'Where it goes; null of e-mail.' })
  async webhook(
    @Parent() { webhookId }: Delivery,
    @Context() context: RequestContext,
  ): Promise<NotifiedWebhook | null> {
    return webhookId === null
      ? null
      : ((await context.loader(notifiedWebhookLoader).load(webhookId)) ?? null);
  }

  @ResolveField(() => [DeliveryAttempt], { description: 'Its attempts, the first one first.' })
  async log(@Parent() { id }: Delivery, @Context() context: RequestContext): Promise<DeliveryAttempt[]> {
    return (await context.loader(attemptsLoader).load(id)) ?? [];
  }
}
