import { Inject, Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type pg from 'pg';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { WORKER_POOL } from '../database/worker-pool.js';
import { NatsModule } from '../nats/nats.module.js';
import { NatsService } from '../nats/nats.service.js';
import { RollupWorker } from './rollup-worker.js';
import { Rollups } from './rollups.js';
import { TelemetryQueries } from './telemetry-queries.js';
import { TelemetryService } from './telemetry.service.js';

/** Stores what agents report, and answers what tenants ask of it. */
@Module({
  imports: [NatsModule],
  providers: [
    TelemetryQueries,
    {
      provide: TelemetryService,
      inject: [NatsService, WORKER_POOL, SETTINGS],
      useFactory: (nats: NatsService, pool: pg.Pool, { retention }: Settings) =>
        new TelemetryService(nats, pool, retention),
    },
    {
      provide: RollupWorker,
      inject: [WORKER_POOL],
      useFactory: (pool: pg.Pool) => new RollupWorker(new Rollups(pool)),
    },
  ],
  exports: [TelemetryQueries],
})
export class TelemetryModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(
    @Inject(TelemetryService) private readonly telemetry: TelemetryService,
    @Inject(RollupWorker) private readonly rollups: RollupWorker,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.telemetry.start();
    this.rollups.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.telemetry.stop(), this.rollups.stop()]);
  }
}
