import type { Transaction } from '../database/prisma.js';
import { ApiError } from '../graphql/errors.js';

/** Changes of members happen one after the other: two owners must not remove each other at once. */
export const lockMembers = async (tx: Transaction, organizationId: string): Promise<void> => {
  await tx.$queryRaw`SELECT id FROM organizations WHERE id = ${organizationId}::uuid FOR UPDATE`;
};

/** @throws ApiError CONFLICT for the last owner of an organization */
export const assertAnotherOwner = async (
  tx: Transaction,
  { organizationId, userId, role }: { organizationId: string; userId: string; role: string },
): Promise<void> => {
  if (role !== 'OWNER') return;
  const others = await tx.membership.count({
    where: { organizationId, role: 'OWNER', NOT: { userId } },
  });
  if (others > 0) return;
  throw new ApiError('CONFLICT', 'This is the last owner: make somebody else an owner first.');
};
