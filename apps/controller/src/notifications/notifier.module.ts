import { Inject, Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { WorkerDatabase } from '../database/worker-database.js';
import { SecretSeal } from '../webhooks/sealed-secret.js';
import { WebhookSealModule } from '../webhooks/webhook-seal.module.js';
import { Mailer } from './mailer.js';
import { Notifier } from './notifier.js';

/** Tells people and programs of alerts, in every replica. */
@Module({
  imports: [WebhookSealModule],
  providers: [
    {
      provide: Notifier,
      inject: [WorkerDatabase, SecretSeal, SETTINGS],
      useFactory: (database: WorkerDatabase, seal: SecretSeal, { notifications }: Settings) =>
        new Notifier(database, {
          seal,
          mailer: notifications.smtp && new Mailer(notifications.smtp.url, notifications.smtp.from),
          webhooks: { allowPrivate: notifications.allowPrivateWebhooks },
        }),
    },
  ],
})
export class NotifierModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(@Inject(Notifier) private readonly notifier: Notifier) {}

  onModuleInit(): void {
    this.notifier.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.notifier.stop();
  }
}
