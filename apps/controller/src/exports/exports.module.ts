import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { SeriesModule } from '../series/series.module.js';
import { ExportsController } from './exports.controller.js';
import { ExportsService } from './exports.service.js';

/** Telemetry as files. */
@Module({
  imports: [AuthModule, SeriesModule],
  controllers: [ExportsController],
  providers: [ExportsService],
})
export class ExportsModule {}
