import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient, type Prisma } from '../generated/prisma/client.js';
import { createConnectionPool } from './connection-pool.js';

/** A transaction in progress. */
export type Transaction = Prisma.TransactionClient;

/** Longest wait for a free connection, and longest life of a transaction, in milliseconds. */
const MAX_WAIT_MS = 5_000;
const TRANSACTION_TIMEOUT_MS = 30_000;

/** A client with a pool of its own; `name` is the pool's in PostgreSQL's list of connections and in metrics. */
export const createPrismaClient = (
  connectionString: string,
  maxConnections: number,
  name = 'longhaul',
): PrismaClient =>
  new PrismaClient({
    adapter: new PrismaPg(
      createConnectionPool({
        connectionString,
        max: maxConnections,
        connectionTimeoutMillis: MAX_WAIT_MS,
        application_name: name,
      }),
      { disposeExternalPool: true },
    ),
    transactionOptions: { maxWait: MAX_WAIT_MS, timeout: TRANSACTION_TIMEOUT_MS },
  });
