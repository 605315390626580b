import { type DynamicModule, Module } from '@nestjs/common';
import { OnlineAgentsModule } from './agents/online-agents.module.js';
import { AlertWorkerModule } from './alerts/alert-worker.module.js';
import { ApiModule } from './api.module.js';
import { ControllerStateModule } from './bootstrap/controller-state.module.js';
import type { ControllerState } from './bootstrap/prepare.js';
import { ChangesModule } from './changes/changes.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Settings } from './config/settings.js';
import { DatabaseModule } from './database/database.module.js';
import { DeliveryModule } from './delivery/delivery.module.js';
import { EnrollmentModule } from './enrollment/enrollment.module.js';
import { FleetChangesModule } from './fleet/fleet-changes.module.js';
import { HealthModule } from './http/health.module.js';
import { LiveModule } from './live/live.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { NotifierModule } from './notifications/notifier.module.js';
import { RolloutWorkerModule } from './policy/rollout-worker.module.js';
import { SubscriptionsModule } from './subscriptions/subscriptions.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';
import { AgentReleasesModule } from './upgrades/agent-releases.module.js';
import { UpgradeWorkerModule } from './upgrades/upgrade-worker.module.js';

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
        OnlineAgentsModule,
        EnrollmentModule,
        AgentReleasesModule,
        DeliveryModule,
        TelemetryModule,
        LiveModule,
        RolloutWorkerModule,
        AlertWorkerModule,
        NotifierModule,
        UpgradeWorkerModule,
        MetricsModule,
        ApiModule,
        ChangesModule,
        SubscriptionsModule,
        HealthModule,
      ],
    };
  }
}
