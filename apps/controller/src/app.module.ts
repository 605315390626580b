import { type DynamicModule, Module } from '@nestjs/common';
import { ApiModule } from './api.module.js';
import { ControllerStateModule } from './bootstrap/controller-state.module.js';
import type { ControllerState } from './bootstrap/prepare.js';
import { ConfigModule } from './config/config.module.js';
import type { Settings } from './config/settings.js';
import { DatabaseModule } from './database/database.module.js';
import { EnrollmentModule } from './enrollment/enrollment.module.js';
import { FleetChangesModule } from './fleet/fleet-changes.module.js';
import { HealthController } from './http/health.controller.js';

@Module({})
export class AppModule {
  static with(settings: Settings, state: ControllerState): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(settings),
        ControllerStateModule.with(state),
        DatabaseModule,
        FleetChangesModule,
        EnrollmentModule,
        ApiModule,
      ],
      controllers: [HealthController],
    };
  }
}
