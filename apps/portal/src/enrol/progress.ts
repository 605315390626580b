import type { EnrolAgent } from './enrol.documents.js';

/** How far an agent is that enrols: each step has the ones before it behind it. */
export type Step = 'waiting' | 'pending' | 'approved' | 'online' | 'running' | 'failed';

/** Clocks of the controller and of this computer may differ by this much, in milliseconds. */
const CLOCK_SLACK_MS = 2000;

export interface Arrival {
  agent: EnrolAgent;
  step: Step;
}

function stepOf(agent: EnrolAgent): Step {
  if (agent.state === 'PENDING') return 'pending';
  if (agent.state === 'REVOKED' || agent.outcome === 'REJECTED') return 'failed';
  if (!agent.online) return 'approved';
  const runs = agent.appliedGeneration > 0 && agent.appliedGeneration === agent.desiredGeneration;
  return runs ? 'running' : 'online';
}

/**
 * The agents that came with a token: those of its site that were not there when it was made. An agent that enrols
 * again keeps its identity, so one that was known counts once it enrols after the token was made.
 */
export function arrivals(
  agents: readonly EnrolAgent[],
  token: { siteId: string; createdAt: string },
  knownBefore: ReadonlySet<string>,
): Arrival[] {
  const madeMs = Date.parse(token.createdAt) - CLOCK_SLACK_MS;
  return agents
    .filter(({ site }) => site.id === token.siteId)
    .filter(({ id, enrolledAt }) => !knownBefore.has(id) || Date.parse(enrolledAt) >= madeMs)
    .map((agent) => ({ agent, step: stepOf(agent) }));
}
