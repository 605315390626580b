import { conforms } from '../agents/agent-status.js';
import type { ApplyOutcome } from '../generated/prisma/enums.js';

/** An agent that is not connected, or a tunnel that is not up, for this long is lost; shorter, it may be reconnecting. */
export const LOST_AFTER_MS = 20_000;

/** What is known of an agent of a site that a rollout has reached. */
export interface RolloutAgent {
  readonly id: string;
  readonly hostname: string;
  readonly online: boolean;
  readonly lastSeenAt: Date | null;
  readonly desired:
    { readonly epoch: number; readonly generation: number; readonly revision: number | null } | undefined;
  readonly applied:
    | {
        readonly epoch: number;
        readonly generation: number;
        readonly policyRevision: number | null;
        readonly outcome: ApplyOutcome;
        readonly error: string | null;
        /** By the agent's clock. */
        readonly appliedAt: Date;
      }
    | undefined;
  /** Names of the connected agents to which it has lost its tunnel since it got its state. */
  readonly lostLinks?: readonly string[];
}

/** How long a stage may and must take, in milliseconds, and what it may bear. */
export interface StageTerms {
  readonly startedAt: Date;
  readonly soakMs: number;
  readonly confirmMs: number;
  readonly maxFailures: number;
}

/** What has to become of a stage. */
export type Verdict =
  | { readonly kind: 'wait' }
  | { readonly kind: 'advance' }
  | { readonly kind: 'halt'; readonly reason: string };

/**
 * Judges a stage. An agent fails it by refusing or reverting its desired state, by not confirming in time while it is
 * connected, by going away since the stage began, or by losing tunnels that were up before it got its state. One that was away before is not waited for: it gets its state when
 * it comes back.
 */
export const assessStage = (agents: readonly RolloutAgent[], terms: StageTerms, now: Date): Verdict => {
  const failures = agents.flatMap((agent) => failureOf(agent, terms, now) ?? []);
  if (failures.length > terms.maxFailures) {
    return { kind: 'halt', reason: failures.join('; ') };
  }
  const soaked = now.getTime() - terms.startedAt.getTime() >= terms.soakMs;
  const settled = agents.every(
    (agent) =>
      conforms(agent.desired, agent.applied) ||
      failureOf(agent, terms, now) !== undefined ||
      isAwaySince(agent, terms),
  );
  return { kind: soaked && settled ? 'advance' : 'wait' };
};

/** Away since before the stage began. */
const isAwaySince = ({ online, lastSeenAt }: RolloutAgent, { startedAt }: StageTerms): boolean =>
  !online && (lastSeenAt === null || lastSeenAt < startedAt);

const failureOf = (agent: RolloutAgent, terms: StageTerms, now: Date): string | undefined => {
  const { desired, applied, hostname, online, lastSeenAt } = agent;
  const isAnswer =
    desired !== undefined && applied?.epoch === desired.epoch && applied.generation === desired.generation;
  if (isAnswer && applied.outcome !== 'APPLIED') {
    return `${hostname} ${applied.outcome.toLowerCase()} it${applied.error === null ? '' : ` (${applied.error})`}`;
  }
  if (!online && lastSeenAt !== null && lastSeenAt >= terms.startedAt) {
    return now.getTime() - lastSeenAt.getTime() > LOST_AFTER_MS
      ? `${hostname} was lost after it got it`
      : undefined;
  }
  if (agent.lostLinks !== undefined && agent.lostLinks.length > 0) {
    return `${hostname} lost its tunnel to ${agent.lostLinks.join(', ')} after it got it`;
  }
  const late = now.getTime() - terms.startedAt.getTime() > terms.confirmMs;
  return online && late && !conforms(desired, applied)
    ? `${hostname} did not confirm within ${String(terms.confirmMs / 1000)} s`
    : undefined;
};

/** Agents whose last answer to what they shall be is that they are not. */
export const failedAgents = (agents: readonly RolloutAgent[]): RolloutAgent[] =>
  agents.filter(
    ({ desired, applied }) =>
      applied !== undefined &&
      applied.outcome !== 'APPLIED' &&
      applied.epoch === desired?.epoch &&
      applied.generation === desired.generation,
  );
