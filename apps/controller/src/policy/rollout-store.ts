import type { Transaction } from '../database/prisma.js';
import type { Rollout as RolloutRow } from '../generated/prisma/client.js';
import type { Candidate, FleetSite } from './fleet.js';
import { policyDocumentSchema } from './policy-document.js';
import { isReached, rolloutStagesSchema, type RolloutPosition } from './rollout-stages.js';

/** A rollout as it is stored. */
export type StoredRollout = Omit<RolloutRow, 'stages'> & RolloutPosition;

export const toRollout = (row: RolloutRow): StoredRollout => ({
  ...row,
  stages: rolloutStagesSchema.parse(row.stages),
});

/** The rollout of the organization that is not at its end. */
export const activeRollout = async (
  tx: Transaction,
  organizationId: string,
): Promise<StoredRollout | undefined> => {
  const row = await tx.rollout.findFirst({
    where: { organizationId, state: { in: ['RUNNING', 'HALTED'] } },
  });
  return row === null ? undefined : toRollout(row);
};

/** What is being rolled out, and who of the sites has it. */
export const candidateOf = async (
  tx: Transaction,
  organizationId: string,
  sites: readonly FleetSite[],
): Promise<Candidate | undefined> => {
  const rollout = await activeRollout(tx, organizationId);
  if (rollout === undefined) return undefined;
  const { policyId, revision } = rollout;
  const { document, policy } = await tx.policyRevision.findUniqueOrThrow({
    where: { organizationId_policyId_revision: { organizationId, policyId, revision } },
    include: { policy: true },
  });
  return {
    policy: {
      id: policyId,
      scope: policy.scope,
      target: policy.target,
      revision,
      document: policyDocumentSchema.parse(document),
    },
    siteIds: sites.filter((site) => isReached(rollout, site)).map(({ id }) => id),
  };
};
