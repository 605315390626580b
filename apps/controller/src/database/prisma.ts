import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient, type Prisma } from '../generated/prisma/client.js';

/** A transaction in progress. */
export type Transaction = Prisma.TransactionClient;

/** Longest wait for a free connection, and longest life of a transaction, in milliseconds. */
const MAX_WAIT_MS = 5_000;
const TRANSACTION_TIMEOUT_MS = 30_000;

/** A client with a pool of its own. A server that ends idle connections (a restart) is no error of ours. */
export const createPrismaClient = (connectionString: string, maxConnections: number): PrismaClient =>
  new PrismaClient({
    adapter: new PrismaPg(
      { connectionString, max: maxConnections, connectionTimeoutMillis: MAX_WAIT_MS },
      { onPoolError: () => undefined, onConnectionError: () => undefined },
    ),
    transactionOptions: { maxWait: MAX_WAIT_MS, timeout: TRANSACTION_TIMEOUT_MS },
  });
