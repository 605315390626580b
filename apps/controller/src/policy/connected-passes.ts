import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';

/** Whether this replica hears of agents at all: while it does not, nobody is judged. */
export interface Connected {
  readonly isUp: boolean;
}

/** Makes one pass after another while agents are heard of. */
export class ConnectedPasses {
  private readonly logger = new Logger(ConnectedPasses.name);
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  /** Since when agents are heard of without a break, by `Date.now`; undefined while they are not. */
  upSince: number | undefined;

  /**
   * @param what that is moved on, for the log
   * @param intervalMs from the end of a pass to the next
   */
  constructor(
    private readonly what: string,
    private readonly connection: Connected,
    private readonly intervalMs: number,
    private readonly pass: () => Promise<void>,
  ) {}

  /** A pass in hand is to end when it can. */
  get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      this.upSince = this.connection.isUp ? (this.upSince ?? Date.now()) : undefined;
      if (this.upSince !== undefined) {
        await this.pass().catch((error: unknown) => {
          this.logger.warn(`${this.what} could not be moved on: ${String(error)}`);
        });
      }
      await sleep(this.intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
