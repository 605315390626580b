import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { OnlineAgents } from '../agents/online.js';
import type { WorkerDatabase } from '../database/worker-database.js';
import type { Connected } from '../policy/connected-passes.js';
import { ensureDefaultRules } from './default-rules.js';
import { evaluateOrganization } from './evaluation.js';
import { pruneHistory } from './prune.js';

/** How often the rules of an organization are evaluated, whatever the number of replicas. */
const INTERVAL_MS = 5_000;
/** A replica that has just found nats-server may not have heard of every agent yet. */
const SETTLE_MS = 20_000;
/**
 * While this replica does not know who is connected, it leaves organizations to others, and evaluates what needs no presence
 * when no other does so.
 */
const BLIND_INTERVAL_MS = 30_000;
const PRUNE_INTERVAL_MS = 3_600_000;

/**
 * Evaluates the alert rules of every organization. All that it knows from one pass to the next is in the database, and each pass
 * over an organization is one transaction: a replica that is killed leaves what the pass before left, and the next one that
 * comes goes on from there.
 */
export class AlertWorker {
  private readonly logger = new Logger(AlertWorker.name);
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private upSince: number | undefined;
  private prunedAt = -Infinity;

  constructor(
    private readonly database: WorkerDatabase,
    private readonly presence: OnlineAgents,
    private readonly connection: Connected,
    private readonly publicUrl: string,
    private readonly intervals = { passMs: INTERVAL_MS, settleMs: SETTLE_MS, blindMs: BLIND_INTERVAL_MS },
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Ends after the organization in hand. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      this.upSince = this.connection.isUp ? (this.upSince ?? Date.now()) : undefined;
      await this.round().catch((error: unknown) => {
        this.logger.warn(`alert rules could not be evaluated: ${String(error)}`);
      });
      await sleep(this.intervals.passMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  private async round(): Promise<void> {
    const { prisma } = this.database;
    const organizations = await prisma.organization.findMany({ select: { id: true, alertEvaluation: true } });
    for (const { id, alertEvaluation } of organizations) {
      if (this.stopping.signal.aborted) return;
      await this.evaluate(id, alertEvaluation !== null);
    }
    await this.prune();
  }

  /** One organization's trouble is not another's. */
  private async evaluate(organizationId: string, hasRules: boolean): Promise<void> {
    const { passMs, blindMs } = this.intervals;
    const presence = this.knowsWhoIsConnected ? this.presence : undefined;
    // A little less than the interval, for a timer that comes early.
    const intervalMs = presence === undefined ? blindMs : passMs * 0.9;
    try {
      if (!hasRules) await this.database.transaction((tx) => ensureDefaultRules(tx, organizationId));
      await this.database.transaction((tx) =>
        evaluateOrganization(tx, organizationId, { intervalMs, presence, publicUrl: this.publicUrl }),
      );
    } catch (error) {
      this.logger.warn(`the alert rules of ${organizationId} could not be evaluated: ${String(error)}`);
    }
  }

  private get knowsWhoIsConnected(): boolean {
    return this.upSince !== undefined && Date.now() - this.upSince >= this.intervals.settleMs;
  }

  private async prune(): Promise<void> {
    if (Date.now() - this.prunedAt < PRUNE_INTERVAL_MS) return;
    this.prunedAt = Date.now();
    await pruneHistory(this.database);
  }
}
