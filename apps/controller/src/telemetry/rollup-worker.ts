import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Rollups } from './rollups.js';

const INTERVAL_MS = 1_000;

/** Keeps the rollups of telemetry current, in every replica: each bucket is computed by whichever comes first. */
export class RollupWorker {
  private readonly logger = new Logger(RollupWorker.name);
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private complaint: string | undefined;

  constructor(private readonly rollups: Rollups) {}

  start(): void {
    this.running ??= this.work();
  }

  /** Ends after the bucket in hand. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async work(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.round(signal);
      await sleep(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  private async round(signal: AbortSignal): Promise<void> {
    try {
      await this.rollups.run(Date.now(), signal);
      this.complaint = undefined;
    } catch (error) {
      // What is marked stays marked. Said once: the database may be away for long.
      const complaint = String(error);
      if (complaint !== this.complaint) this.logger.warn(`rollups could not be computed: ${complaint}`);
      this.complaint = complaint;
    }
  }
}
