import { Module } from '@nestjs/common';
import { CONTROLLER_STATE } from '../bootstrap/controller-state.module.js';
import type { ControllerState } from '../bootstrap/prepare.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { SecretSeal } from './sealed-secret.js';

/** What opens and seals the secrets of webhooks, of this controller. */
@Module({
  providers: [
    {
      provide: SecretSeal,
      inject: [SETTINGS, CONTROLLER_STATE],
      useFactory: (settings: Settings, state: Pick<ControllerState, 'sessionSecret'>) =>
        new SecretSeal(settings.sessionSecret ?? state.sessionSecret),
    },
  ],
  exports: [SecretSeal],
})
export class WebhookSealModule {}
