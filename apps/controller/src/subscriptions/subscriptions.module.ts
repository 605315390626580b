import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { SubscriptionsGateway } from './subscriptions.gateway.js';

/** Serves the API's subscriptions. The application has to use the {@link UpgradeAdapter}. */
@Module({ imports: [AuthModule], providers: [SubscriptionsGateway] })
export class SubscriptionsModule {}
