import type { Transaction } from '../database/prisma.js';
import { LOST_AFTER_MS, type RolloutAgent } from './rollout-assessment.js';
import type { StoredRollout } from './rollout-store.js';

/** Samples from further back are not looked at: a link is found lost within a few seconds of {@link LOST_AFTER_MS}. */
const LOOK_BACK_MS = 60_000;

/** A tunnel that was up when its agent got a new state, and is not any more. */
export interface LostLink {
  readonly agentId: string;
  readonly peerAgentId: string;
}

/**
 * The tunnels that agents have lost since they got their state of the rollout, by what they say of them themselves: up at most
 * {@link LOST_AFTER_MS} before that, or before the stage began if that was later, and then for as long not up any more.
 */
export const lostLinks = async (
  tx: Transaction,
  { organizationId, revision, stageStartedAt }: StoredRollout,
  agents: readonly RolloutAgent[],
): Promise<LostLink[]> => {
  const changed = agents.flatMap(({ id, applied }) =>
    applied?.outcome === 'APPLIED' && applied.policyRevision === revision
      ? [{ id, since: Math.max(applied.appliedAt.getTime(), stageStartedAt.getTime()) }]
      : [],
  );
  if (changed.length === 0) return [];
  return tx.$queryRaw<LostLink[]>`
    SELECT s.agent_id AS "agentId", s.peer_agent_id AS "peerAgentId"
    FROM unnest(${changed.map(({ id }) => id)}::uuid[],
                ${changed.map(({ since }) => new Date(since - LOST_AFTER_MS))}::timestamptz[]) AS changed(agent_id, after)
    JOIN telemetry.link_samples s ON s.agent_id = changed.agent_id
      AND s.at >= greatest(changed.after, now() - make_interval(secs => ${LOOK_BACK_MS / 1000}))
    WHERE s.organization_id = ${organizationId}::uuid
    GROUP BY s.agent_id, s.peer_agent_id
    HAVING max(s.at) FILTER (WHERE s.state = 'up') <= max(s.at) - make_interval(secs => ${LOST_AFTER_MS / 1000})`;
};
