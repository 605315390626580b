import type { Transaction } from '../database/prisma.js';
import type { AgentState } from '../generated/prisma/enums.js';
import { conforms } from './agent-status.js';

/** Whether an agent that is not revoked is what it shall be. */
export interface AgentConformity {
  readonly id: string;
  readonly siteId: string;
  readonly state: AgentState;
  readonly conforms: boolean;
}

/**
 * Of every agent that is not revoked, in three statements.
 *
 * @param siteIds whose; of all sites unless given
 */
export const readConformity = async (
  tx: Transaction,
  organizationId: string,
  siteIds?: string[],
): Promise<AgentConformity[]> => {
  const agents = await tx.agent.findMany({
    where: {
      organizationId,
      state: { not: 'REVOKED' },
      ...(siteIds === undefined ? {} : { siteId: { in: siteIds } }),
    },
    select: {
      id: true,
      siteId: true,
      state: true,
      desiredState: { select: { epoch: true, generation: true, revision: true } },
      applied: { select: { epoch: true, generation: true, policyRevision: true, outcome: true } },
    },
  });
  return agents.map(({ id, siteId, state, desiredState, applied }) => ({
    id,
    siteId,
    state,
    conforms: conforms(desiredState ?? undefined, applied ?? undefined),
  }));
};
