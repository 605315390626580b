import { Inject, Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ONLINE_AGENTS, type OnlineAgents } from '../agents/online.js';
import { WorkerDatabase } from '../database/worker-database.js';
import { NatsModule } from '../nats/nats.module.js';
import { NatsService } from '../nats/nats.service.js';
import { CompilerModule } from '../policy/compiler.module.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';
import { UpgradeWorker } from './upgrade-worker.js';

/** Moves upgrades on, in every replica. */
@Module({
  imports: [CompilerModule, NatsModule],
  providers: [
    {
      provide: UpgradeWorker,
      inject: [WorkerDatabase, DesiredStateCompiler, ONLINE_AGENTS, NatsService],
      useFactory: (
        database: WorkerDatabase,
        compiler: DesiredStateCompiler,
        presence: OnlineAgents,
        nats: NatsService,
      ) => new UpgradeWorker(database, compiler, presence, nats),
    },
  ],
})
export class UpgradeWorkerModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(@Inject(UpgradeWorker) private readonly worker: UpgradeWorker) {}

  onModuleInit(): void {
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
