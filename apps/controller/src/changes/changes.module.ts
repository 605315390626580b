import { Global, Inject, Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AgentPresence } from '../nats/agent-presence.js';
import { NatsModule } from '../nats/nats.module.js';
import { NatsService } from '../nats/nats.service.js';
import { CHANGE_FEED } from './change.js';
import { NatsChangeFeed } from './nats-change-feed.js';

/** What was changed, heard from every replica. */
@Global()
@Module({
  imports: [NatsModule],
  providers: [
    {
      provide: CHANGE_FEED,
      inject: [NatsService, AgentPresence],
      useFactory: (nats: NatsService, presence: AgentPresence) => new NatsChangeFeed(nats, presence),
    },
  ],
  exports: [CHANGE_FEED],
})
export class ChangesModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(@Inject(CHANGE_FEED) private readonly feed: NatsChangeFeed) {}

  onModuleInit(): void {
    this.feed.start();
  }

  beforeApplicationShutdown(): void {
    this.feed.stop();
  }
}
