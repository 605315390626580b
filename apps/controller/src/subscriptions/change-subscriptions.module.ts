import { Module } from '@nestjs/common';
import { ChangeSubscriptionsResolver } from './change-subscriptions.resolver.js';

/** What can be subscribed to; part of the API's schema. */
@Module({ providers: [ChangeSubscriptionsResolver] })
export class ChangeSubscriptionsModule {}
