import type { ApplyOutcome } from '../generated/prisma/enums.js';

interface Desired {
  readonly epoch: number;
  readonly generation: number;
  readonly revision: number | null;
}

interface Applied {
  readonly epoch: number;
  readonly generation: number;
  readonly policyRevision: number | null;
  readonly outcome: ApplyOutcome;
}

/** Whether an agent is what it shall be. */
export const conforms = (desired: Desired | undefined, applied: Applied | undefined): boolean =>
  desired === undefined ||
  (applied !== undefined &&
    applied.outcome === 'APPLIED' &&
    applied.epoch === desired.epoch &&
    applied.generation === desired.generation);

/**
 * The revision that an agent conforms to. One that a revision did not change got no new state, so what it said of the
 * state that it has counts for the newest revision that asks for the same.
 */
export const appliedRevision = (
  desired: Desired | undefined,
  applied: Applied | undefined,
): number | null => {
  if (applied === undefined || applied.outcome !== 'APPLIED') return null;
  return desired !== undefined && conforms(desired, applied) ? desired.revision : applied.policyRevision;
};
