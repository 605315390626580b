import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { TELEMETRY_STREAM } from '@longhaul/contracts';
import type { NatsService } from '../nats/nats.service.js';
import { TELEMETRY_CONSUMER } from '../nats/streams.js';
import { DurableWorker } from '../nats/durable-worker.js';
import { KeptAside } from './kept-aside.js';
import { deleteOldConnections } from './old-connections.js';
import {
  DAY_MS,
  DEFAULT_RETENTION,
  dropExpiredPartitions,
  ensurePartitions,
  type Retention,
} from './partitions.js';
import { TelemetryStore } from './telemetry-store.js';

/** Messages of one transaction: some ten thousand records. */
const MAX_BATCH = 500;
const LINGER_MS = 100;
/** Transactions at once: rows are written in an order, as by two replicas. */
const PARALLEL = 2;
const MAINTENANCE_INTERVAL_MS = 3_600_000;
const MAINTENANCE_RETRY_MS = 5_000;

/** Moves telemetry from the stream into the database, and keeps the partitions in order. */
export class TelemetryService {
  private readonly logger = new Logger(TelemetryService.name);
  private readonly worker: DurableWorker;
  private readonly keptAside: KeptAside;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    nats: NatsService,
    private readonly pool: pg.Pool,
    private readonly retention: Retention = DEFAULT_RETENTION,
  ) {
    this.keptAside = new KeptAside(pool);
    const store = new TelemetryStore(pool, this.keptAside);
    this.worker = new DurableWorker(nats, {
      stream: TELEMETRY_STREAM,
      consumer: TELEMETRY_CONSUMER,
      maxBatch: MAX_BATCH,
      lingerMs: LINGER_MS,
      parallel: PARALLEL,
      store: (messages) => store.store(messages),
    });
  }

  async start(): Promise<void> {
    await this.maintain();
    this.worker.start();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.worker.stop();
  }

  private async maintain(): Promise<void> {
    let waitMs = MAINTENANCE_INTERVAL_MS;
    try {
      await ensurePartitions(this.pool);
      await dropExpiredPartitions(this.pool, this.retention);
      await deleteOldConnections(this.pool, this.retention.flowsDays);
      await this.keptAside.prune(Date.now() - this.retention.rawDays * DAY_MS);
    } catch (error) {
      this.logger.warn(`partitions were not looked after: ${String(error)}`);
      waitMs = MAINTENANCE_RETRY_MS;
    }
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.maintain(), waitMs);
    this.timer.unref();
  }
}
