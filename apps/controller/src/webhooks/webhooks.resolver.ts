import { Args, Context, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { Delivery } from '../notifications/delivery.model.js';
import {
  CreateWebhookInput,
  UpdateWebhookInput,
  Webhook,
  WebhookConnection,
  WebhookWithSecret,
} from './webhook.model.js';
import { WebhooksService } from './webhooks.service.js';

@Resolver(() => Webhook)
export class WebhooksResolver {
  constructor(private readonly service: WebhooksService) {}

  @Query(() => WebhookConnection, {
    description: 'The webhooks of the organization, by name. Needs the role ADMIN.',
  })
  @Requires('webhooks:write')
  async webhooks(@Args() page: PageArgs, @Context() context: RequestContext): Promise<WebhookConnection> {
    return this.service.list(context, page);
  }

  @Mutation(() => WebhookWithSecret, { description: 'Makes a webhook. Needs the role ADMIN.' })
  @Requires('webhooks:write')
  async createWebhook(
    @Args('input') input: CreateWebhookInput,
    @Context() context: RequestContext,
  ): Promise<WebhookWithSecret> {
    return this.service.create(context, input);
  }

  @Mutation(() => Webhook, { description: 'Changes a webhook. Needs the role ADMIN.' })
  @Requires('webhooks:write')
  async updateWebhook(
    @Args('id', { type: () => ID }) id: string,
    @Args('input') input: UpdateWebhookInput,
    @Context() context: RequestContext,
  ): Promise<Webhook> {
    return this.service.update(context, id, input);
  }

  @Mutation(() => Boolean, {
    description: 'Deletes a webhook with its log; rules that name it go on without it. Needs the role ADMIN.',
  })
  @Requires('webhooks:write')
  async deleteWebhook(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<boolean> {
    return this.service.delete(context, id);
  }

  @Mutation(() => WebhookWithSecret, {
    description:
      'Gives a webhook a new secret; for a day the former one signs besides. Needs the role ADMIN.',
  })
  @Requires('webhooks:write')
  async rotateWebhookSecret(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<WebhookWithSecret> {
    return this.service.rotateSecret(context, id);
  }

  @Mutation(() => Delivery, {
    description: 'Has a test message sent; what became of it is in the log. Needs the role ADMIN.',
  })
  @Requires('webhooks:write')
  async testWebhook(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Delivery> {
    return this.service.test(context, id);
  }
}
