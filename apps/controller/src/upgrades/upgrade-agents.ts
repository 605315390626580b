import { upgradeReportSchema, type UpgradeReport } from '@longhaul/contracts';
import type { OnlineAgents } from '../agents/online.js';
import type { Transaction } from '../database/prisma.js';
import type { RolloutAgent } from '../policy/rollout-assessment.js';
import { isReached } from '../policy/rollout-stages.js';
import type { StoredUpgrade } from './wanted-releases.js';

/** An agent of a site that an upgrade has reached. */
export interface UpgradeAgent extends RolloutAgent {
  /** Whether a supervisor upgrades it: others are upgraded by hand, and are not waited for. */
  readonly supervised: boolean;
}

/** What an agent says of its upgrades; undefined: nobody upgrades it. */
export const readReport = (stored: unknown): UpgradeReport | undefined =>
  upgradeReportSchema.safeParse(stored).data;

/**
 * The approved agents of the sites that an upgrade has reached, and that have no version of their own. To be judged as those of a
 * rollout of policy are: the attempt stands for the generation, running the version for having applied it.
 */
export const upgradeAgents = async (
  tx: Transaction,
  upgrade: StoredUpgrade,
  presence: OnlineAgents,
): Promise<UpgradeAgent[]> => {
  const { organizationId, version } = upgrade;
  const { attempt } = await tx.agentRelease.findUniqueOrThrow({
    where: { organizationId_version: { organizationId, version } },
  });
  const agents = await tx.agent.findMany({
    where: { organizationId, state: 'APPROVED' },
    orderBy: [{ hostname: 'asc' }, { id: 'asc' }],
    include: { site: true },
  });
  return agents
    .filter(({ site }) => site.agentVersion === null && isReached(upgrade, site))
    .map((agent) => {
      const report = readReport(agent.upgrade);
      return {
        id: agent.id,
        hostname: agent.hostname,
        lastSeenAt: agent.lastSeenAt,
        online: presence.isOnline(organizationId, agent.id),
        supervised: report !== undefined,
        desired: { epoch: 0, generation: attempt, revision: null },
        applied: answerOf(agent.version, report, upgrade, attempt),
      };
    });
};

const answerOf = (
  running: string,
  report: UpgradeReport | undefined,
  { version, stageStartedAt }: StoredUpgrade,
  attempt: number,
): RolloutAgent['applied'] => {
  const answer = { epoch: 0, generation: attempt, policyRevision: null, appliedAt: stageStartedAt };
  const refused = report?.state === 'refused' && report.version === version && report.attempt >= attempt;
  if (refused) return { ...answer, outcome: 'REVERTED', error: report.reason };
  // One that is still trying may go back.
  if (running === version && report?.state !== 'trying')
    return { ...answer, outcome: 'APPLIED', error: null };
  return undefined;
};
