import { Inject, Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ONLINE_AGENTS, type OnlineAgents } from '../agents/online.js';
import { WorkerDatabase } from '../database/worker-database.js';
import { NatsModule } from '../nats/nats.module.js';
import { NatsService } from '../nats/nats.service.js';
import { CompilerModule } from './compiler.module.js';
import { DesiredStateCompiler } from './desired-state-compiler.js';
import { RolloutWorker } from './rollout-worker.js';

/** Moves rollouts on, in every replica. */
@Module({
  imports: [CompilerModule, NatsModule],
  providers: [
    {
      provide: RolloutWorker,
      inject: [WorkerDatabase, DesiredStateCompiler, ONLINE_AGENTS, NatsService],
      useFactory: (
        database: WorkerDatabase,
        compiler: DesiredStateCompiler,
        presence: OnlineAgents,
        nats: NatsService,
      ) => new RolloutWorker(database, compiler, presence, nats),
    },
  ],
})
export class RolloutWorkerModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(@Inject(RolloutWorker) private readonly worker: RolloutWorker) {}

  onModuleInit(): void {
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
