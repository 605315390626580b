import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';

/** Whether this replica hears of agents at all: while it does not, nobody is judged. */
export interface Connected {
  readonly isUp: boolean;
}

/** Of one organization, to be moved on. */
export interface Running {
  readonly organizationId: string;
  readonly id: string;
}

/** What a pass consists of. */
export interface Steps {
  /** What is to be moved on now. */
  readonly list: () => Promise<readonly Running[]>;
  readonly step: (running: Running) => Promise<void>;
}

/** Trouble that goes on is logged once in so long, for each organization. */
const LOG_INTERVAL_MS = 60_000;

/** Makes one pass after another while agents are heard of. One organization's trouble is not another's. */
export class ConnectedPasses {
  private readonly logger = new Logger(ConnectedPasses.name);
  private readonly stopping = new AbortController();
  /** When it was logged last that an organization, or without one the pass, cannot go on; by `Date.now`. */
  private readonly loggedAt = new Map<string | undefined, number>();
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
    private readonly steps: Steps,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Ends after the step in hand. */
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
          this.log(undefined, error);
        });
      }
      await sleep(this.intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async pass(): Promise<void> {
    for (const running of await this.steps.list()) {
      if (this.stopping.signal.aborted) return;
      await this.steps.step(running).catch((error: unknown) => {
        this.log(running.organizationId, error);
      });
    }
  }

  private log(organizationId: string | undefined, error: unknown): void {
    const now = Date.now();
    if (now - (this.loggedAt.get(organizationId) ?? -Infinity) < LOG_INTERVAL_MS) return;
    this.loggedAt.set(organizationId, now);
    const whose = organizationId === undefined ? '' : ` of ${organizationId}`;
    this.logger.warn(`${this.what}${whose} could not be moved on: ${String(error)}`);
  }
}
