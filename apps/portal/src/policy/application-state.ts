import type { AgentApplication } from '../api/schema.js';
import type { Tone } from '../ui/classes.js';

export type ApplicationState = 'applied' | 'waiting' | 'offline' | 'rejected' | 'reverted';

export const STATES: Record<ApplicationState, { tone: Tone; word: string }> = {
  applied: { tone: 'good', word: 'Applied' },
  waiting: { tone: 'accent', word: 'On its way' },
  offline: { tone: 'warn', word: 'Offline' },
  rejected: { tone: 'bad', word: 'Rejected' },
  reverted: { tone: 'bad', word: 'Went back' },
};

/** Where one agent stands with the saved revision. An offline agent that runs it already has nothing to wait for. */
export function applicationState(
  { agent, desiredRevision, appliedRevision, outcome }: AgentApplication,
  savedRevision: number | null,
): ApplicationState {
  if (outcome === 'REJECTED') return 'rejected';
  if (outcome === 'REVERTED') return 'reverted';
  if (appliedRevision === savedRevision && desiredRevision === savedRevision) return 'applied';
  return agent.online ? 'waiting' : 'offline';
}
