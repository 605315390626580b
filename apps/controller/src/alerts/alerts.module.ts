import { Module } from '@nestjs/common';
import { AlertRulesResolver } from './alert-rules.resolver.js';
import { AlertRulesService } from './alert-rules.service.js';
import { AlertsResolver } from './alerts.resolver.js';
import { AlertsService } from './alerts.service.js';

/** Alerts and their rules in the API; evaluated by the {@link AlertWorkerModule}. */
@Module({ providers: [AlertsResolver, AlertsService, AlertRulesResolver, AlertRulesService] })
export class AlertsModule {}
