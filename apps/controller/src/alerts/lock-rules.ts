import type { Transaction } from '../database/prisma.js';

/**
 * Until the transaction's end, nobody else changes the organization's rules or makes a pass over them: whoever ends an alert
 * knows what it has become.
 */
export const lockRules = async (tx: Transaction, organizationId: string): Promise<void> => {
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`alert rules of ${organizationId}`}, 0))::text`;
};
