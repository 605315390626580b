import { randomUUID } from 'node:crypto';
import { noteChanges } from '../changes/change.js';
import { namesOf, transpose, unnest, type Columns } from '../database/columns.js';
import type { Transaction } from '../database/prisma.js';
import type { Alert, AlertRule } from '../generated/prisma/client.js';
import { ALERT_KINDS } from './alert-kinds.js';
import type { Resolution, Step } from './evaluate.js';
import type { Observation } from './observe.js';

/** A subject of a rule, and what became of it in a pass. */
export interface Outcome {
  readonly rule: AlertRule;
  /** The open alert, if there was one. */
  readonly alert: Alert | undefined;
  /** Undefined: it is gone. */
  readonly observation: Observation | undefined;
  readonly step: Step;
}

/** A fleet's alerts come and go together: each kind of change is one statement, however many there are. */
const CONDITION: Columns<Alert> = [
  ['organization_id', 'uuid', (alert) => alert.organizationId],
  ['id', 'uuid', (alert) => alert.id],
  ['state', 'text', (alert) => alert.state],
  ['value', 'float8', (alert) => alert.value],
  ['summary', 'text', (alert) => alert.summary],
  ['pending_since', 'timestamptz', (alert) => alert.pendingSince],
  ['firing_since', 'timestamptz', (alert) => alert.firingSince],
  ['clearing_since', 'timestamptz', (alert) => alert.clearingSince],
  ['missing_since', 'timestamptz', (alert) => alert.missingSince],
];

const NEW: Columns<Alert> = [
  ...CONDITION,
  ['rule_id', 'uuid', (alert) => alert.ruleId],
  ['rule_name', 'text', (alert) => alert.ruleName],
  ['kind', 'text', (alert) => alert.kind],
  ['severity', 'text', (alert) => alert.severity],
  ['subject_kind', 'text', (alert) => alert.subjectKind],
  ['subject_id', 'uuid', (alert) => alert.subjectId],
  ['subject_name', 'text', (alert) => alert.subjectName],
  // Lists of different lengths cannot stand in one array.
  ['site_ids', 'text', (alert) => `{${alert.siteIds.join(',')}}`],
];

/** Columns that are given as text, and what they are. */
const AS: Readonly<Record<string, string>> = {
  state: 'alert_state',
  kind: 'alert_kind',
  severity: 'alert_severity',
  subject_kind: 'alert_subject_kind',
  site_ids: 'uuid[]',
};

const given = ([name]: Columns<Alert>[number]): string =>
  AS[name] === undefined ? `r.${name}` : `r.${name}::${AS[name]}`;

const INSERT = `INSERT INTO alerts (${namesOf(NEW)}) SELECT ${NEW.map(given).join(', ')} FROM ${unnest(NEW)}`;

const UPDATE = `
  UPDATE alerts a SET ${CONDITION.slice(2)
    .map((column) => `${column[0]} = ${given(column)}`)
    .join(', ')}
  FROM ${unnest(CONDITION)} WHERE a.organization_id = r.organization_id AND a.id = r.id AND a.open`;

const describe = ({ rule, alert, observation }: Outcome, value: number): string =>
  ALERT_KINDS[rule.kind].describe(observation?.subjectName ?? alert?.subjectName ?? '', value);

/**
 * Writes down what became of the subjects, and tells whoever watches.
 *
 * @returns the alerts that fire now, and those that have just ended, as they are stored
 */
export const storeSteps = async (
  tx: Transaction,
  organizationId: string,
  outcomes: readonly Outcome[],
  now: Date,
): Promise<{ firing: Alert[]; resolved: Alert[] }> => {
  const begun = outcomes.flatMap((outcome) => newAlert(organizationId, outcome));
  const changed = outcomes.flatMap((outcome) => {
    const { step, alert } = outcome;
    if (step.kind !== 'change' || alert === undefined) return [];
    const { condition } = step;
    return [{ ...alert, ...condition, summary: describe(outcome, condition.value) }];
  });
  const ended = outcomes.flatMap(({ step, alert }) =>
    step.kind === 'resolve' && alert !== undefined ? [endOf(alert, step.resolution, now)] : [],
  );
  const dropped = outcomes.flatMap(({ step, alert }) =>
    step.kind === 'drop' && alert !== undefined ? [alert.id] : [],
  );
  if (begun.length > 0) await tx.$executeRawUnsafe(INSERT, ...transpose(NEW, begun));
  if (changed.length > 0) await tx.$executeRawUnsafe(UPDATE, ...transpose(CONDITION, changed));
  const resolved = await endAlerts(tx, organizationId, ended);
  if (dropped.length > 0) {
    await tx.$executeRaw`
      DELETE FROM alerts WHERE organization_id = ${organizationId}::uuid AND id = ANY (${dropped}::uuid[])`;
  }
  const touched = [...begun, ...changed, ...resolved].map(({ id }) => id);
  await noteChanges(tx, organizationId, 'alert', [...touched, ...dropped]);
  const unchanged = outcomes.flatMap(({ step, alert }) =>
    step.kind === 'none' && alert !== undefined ? [alert] : [],
  );
  const firing = [...begun, ...changed, ...unchanged].filter(({ state }) => state === 'FIRING');
  return { firing, resolved };
};

const newAlert = (organizationId: string, outcome: Outcome): Alert[] => {
  const { rule, observation, step } = outcome;
  if (step.kind !== 'begin' || observation === undefined) return [];
  const { subjectKind, subjectId, subjectName, siteIds } = observation;
  return [
    {
      organizationId,
      id: randomUUID(),
      ruleId: rule.id,
      ruleName: rule.name,
      kind: rule.kind,
      severity: rule.severity,
      subjectKind,
      subjectId,
      subjectName,
      siteIds: [...siteIds],
      ...step.condition,
      summary: describe(outcome, step.condition.value),
      open: true,
      resolvedAt: null,
      resolution: null,
      notifiedAt: null,
      acknowledgedAt: null,
      acknowledgedBy: null,
      silencedUntil: null,
    },
  ];
};

const endOf = (alert: Alert, resolution: Resolution, now: Date): Alert => ({
  ...alert,
  state: 'RESOLVED',
  open: null,
  resolvedAt: now,
  resolution,
});

/** @returns those that were not over already: a replica of the former release waits for nobody who deletes a rule */
const endAlerts = async (
  tx: Transaction,
  organizationId: string,
  ended: readonly Alert[],
): Promise<Alert[]> => {
  if (ended.length === 0) return [];
  const stored = await tx.$queryRaw<{ id: string }[]>`
    UPDATE alerts a
    SET state = 'RESOLVED', open = NULL, resolved_at = r.at, resolution = r.resolution::alert_resolution, clearing_since = NULL
    FROM unnest(${ended.map(({ id }) => id)}::uuid[], ${ended.map(({ resolvedAt }) => resolvedAt)}::timestamptz[],
                ${ended.map(({ resolution }) => resolution)}::text[]) AS r(id, at, resolution)
    WHERE a.organization_id = ${organizationId}::uuid AND a.id = r.id AND a.open
    RETURNING a.id`;
  const ids = new Set(stored.map(({ id }) => id));
  return ended.filter(({ id }) => ids.has(id));
};
