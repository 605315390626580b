import type { AlertKind, AlertRule, AlertSeverity } from '../api/schema.js';
import type { AlertRuleSettings } from './alerts.documents.js';
import { KINDS } from './kinds.js';

/** A rule while it is being edited: times in minutes, what is not a number as NaN. */
export interface RuleDraft {
  /** Undefined: a new one. */
  id: string | undefined;
  name: string;
  kind: AlertKind;
  severity: AlertSeverity;
  /** Empty: all sites. */
  siteLabel: string;
  siteId: string;
  threshold: number;
  clearThreshold: number;
  forMinutes: number;
  clearForMinutes: number;
  /** NaN: told once. */
  repeatHours: number;
  webhookIds: readonly string[];
  emails: readonly string[];
}

/** As the controller's default rules are. */
const STARTS: Record<
  AlertKind,
  Pick<RuleDraft, 'severity' | 'threshold' | 'clearThreshold' | 'forMinutes' | 'clearForMinutes'>
> = {
  AGENT_DOWN: { severity: 'CRITICAL', threshold: 1, clearThreshold: 0, forMinutes: 2, clearForMinutes: 1 },
  DRIFT: { severity: 'WARNING', threshold: 1, clearThreshold: 0, forMinutes: 5, clearForMinutes: 1 },
  LINK_LOSS: { severity: 'WARNING', threshold: 2, clearThreshold: 1, forMinutes: 5, clearForMinutes: 5 },
  LINK_RTT: { severity: 'INFO', threshold: 500, clearThreshold: 400, forMinutes: 5, clearForMinutes: 5 },
  NO_ACCELERATION: {
    severity: 'WARNING',
    threshold: 10,
    clearThreshold: 0,
    forMinutes: 1,
    clearForMinutes: 1,
  },
  TOKEN_ABUSE: { severity: 'WARNING', threshold: 20, clearThreshold: 5, forMinutes: 0, clearForMinutes: 10 },
};

export const newDraft = (kind: AlertKind = 'LINK_LOSS'): RuleDraft => ({
  id: undefined,
  name: '',
  kind,
  siteLabel: '',
  siteId: '',
  repeatHours: NaN,
  webhookIds: [],
  emails: [],
  ...STARTS[kind],
});

/** Another kind has other thresholds; what was said besides stays. */
export const withKind = (draft: RuleDraft, kind: AlertKind): RuleDraft => ({
  ...draft,
  kind,
  ...STARTS[kind],
});

export const draftOf = (rule: AlertRule): RuleDraft => ({
  id: rule.id,
  name: rule.name,
  kind: rule.kind,
  severity: rule.severity,
  siteLabel: rule.siteLabel ?? '',
  siteId: rule.site?.id ?? '',
  threshold: rule.threshold,
  clearThreshold: rule.clearThreshold,
  forMinutes: rule.forSeconds / 60,
  clearForMinutes: rule.clearForSeconds / 60,
  repeatHours: rule.repeatSeconds === null ? NaN : rule.repeatSeconds / 3600,
  webhookIds: rule.webhooks.map(({ id }) => id),
  emails: rule.emails,
});

export type DraftProblems = Partial<
  Record<
    'name' | 'threshold' | 'clearThreshold' | 'forMinutes' | 'clearForMinutes' | 'repeatHours' | 'emails',
    string
  >
>;

const MAX_MINUTES = 24 * 60;

export const emailProblem = (text: string): string | undefined =>
  /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text) ? undefined : `“${text}” is not an e-mail address`;

/** What keeps a draft from being saved. The controller decides again. */
export function problemsOf(draft: RuleDraft): DraftProblems {
  const { name, kind, threshold, clearThreshold, forMinutes, clearForMinutes, repeatHours, emails } = draft;
  const problems: DraftProblems = {};
  if (name.trim() === '') problems.name = 'Give the rule a name.';
  if (KINDS[kind].unit !== undefined) {
    if (!(threshold > 0)) problems.threshold = 'More than 0.';
    else if (kind === 'LINK_LOSS' && threshold > 100) problems.threshold = 'At most 100 %.';
    if (!(clearThreshold >= 0)) problems.clearThreshold = '0 or more.';
    else if (threshold > 0 && clearThreshold > threshold)
      problems.clearThreshold = 'Not above the value at which it fires.';
  }
  const isTime = (minutes: number): boolean => minutes >= 0 && minutes <= MAX_MINUTES;
  if (!isTime(forMinutes)) problems.forMinutes = '0 to 1440 minutes.';
  if (!isTime(clearForMinutes)) problems.clearForMinutes = '0 to 1440 minutes.';
  if (!Number.isNaN(repeatHours) && !(repeatHours >= 1 / 60 && repeatHours <= 168)) {
    problems.repeatHours = 'A minute to 168 hours, or nothing.';
  }
  const email = emails.map(emailProblem).find((problem) => problem !== undefined);
  if (email !== undefined) problems.emails = email;
  return problems;
}

/** What the API takes. */
export const settingsOf = (draft: RuleDraft): AlertRuleSettings => ({
  severity: draft.severity,
  siteLabel: draft.siteLabel === '' ? null : draft.siteLabel,
  siteId: draft.siteId === '' ? null : draft.siteId,
  ...(KINDS[draft.kind].unit === undefined
    ? {}
    : { threshold: draft.threshold, clearThreshold: draft.clearThreshold }),
  forSeconds: Math.round(draft.forMinutes * 60),
  clearForSeconds: Math.round(draft.clearForMinutes * 60),
  repeatSeconds: Number.isNaN(draft.repeatHours) ? null : Math.round(draft.repeatHours * 3600),
  webhookIds: [...draft.webhookIds],
  emails: [...draft.emails],
});
