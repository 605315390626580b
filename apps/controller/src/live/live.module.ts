import { Inject, Module, type BeforeApplicationShutdown } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { AgentPresence } from '../nats/agent-presence.js';
import { NatsModule } from '../nats/nats.module.js';
import { NatsService } from '../nats/nats.service.js';
import { LiveFeeds } from './live-feeds.js';
import { LiveGateway } from './live.gateway.js';

/** The live feed. The application has to use the {@link UpgradeAdapter}. */
@Module({
  imports: [AuthModule, NatsModule],
  providers: [
    LiveGateway,
    {
      provide: LiveFeeds,
      inject: [NatsService, TenantDatabase, AgentPresence],
      useFactory: (nats: NatsService, database: TenantDatabase, presence: AgentPresence) =>
        new LiveFeeds({ nats, database, presence }),
    },
  ],
})
export class LiveModule implements BeforeApplicationShutdown {
  constructor(@Inject(LiveFeeds) private readonly feeds: LiveFeeds) {}

  beforeApplicationShutdown(): void {
    this.feeds.close();
  }
}
