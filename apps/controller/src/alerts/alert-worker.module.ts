import { Inject, Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ONLINE_AGENTS, type OnlineAgents } from '../agents/online.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { WorkerDatabase } from '../database/worker-database.js';
import { NatsModule } from '../nats/nats.module.js';
import { NatsService } from '../nats/nats.service.js';
import { AlertWorker } from './alert-worker.js';

/** Evaluates alert rules, in every replica. */
@Module({
  imports: [NatsModule],
  providers: [
    {
      provide: AlertWorker,
      inject: [WorkerDatabase, ONLINE_AGENTS, NatsService, SETTINGS],
      useFactory: (database: WorkerDatabase, presence: OnlineAgents, nats: NatsService, settings: Settings) =>
        new AlertWorker(database, presence, nats, settings.publicUrl),
    },
  ],
})
export class AlertWorkerModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(@Inject(AlertWorker) private readonly worker: AlertWorker) {}

  onModuleInit(): void {
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
