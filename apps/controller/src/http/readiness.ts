import { Injectable, type OnModuleInit } from '@nestjs/common';
import { readMigrations } from '../database/migrations.js';
import { WorkerDatabase } from '../database/worker-database.js';
import { NatsService } from '../nats/nats.service.js';
import { Shutdown } from './shutdown.js';

/** Longer than a database that serves takes to answer, in milliseconds. */
const PATIENCE_MS = 2_000;

/** Why no request should be sent to this replica. */
export interface Reason {
  readonly component: 'shutdown' | 'postgresql' | 'migrations' | 'nats';
  readonly message: string;
}

/** Tells whether this replica can do its work: PostgreSQL and NATS answer, and the database is as this release needs it. */
@Injectable()
export class Readiness implements OnModuleInit {
  private migrations: readonly string[] = [];

  constructor(
    private readonly database: WorkerDatabase,
    private readonly nats: NatsService,
    private readonly shutdown: Shutdown,
  ) {}

  async onModuleInit(): Promise<void> {
    this.migrations = (await readMigrations()).map(({ name }) => name);
  }

  /** Empty: it is ready. */
  async reasons(): Promise<Reason[]> {
    if (this.shutdown.hasBegun) return [{ component: 'shutdown', message: 'this replica is shutting down' }];
    const reasons = await this.reasonsOfDatabase();
    if (!this.nats.isUp)
      reasons.push({ component: 'nats', message: 'there is no connection to nats-server' });
    return reasons;
  }

  private async reasonsOfDatabase(): Promise<Reason[]> {
    const applied = await this.appliedMigrations();
    if (applied === undefined) return [{ component: 'postgresql', message: 'PostgreSQL does not answer' }];
    const missing = this.migrations.filter((name) => !applied.has(name));
    if (missing.length === 0) return [];
    return [
      { component: 'migrations', message: `the database lacks ${missing.join(', ')}: restart a replica` },
    ];
  }

  /** Undefined if the database does not answer in time. */
  private async appliedMigrations(): Promise<Set<string> | undefined> {
    const answer = this.database.prisma.$queryRaw<{ name: string }[]>`
      SELECT migration_name AS name FROM "_prisma_migrations"
      WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`.then(
      (rows) => new Set(rows.map(({ name }) => name)),
      () => undefined,
    );
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, undefined);
    });
    return Promise.race([answer, patience]).finally(() => {
      clearTimeout(timer);
    });
  }
}
