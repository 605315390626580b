/** Passes that lie further apart than this say nothing about the time between them, in milliseconds. */
export const MAX_GAP_MS = 60_000;
/** An alert that fires is given up when nothing was known of its subject for so long, in milliseconds. */
export const NO_DATA_RESOLVES_MS = 3_600_000;
/** A value is written down anew when it has changed by more than this share of the threshold. */
const NOTABLE_CHANGE = 0.1;

/** When a rule's alerts fire and end. The condition holds at the threshold or above, and is away at the lower one or below. */
export interface Terms {
  readonly threshold: number;
  readonly clearThreshold: number;
  readonly forSeconds: number;
  readonly clearForSeconds: number;
}

/** What is remembered of one subject of a rule from pass to pass. */
export interface Condition {
  readonly state: 'PENDING' | 'FIRING';
  readonly value: number;
  readonly pendingSince: Date;
  readonly firingSince: Date | null;
  /** Since when the condition is away, without a break. */
  readonly clearingSince: Date | null;
  /** Since when nothing is known, without a break. */
  readonly missingSince: Date | null;
}

/** What is seen of one subject; a null value: it is there, but nothing is known of it. */
export interface Seen {
  readonly value: number | null;
}

/** Of one pass, by the database's clock. */
export interface Clock {
  readonly now: Date;
  /** Null: this is the first pass. */
  readonly previousPass: Date | null;
}

export type Resolution = 'CLEARED' | 'NO_DATA' | 'GONE' | 'RULE_ENDED';

/** What has to become of what is remembered. */
export type Step =
  | { readonly kind: 'none' }
  /** Remember from now on; it may fire at once. */
  | { readonly kind: 'begin'; readonly condition: Condition }
  | { readonly kind: 'change'; readonly condition: Condition }
  /** Forget: it went away before it fired. */
  | { readonly kind: 'drop' }
  | { readonly kind: 'resolve'; readonly resolution: Resolution };

const NONE: Step = { kind: 'none' };

/**
 * What becomes of one subject in one pass.
 *
 * - A condition that holds is PENDING, and fires when it has held for `forSeconds`; away for a moment, it begins anew.
 * - One that fires is resolved when it has been away for `clearForSeconds`; between the two thresholds it is neither.
 * - Of what nothing is known, nothing begins, fires or clears; what was pending is forgotten after {@link MAX_GAP_MS},
 *   what fires after {@link NO_DATA_RESOLVES_MS}.
 * - After a break between passes of more than {@link MAX_GAP_MS}, what was not over begins to count anew.
 *
 * @param seen undefined: the subject is gone, or no rule's any more
 */
export const evaluate = (
  terms: Terms,
  remembered: Condition | undefined,
  seen: Seen | undefined,
  clock: Clock,
): Step => {
  if (remembered === undefined) return begin(terms, seen?.value ?? null, clock.now);
  if (seen === undefined) return end(remembered, 'GONE');
  const condition = afterGap(remembered, clock);
  const step =
    seen.value === null
      ? withoutData(condition, clock.now)
      : withValue(terms, { ...condition, missingSince: null }, seen.value, clock.now);
  return step.kind === 'change' && !differs(terms, remembered, step.condition) ? NONE : step;
};

const begin = (terms: Terms, value: number | null, now: Date): Step => {
  if (value === null || value < terms.threshold) return NONE;
  const condition: Condition = {
    state: 'PENDING',
    value,
    pendingSince: now,
    firingSince: null,
    clearingSince: null,
    missingSince: null,
  };
  return { kind: 'begin', condition: fireIfDue(terms, condition, now) };
};

const afterGap = (condition: Condition, { now, previousPass }: Clock): Condition => {
  if (previousPass !== null && now.getTime() - previousPass.getTime() <= MAX_GAP_MS) return condition;
  return {
    ...condition,
    pendingSince: condition.state === 'PENDING' ? now : condition.pendingSince,
    clearingSince: condition.clearingSince === null ? null : now,
    missingSince: condition.missingSince === null ? null : now,
  };
};

const withoutData = (condition: Condition, now: Date): Step => {
  const missingSince = condition.missingSince ?? now;
  const missingMs = now.getTime() - missingSince.getTime();
  if (condition.state === 'PENDING' && missingMs > MAX_GAP_MS) return { kind: 'drop' };
  if (condition.state === 'FIRING' && missingMs >= NO_DATA_RESOLVES_MS) return end(condition, 'NO_DATA');
  return { kind: 'change', condition: { ...condition, missingSince, clearingSince: null } };
};

const withValue = (terms: Terms, before: Condition, value: number, now: Date): Step => {
  const condition = { ...before, value };
  if (value >= terms.threshold) {
    return { kind: 'change', condition: fireIfDue(terms, { ...condition, clearingSince: null }, now) };
  }
  if (condition.state === 'PENDING') return { kind: 'drop' };
  if (value > terms.clearThreshold)
    return { kind: 'change', condition: { ...condition, clearingSince: null } };
  const clearingSince = condition.clearingSince ?? now;
  return hasPassed(terms.clearForSeconds, clearingSince, now)
    ? end(condition, 'CLEARED')
    : { kind: 'change', condition: { ...condition, clearingSince } };
};

const fireIfDue = (terms: Terms, condition: Condition, now: Date): Condition =>
  condition.state === 'PENDING' && hasPassed(terms.forSeconds, condition.pendingSince, now)
    ? { ...condition, state: 'FIRING', firingSince: now }
    : condition;

const end = ({ state }: Condition, resolution: Resolution): Step =>
  state === 'PENDING' ? { kind: 'drop' } : { kind: 'resolve', resolution };

const hasPassed = (seconds: number, since: Date, now: Date): boolean =>
  now.getTime() - since.getTime() >= seconds * 1000;

const differs = ({ threshold }: Terms, before: Condition, after: Condition): boolean =>
  before.state !== after.state ||
  before.pendingSince.getTime() !== after.pendingSince.getTime() ||
  before.clearingSince?.getTime() !== after.clearingSince?.getTime() ||
  before.missingSince?.getTime() !== after.missingSince?.getTime() ||
  Math.abs(before.value - after.value) > threshold * NOTABLE_CHANGE;
