import { Module } from '@nestjs/common';
import { DeliveriesResolver } from '../notifications/deliveries.resolver.js';
import { DeliveriesService } from '../notifications/deliveries.service.js';
import { WebhookSealModule } from './webhook-seal.module.js';
import { WebhooksResolver } from './webhooks.resolver.js';
import { WebhooksService } from './webhooks.service.js';

/** Webhooks and the log of deliveries in the API; sent by the {@link NotifierModule}. */
@Module({
  imports: [WebhookSealModule],
  providers: [WebhooksResolver, WebhooksService, DeliveriesResolver, DeliveriesService],
})
export class WebhooksModule {}
