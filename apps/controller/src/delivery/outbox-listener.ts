import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const CHANNEL = 'longhaul_outbox';
const RECONNECT_MS = 500;

/** Hears of new rows in the outbox at their commit. What it misses while disconnected, polling finds. */
export class OutboxListener {
  private client: pg.Client | undefined;
  private stopped = false;
  private pending = false;
  private wake: () => void = () => undefined;

  constructor(private readonly connectionString: string) {}

  start(): void {
    void this.connect();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.client?.end().catch(() => undefined);
  }

  /** Resolves when something was notified since the last call, after `milliseconds`, or when aborted. */
  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (!this.pending && !signal.aborted) {
      const timer = new AbortController();
      const notified = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      const expired = sleep(milliseconds, undefined, { signal: timer.signal }).catch(() => undefined);
      await Promise.race([notified, expired]);
      timer.abort();
    }
    this.pending = false;
  }

  private async connect(): Promise<void> {
    while (!this.stopped) {
      const client = new pg.Client({ connectionString: this.connectionString, keepAlive: true });
      const ended = new Promise<void>((resolve) => {
        client.once('end', resolve);
        client.once('error', () => {
          resolve();
        });
      });
      // A second error of a dying connection is no news.
      client.on('error', () => undefined);
      client.on('notification', () => {
        this.notify();
      });
      try {
        this.client = client;
        await client.connect();
        await client.query(`LISTEN ${CHANNEL}`);
        this.notify();
        await ended;
      } catch {
        await client.end().catch(() => undefined);
      }
      if (!this.stopped) await sleep(RECONNECT_MS);
    }
  }

  private notify(): void {
    this.pending = true;
    this.wake();
  }
}
