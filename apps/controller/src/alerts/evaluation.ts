import type { OnlineAgents } from '../agents/online.js';
import type { Transaction } from '../database/prisma.js';
import type { Alert } from '../generated/prisma/client.js';
import { indexBy } from '../graphql/loader.js';
import { evaluate, type Clock } from './evaluate.js';
import { lockRules } from './lock-rules.js';
import { isFiringDue, isResolvedDue, notify, type Sender } from './notices.js';
import { OBSERVE } from './observe.js';
import { storeSteps, type Outcome } from './store-steps.js';

/** A rule with those whom it tells: webhooks that are switched off get nothing. */
export const ruleInclude = { webhooks: { where: { webhook: { enabled: true } } } } as const;

const loadRules = (tx: Transaction, organizationId: string) =>
  tx.alertRule.findMany({ where: { organizationId, enabled: true }, include: ruleInclude });

export type EvaluatedRule = Awaited<ReturnType<typeof loadRules>>[number];

export interface EvaluationOptions {
  /** No pass begins sooner than so long after the one before, in milliseconds, whichever replica made that. */
  readonly intervalMs: number;
  /** Undefined while nobody can say who is connected. */
  readonly presence: OnlineAgents | undefined;
  /** Of the portal, without a slash at its end. */
  readonly publicUrl: string;
  /** The database's, unless given. */
  readonly now?: Date;
}

/**
 * One pass over the rules of an organization, in the caller's transaction: what it saw, what follows from it and who is to be
 * told are written down together or not at all. Of replicas that try at once one does it and the others pass by.
 *
 * @returns whether it did
 */
export const evaluateOrganization = async (
  tx: Transaction,
  organizationId: string,
  options: EvaluationOptions,
): Promise<boolean> => {
  const clock = await claimPass(tx, organizationId, options);
  if (clock === undefined) return false;
  await lockRules(tx, organizationId);
  const rules = await loadRules(tx, organizationId);
  const open = await tx.alert.findMany({ where: { organizationId, open: true } });
  if (rules.length === 0 && open.length === 0) return true;
  const { name } = await tx.organization.findUniqueOrThrow({ where: { id: organizationId } });
  const sender = { organizationId, organizationName: name, publicUrl: options.publicUrl };
  for (const rule of rules) {
    const own = open.filter(({ ruleId }) => ruleId === rule.id);
    const outcomes = await outcomesOf(tx, rule, own, clock, options.presence);
    await carryOut(tx, sender, rule, outcomes, clock.now);
  }
  await endOrphans(tx, sender, open, rules, clock.now);
  return true;
};

/** @returns undefined when it is too soon, or another replica is at it */
const claimPass = async (
  tx: Transaction,
  organizationId: string,
  { intervalMs, now }: EvaluationOptions,
): Promise<Clock | undefined> => {
  const [claimed] = await tx.$queryRaw<Clock[]>`
    WITH claimed AS (
      SELECT organization_id, evaluated_at, coalesce(${now ?? null}::timestamptz, now()) AS now
      FROM alert_evaluations
      WHERE organization_id = ${organizationId}::uuid
        AND (evaluated_at IS NULL
             OR evaluated_at <= coalesce(${now ?? null}::timestamptz, now()) - make_interval(secs => ${intervalMs / 1000}::float8))
      FOR UPDATE SKIP LOCKED
    )
    UPDATE alert_evaluations e SET evaluated_at = c.now FROM claimed c
    WHERE e.organization_id = c.organization_id
    RETURNING e.evaluated_at AS now, c.evaluated_at AS "previousPass"`;
  return claimed;
};

const outcomesOf = async (
  tx: Transaction,
  rule: EvaluatedRule,
  open: readonly Alert[],
  clock: Clock,
  presence: OnlineAgents | undefined,
): Promise<Outcome[]> => {
  const { organizationId, siteId, siteLabel, threshold } = rule;
  const observations = await OBSERVE[rule.kind](tx, {
    organizationId,
    siteId,
    siteLabel,
    threshold,
    openIds: open.map(({ subjectId }) => subjectId),
    now: clock.now,
    presence,
  });
  const seen = indexBy(observations, ({ subjectId }) => subjectId);
  const alerts = indexBy(open, ({ subjectId }) => subjectId);
  return [...new Set([...seen.keys(), ...alerts.keys()])].map((subjectId) => {
    const alert = alerts.get(subjectId);
    const observation = seen.get(subjectId);
    // An open alert is pending or fires.
    const condition =
      alert === undefined ? undefined : { ...alert, state: alert.state as 'PENDING' | 'FIRING' };
    return { rule, alert, observation, step: evaluate(rule, condition, observation, clock) };
  });
};

/** Stores what became of a rule's subjects, and has its targets told. */
export const carryOut = async (
  tx: Transaction,
  sender: Sender,
  rule: EvaluatedRule,
  outcomes: readonly Outcome[],
  now: Date,
): Promise<void> => {
  const { firing, resolved } = await storeSteps(tx, sender.organizationId, outcomes, now);
  await notify(tx, sender, rule, {
    firing: firing.filter((alert) => isFiringDue(alert, rule, now)),
    resolved: resolved.filter(isResolvedDue),
    now,
  });
};

/** Ends the alerts of one rule because it does not watch any more. */
export const endRule = async (
  tx: Transaction,
  sender: Sender,
  rule: EvaluatedRule,
  open: readonly Alert[],
  now: Date,
): Promise<void> => {
  const outcomes = open.map((alert): Outcome => ({
    rule,
    alert,
    observation: undefined,
    step: alert.state === 'FIRING' ? { kind: 'resolve', resolution: 'RULE_ENDED' } : { kind: 'drop' },
  }));
  await carryOut(tx, sender, rule, outcomes, now);
};

/** Open alerts whose rule was switched off, or went with its site. */
const endOrphans = async (
  tx: Transaction,
  sender: Sender,
  open: readonly Alert[],
  enabled: readonly EvaluatedRule[],
  now: Date,
): Promise<void> => {
  const { organizationId } = sender;
  const watched = new Set(enabled.map(({ id }) => id));
  const orphans = open.filter(({ ruleId }) => !watched.has(ruleId));
  for (const ruleId of new Set(orphans.map((alert) => alert.ruleId))) {
    const own = orphans.filter((alert) => alert.ruleId === ruleId);
    const rule = await tx.alertRule.findUnique({
      where: { organizationId_id: { organizationId, id: ruleId } },
      include: ruleInclude,
    });
    await endRule(tx, sender, rule ?? lostRule(own), own, now);
  }
};

/** Of a rule that is gone: nobody is left to tell. */
const lostRule = (alerts: readonly Alert[]): EvaluatedRule => {
  const [alert] = alerts;
  if (alert === undefined) throw new Error('there is no alert of the rule');
  const { organizationId, ruleId, ruleName, kind, severity, pendingSince } = alert;
  return {
    organizationId,
    id: ruleId,
    name: ruleName,
    kind,
    severity,
    enabled: false,
    siteLabel: null,
    siteId: null,
    threshold: 1,
    clearThreshold: 0,
    forSeconds: 0,
    clearForSeconds: 0,
    repeatSeconds: null,
    emails: [],
    silencedUntil: null,
    createdAt: pendingSince,
    webhooks: [],
  };
};
