import type { PrismaClient } from '../generated/prisma/client.js';
import type { Transaction } from './prisma.js';

/**
 * The database as `longhaul_worker` sees it: the rows of every organization, but no people and no credentials of theirs.
 * For what is not a request of one tenant: enrolment, delivery, telemetry. Every `where` names the organization.
 */
export class WorkerDatabase {
  /** For single statements; `transaction` for more. */
  constructor(readonly prisma: PrismaClient) {}

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.prisma.$transaction(work);
  }

  async close(): Promise<void> {
    await this.prisma.$disconnect();
  }
}
