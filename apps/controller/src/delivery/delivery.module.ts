import { Inject, Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type pg from 'pg';
import { CONTROLLER_STATE } from '../bootstrap/controller-state.module.js';
import type { ControllerState } from '../bootstrap/prepare.js';
import { publishChanges, type ChangedThing } from '../changes/change-messages.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { WORKER_POOL } from '../database/worker-pool.js';
import { NatsModule } from '../nats/nats.module.js';
import { NatsService } from '../nats/nats.service.js';
import { STATUS_CONSUMER, STATUS_STREAM } from '../nats/streams.js';
import { DurableWorker } from '../nats/durable-worker.js';
import { AgentStatusStore } from './agent-status-store.js';
import { DeliveryService } from './delivery.service.js';

const STATUS_WORKER = Symbol('status worker');
const MAX_STATUS_BATCH = 500;
/** Short: people wait to see that their policy is applied. */
const STATUS_LINGER_MS = 20;

/** Brings desired states to agents and their answers back. */
@Module({
  imports: [NatsModule],
  providers: [
    {
      provide: DeliveryService,
      inject: [NatsService, WORKER_POOL, SETTINGS, CONTROLLER_STATE],
      useFactory: (nats: NatsService, pool: pg.Pool, settings: Settings, state: ControllerState) =>
        new DeliveryService(nats, pool, settings.database.workerUrl, state.nats),
    },
    {
      provide: STATUS_WORKER,
      inject: [NatsService, WORKER_POOL],
      useFactory: (nats: NatsService, pool: pg.Pool) => statusWorker(nats, pool),
    },
  ],
})
export class DeliveryModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(
    @Inject(DeliveryService) private readonly delivery: DeliveryService,
    @Inject(STATUS_WORKER) private readonly status: DurableWorker,
  ) {}

  onModuleInit(): void {
    this.delivery.start();
    this.status.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.delivery.stop(), this.status.stop()]);
  }
}

/** Stores hellos and outcomes. */
export const statusWorker = (nats: NatsService, pool: pg.Pool): DurableWorker => {
  const store = new AgentStatusStore(pool);
  return new DurableWorker(nats, {
    stream: STATUS_STREAM,
    consumer: STATUS_CONSUMER,
    maxBatch: MAX_STATUS_BATCH,
    lingerMs: STATUS_LINGER_MS,
    store: async (messages) => {
      await store.store(messages);
      publishChanges(
        await nats.agents(),
        messages.flatMap(({ subject }) => changedAgent(subject)),
      );
    },
  });
};

/** Of the subject of a hello or an outcome: `lh.<organization>.<agent>.up.…` */
const changedAgent = (subject: string): ChangedThing[] => {
  const [, organizationId, id] = subject.split('.');
  return organizationId === undefined || id === undefined ? [] : [{ organizationId, kind: 'agent', id }];
};
