import { Module } from '@nestjs/common';
import { NatsModule } from '../nats/nats.module.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';
import { Shutdown } from './shutdown.js';

/** `/healthz` and `/readyz`. */
@Module({
  imports: [NatsModule],
  controllers: [HealthController],
  providers: [Readiness, Shutdown],
})
export class HealthModule {}
