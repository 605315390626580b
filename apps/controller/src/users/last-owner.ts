import type { Transaction } from '../database/prisma.js';
import type { Role } from '../generated/prisma/enums.js';
import { ApiError } from '../graphql/errors.js';

/** Changes of members happen one after the other: two owners must not remove each other at once. */
export const lockMembers = async (tx: Transaction, organizationId: string): Promise<void> => {
  await tx.$queryRaw`SELECT id FROM organizations WHERE id = ${organizationId}::uuid FOR UPDATE`;
};

interface MemberRole {
  readonly organizationId: string;
  readonly userId: string;
  readonly role: Role;
}

export const isLastOwner = async (
  tx: Transaction,
  { organizationId, userId, role }: MemberRole,
): Promise<boolean> => {
  if (role !== 'OWNER') return false;
  const others = await tx.membership.count({
    where: { organizationId, role: 'OWNER', NOT: { userId } },
  });
  return others === 0;
};

/** @throws ApiError CONFLICT for the last owner of an organization */
export const assertAnotherOwner = async (tx: Transaction, member: MemberRole): Promise<void> => {
  if (!(await isLastOwner(tx, member))) return;
  throw new ApiError('CONFLICT', 'This is the last owner: make somebody else an owner first.');
};
