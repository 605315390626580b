import type { OnlineAgents } from '../agents/online.js';
import type { Transaction } from '../database/prisma.js';
import type { RolloutAgent } from './rollout-assessment.js';
import { isReached } from './rollout-stages.js';
import type { StoredRollout } from './rollout-store.js';

/** The approved agents of the sites that the rollout has reached. */
export const rolloutAgents = async (
  tx: Transaction,
  rollout: StoredRollout,
  presence: OnlineAgents,
): Promise<RolloutAgent[]> => {
  const { organizationId } = rollout;
  const agents = await tx.agent.findMany({
    where: { organizationId, state: 'APPROVED' },
    orderBy: [{ hostname: 'asc' }, { id: 'asc' }],
    include: { site: true, applied: true, desiredState: { omit: { document: true } } },
  });
  return agents
    .filter(({ site }) => isReached(rollout, site))
    .map(({ id, hostname, lastSeenAt, applied, desiredState }) => ({
      id,
      hostname,
      lastSeenAt,
      online: presence.isOnline(organizationId, id),
      desired: desiredState ?? undefined,
      applied: applied ?? undefined,
    }));
};
