import type { Alert, AlertKind, AlertResolution, AlertRule, AlertSeverity } from '../api/schema.js';
import type { Tone } from '../ui/classes.js';
import type { Choice } from '../ui/field.js';

interface KindText {
  name: string;
  /** What the condition is, for whoever makes a rule. */
  hint: string;
  /** Of thresholds; undefined for what holds or does not. */
  unit: string | undefined;
}

export const KINDS: Record<AlertKind, KindText> = {
  AGENT_DOWN: { name: 'Agent down', hint: 'An approved agent is not connected.', unit: undefined },
  DRIFT: {
    name: 'Drift',
    hint: 'A connected agent does not run what is wanted of it.',
    unit: undefined,
  },
  LINK_LOSS: { name: 'Link loss', hint: 'Packets that a link loses, over two minutes.', unit: '%' },
  LINK_RTT: { name: 'Link round trip', hint: 'Mean round trip of a link, over two minutes.', unit: 'ms' },
  NO_ACCELERATION: {
    name: 'Not accelerated',
    hint: 'Connections that the policy accelerates and that found no tunnel, in 5 minutes.',
    unit: 'connections',
  },
  TOKEN_ABUSE: {
    name: 'Token abuse',
    hint: 'Enrolments that were refused because of their token, in 10 minutes.',
    unit: 'refusals',
  },
};

export const SEVERITIES: Record<AlertSeverity, { name: string; tone: Tone }> = {
  CRITICAL: { name: 'Critical', tone: 'bad' },
  WARNING: { name: 'Warning', tone: 'warn' },
  INFO: { name: 'Info', tone: 'accent' },
};

/** The most severe first; of equals, in the order in which they are given. */
export function worstFirst<Item extends Pick<Alert, 'severity'>>(alerts: readonly Item[]): Item[] {
  const order = Object.keys(SEVERITIES);
  return [...alerts].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

export const RESOLUTIONS: Record<AlertResolution, string> = {
  CLEARED: 'it went away',
  NO_DATA: 'nothing was heard of it any more',
  GONE: 'it is gone, or no rule’s any more',
  RULE_ENDED: 'its rule was switched off or deleted',
};

const UNITS: readonly [seconds: number, name: string][] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** A length of time in its largest unit that leaves no rest: "5 min". */
export function wholeDuration(seconds: number): string {
  const [length, name] = UNITS.find(([each]) => seconds > 0 && seconds % each === 0) ?? [1, 's'];
  return `${String(seconds / length)} ${name}`;
}

/** What has to be so, and for how long: "2 % or more for 5 min; over at 1 % for 5 min". */
export function describeTerms(rule: AlertRule): string {
  const { threshold, clearThreshold, forSeconds, clearForSeconds, kind } = rule;
  const { unit } = KINDS[kind];
  const lasting = (seconds: number): string => (seconds === 0 ? 'at once' : `for ${wholeDuration(seconds)}`);
  return unit === undefined
    ? `${lasting(forSeconds)}; over ${clearForSeconds === 0 ? 'at once' : `when away for ${wholeDuration(clearForSeconds)}`}`
    : `${String(threshold)} ${unit} or more ${lasting(forSeconds)}; over at ${String(clearThreshold)} ${unit} ${lasting(clearForSeconds)}`;
}

export const choicesOf = <Value extends string>(
  names: Record<Value, { name: string }>,
): readonly Choice<Value>[] =>
  (Object.entries(names) as [Value, { name: string }][]).map(([value, { name }]) => ({ value, label: name }));
