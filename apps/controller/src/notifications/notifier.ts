import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { WorkerDatabase } from '../database/worker-database.js';
import { notificationAttempts } from '../metrics/metrics.js';
import type { SecretSeal } from '../webhooks/sealed-secret.js';
import type { AttemptResult } from './attempt.js';
import { claimDeliveries, recordAttempt, type ClaimedDelivery } from './delivery-store.js';
import type { Mailer } from './mailer.js';
import { sendWebhook, type WebhookOptions } from './send-webhook.js';

/** Deliveries that are tried at once, by one replica. */
const WIDTH = 32;
const POLL_INTERVAL_MS = 1_000;

export interface NotifierOptions {
  readonly seal: SecretSeal;
  /** Undefined: there is no mail server. */
  readonly mailer: Mailer | undefined;
  readonly webhooks: WebhookOptions;
}

/** Carries out what stands in the table of deliveries, in every replica: each attempt is made by one of them. */
export class Notifier {
  private readonly logger = new Logger(Notifier.name);
  private readonly stopping = new AbortController();
  private readonly inHand = new Map<ClaimedDelivery, Promise<void>>();
  private running: Promise<void> | undefined;

  constructor(
    private readonly database: WorkerDatabase,
    private readonly options: NotifierOptions,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Ends after the attempts in hand. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await Promise.all(this.inHand.values());
    this.options.mailer?.close();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const begun = await this.beginDue().catch((error: unknown) => {
        this.logger.warn(`deliveries could not be read: ${String(error)}`);
        return 0;
      });
      if (begun === 0) await this.wait(signal);
    }
  }

  private async beginDue(): Promise<number> {
    const free = WIDTH - this.inHand.size;
    if (free === 0) return 0;
    const claimed = await claimDeliveries(this.database, free, [...this.inHand.keys()]);
    for (const delivery of claimed) {
      const work = this.attempt(delivery).finally(() => this.inHand.delete(delivery));
      this.inHand.set(delivery, work);
    }
    return claimed.length;
  }

  /** Until an attempt ends, or it is time to look. */
  private async wait(signal: AbortSignal): Promise<void> {
    const timer = new AbortController();
    const stop = AbortSignal.any([signal, timer.signal]);
    const pause = sleep(POLL_INTERVAL_MS, undefined, { signal: stop, ref: false }).catch(() => undefined);
    await Promise.race([pause, ...this.inHand.values()]);
    timer.abort();
  }

  /** Never rejects: what cannot be written down is tried again when the lease is over. */
  private async attempt(delivery: ClaimedDelivery): Promise<void> {
    try {
      const startedAt = new Date();
      const result = await this.send(delivery).catch((error: unknown) => failure(error));
      await recordAttempt(this.database, delivery, result, { startedAt, now: new Date() });
      const channel = delivery.webhookId === null ? 'email' : 'webhook';
      notificationAttempts.inc({ channel, outcome: result.error === null ? 'delivered' : 'failed' });
    } catch (error) {
      this.logger.warn(`an attempt at delivery ${delivery.id} was not written down: ${String(error)}`);
    }
  }

  private async send(delivery: ClaimedDelivery): Promise<AttemptResult> {
    const { id, email, payload } = delivery;
    if (email !== null) {
      const { mailer } = this.options;
      return mailer === undefined
        ? failure('there is no mail server: set LONGHAUL_SMTP_URL')
        : mailer.send({ id, to: email, payload });
    }
    const webhook = await this.webhookOf(delivery);
    if (webhook?.enabled !== true) return { ...failure('the webhook is switched off'), isFinal: true };
    return sendWebhook(
      { url: webhook.url, id, body: JSON.stringify(payload), secrets: this.secretsOf(webhook) },
      this.options.webhooks,
    );
  }

  private async webhookOf({ organizationId, webhookId }: ClaimedDelivery) {
    return this.database.prisma.webhook.findFirst({ where: { organizationId, id: webhookId ?? '' } });
  }

  private secretsOf(webhook: NonNullable<Awaited<ReturnType<Notifier['webhookOf']>>>): string[] {
    const { seal } = this.options;
    const { id, secretSealed, previousSecretSealed: previous, previousSecretUntil: until } = webhook;
    const isPreviousGood = previous !== null && until !== null && until > new Date();
    return [secretSealed, ...(isPreviousGood ? [previous] : [])].map((sealed) => seal.open(sealed, id));
  }
}

const failure = (error: unknown): AttemptResult => ({
  status: null,
  response: null,
  error: error instanceof Error ? error.message : String(error),
  isFinal: false,
});
