import { Inject, Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type pg from 'pg';
import { WORKER_POOL } from '../database/worker-pool.js';
import { NatsModule } from '../nats/nats.module.js';
import { NatsService } from '../nats/nats.service.js';
import { TelemetryQueries } from './telemetry-queries.js';
import { TelemetryService } from './telemetry.service.js';

/** Stores what agents report, and answers what tenants ask of it. */
@Module({
  imports: [NatsModule],
  providers: [
    TelemetryQueries,
    {
      provide: TelemetryService,
      inject: [NatsService, WORKER_POOL],
      useFactory: (nats: NatsService, pool: pg.Pool) => new TelemetryService(nats, pool),
    },
  ],
  exports: [TelemetryQueries],
})
export class TelemetryModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(@Inject(TelemetryService) private readonly telemetry: TelemetryService) {}

  async onModuleInit(): Promise<void> {
    await this.telemetry.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.telemetry.stop();
  }
}
