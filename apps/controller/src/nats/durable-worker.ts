import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { jetstream, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import type { NatsService } from './nats.service.js';
import { batches } from './batches.js';

const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 5_000;
/** A request for messages is renewed so often: should client and server disagree about it, nothing comes until then. */
const PULL_EXPIRES_MS = 10_000;

export interface DurableWorkerOptions {
  readonly stream: string;
  readonly consumer: string;
  readonly maxBatch: number;
  /** How long a batch waits for more, in milliseconds. */
  readonly lingerMs: number;
  /** Batches that are stored at once, 1 unless given: then one is read while the database is busy with another. */
  readonly parallel?: number;
  /**
   * Stores a batch. On return every message of it has been dealt with, and is acknowledged; a throw means that nothing
   * was, and the same batch is tried again.
   */
  readonly store: (messages: readonly JsMsg[]) => Promise<void>;
}

/**
 * Takes messages from a durable consumer in batches and acknowledges them after they are stored. Whatever happens in
 * between, they come again; storing twice must change nothing.
 */
export class DurableWorker {
  private readonly logger: Logger;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private messages: ConsumerMessages | undefined;

  constructor(
    private readonly nats: NatsService,
    private readonly options: DurableWorkerOptions,
  ) {
    this.logger = new Logger(`DurableWorker ${options.consumer}`);
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Finishes the batch in hand, if that can be. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.messages?.stop();
    await this.running?.catch(() => undefined);
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await this.consume();
      } catch (error) {
        if (!this.stopping.signal.aborted) this.logger.warn(`cannot take messages: ${String(error)}`);
      }
      await this.pause(RETRY_FIRST_MS);
    }
  }

  /** Until the consumer is gone, which happens when the server has lost its store. */
  private async consume(): Promise<void> {
    const { stream, consumer, maxBatch, lingerMs, parallel = 1 } = this.options;
    const connection = await orAborted(this.nats.agents(), this.stopping.signal);
    const handle = await jetstream(connection).consumers.get(stream, consumer);
    this.messages = await handle.consume({
      max_messages: maxBatch * (parallel + 1),
      expires: PULL_EXPIRES_MS,
      abort_on_missing_resource: true,
    });
    if (this.stopping.signal.aborted) this.messages.stop();
    const underWay = new Set<Promise<void>>();
    for await (const batch of batches(this.messages, maxBatch, lingerMs)) {
      const work = this.settle(batch).finally(() => underWay.delete(work));
      underWay.add(work);
      // Looked at below; until then it is nobody's.
      work.catch(() => undefined);
      if (underWay.size >= parallel) await Promise.race(underWay);
    }
    await Promise.all(underWay);
  }

  private async settle(batch: readonly JsMsg[]): Promise<void> {
    await this.storeForGood(batch);
    for (const message of batch) message.ack();
  }

  private async storeForGood(batch: readonly JsMsg[]): Promise<void> {
    for (let waitMs = RETRY_FIRST_MS; ; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
      try {
        await this.options.store(batch);
        return;
      } catch (error) {
        if (this.stopping.signal.aborted) throw error;
        this.logger.warn(`cannot store ${String(batch.length)} messages, trying again: ${String(error)}`);
      }
      // They are ours for a while longer.
      for (const message of batch) message.working();
      await this.pause(waitMs);
      this.stopping.signal.throwIfAborted();
    }
  }

  private async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }
}

/** The promise's outcome, unless the signal comes first. */
const orAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  const aborted = new Promise<never>((_, reject) => {
    const give = (): void => {
      reject(new Error('stopped'));
    };
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });
  return Promise.race([promise, aborted]);
};
