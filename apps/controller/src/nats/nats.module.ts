import {
  Inject,
  Logger,
  Module,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import type pg from 'pg';
import { CONTROLLER_STATE } from '../bootstrap/controller-state.module.js';
import type { ControllerState } from '../bootstrap/prepare.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { createWorkerPool, WORKER_POOL } from '../database/worker-pool.js';
import { AgentPresence } from './agent-presence.js';
import { NatsService } from './nats.service.js';

/** Connections to NATS, the pool of the workers that move things between it and the database, and who is connected. */
@Module({
  providers: [
    {
      provide: NatsService,
      inject: [SETTINGS, CONTROLLER_STATE],
      useFactory: (settings: Settings, state: ControllerState) =>
        new NatsService({ url: settings.natsUrl, state, allowOldServer: settings.natsAllowOld }),
    },
    {
      provide: WORKER_POOL,
      inject: [SETTINGS],
      useFactory: ({ database }: Settings) => createWorkerPool(database.workerUrl, database.connections),
    },
    {
      provide: AgentPresence,
      inject: [NatsService, WORKER_POOL, CONTROLLER_STATE],
      useFactory: (nats: NatsService, pool: pg.Pool, state: ControllerState) =>
        new AgentPresence(nats, pool, state.nats.agentsAccount.key),
    },
  ],
  exports: [NatsService, WORKER_POOL, AgentPresence],
})
export class NatsModule implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger(NatsModule.name);

  constructor(
    @Inject(NatsService) private readonly nats: NatsService,
    @Inject(AgentPresence) private readonly presence: AgentPresence,
    @Inject(WORKER_POOL) private readonly pool: pg.Pool,
  ) {}

  onModuleInit(): void {
    this.nats.start().catch((error: unknown) => {
      if (this.nats.isClosed) return;
      // Not a matter of waiting: the server is not one that we may use.
      this.logger.fatal(error instanceof Error ? error.message : String(error));
      process.exit(1);
    });
    this.presence.start();
  }

  beforeApplicationShutdown(): void {
    this.presence.stop();
  }

  /** After the modules that import this one. */
  async onApplicationShutdown(): Promise<void> {
    await this.nats.close();
    await this.pool.end();
  }
}
