import { Global, Module } from '@nestjs/common';
import { AgentPresence } from '../nats/agent-presence.js';
import { NatsModule } from '../nats/nats.module.js';
import { ONLINE_AGENTS } from './online.js';

/** Who is online is what nats-server says. */
@Global()
@Module({
  imports: [NatsModule],
  providers: [{ provide: ONLINE_AGENTS, useExisting: AgentPresence }],
  exports: [ONLINE_AGENTS],
})
export class OnlineAgentsModule {}
