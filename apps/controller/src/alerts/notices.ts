import type { Transaction } from '../database/prisma.js';
import type { Alert, AlertRule } from '../generated/prisma/client.js';
import { newDelivery, type NewDelivery } from '../notifications/new-delivery.js';
import { ALERT_KINDS } from './alert-kinds.js';

/** Alerts that one notification tells of, at most; of more, webhooks get several and e-mail says how many there are. */
export const MAX_ALERTS = 100;

/** A rule and whom it tells. */
export type NotifyingRule = Pick<
  AlertRule,
  'id' | 'name' | 'kind' | 'severity' | 'threshold' | 'repeatSeconds' | 'silencedUntil' | 'emails'
> & { readonly webhooks: readonly { readonly webhookId: string }[] };

/** From whom notifications come. */
export interface Sender {
  readonly organizationId: string;
  readonly organizationName: string;
  /** Of the portal, without a slash at its end. */
  readonly publicUrl: string;
}

const isUntilAfter = (until: Date | null, now: Date): boolean => until !== null && until > now;

/**
 * Whether somebody is to be told that an alert fires: once, and again as often as the rule says while nobody acknowledged it;
 * not while it or its rule is silenced.
 */
export const isFiringDue = (
  alert: Pick<Alert, 'state' | 'notifiedAt' | 'acknowledgedAt' | 'silencedUntil'>,
  rule: Pick<NotifyingRule, 'repeatSeconds' | 'silencedUntil'>,
  now: Date,
): boolean => {
  if (alert.state !== 'FIRING' || alert.acknowledgedAt !== null) return false;
  if (isUntilAfter(alert.silencedUntil, now) || isUntilAfter(rule.silencedUntil, now)) return false;
  if (alert.notifiedAt === null) return true;
  return (
    rule.repeatSeconds !== null && now.getTime() - alert.notifiedAt.getTime() >= rule.repeatSeconds * 1000
  );
};

/** The end is told whenever the beginning was, also while it is silenced: it closes what the beginning opened elsewhere. */
export const isResolvedDue = (alert: Pick<Alert, 'notifiedAt'>): boolean => alert.notifiedAt !== null;

type NotifiedAlert = Pick<
  Alert,
  | 'id'
  | 'subjectKind'
  | 'subjectId'
  | 'subjectName'
  | 'siteIds'
  | 'value'
  | 'summary'
  | 'firingSince'
  | 'resolvedAt'
  | 'resolution'
>;

const toPayload = (
  event: 'alert.firing' | 'alert.resolved',
  sender: Sender,
  rule: NotifyingRule,
  { alerts, total, now }: { alerts: readonly NotifiedAlert[]; total: number; now: Date },
) => ({
  type: event,
  timestamp: now.toISOString(),
  data: {
    organization: { id: sender.organizationId, name: sender.organizationName },
    rule: {
      id: rule.id,
      name: rule.name,
      kind: rule.kind,
      severity: rule.severity,
      threshold: rule.threshold,
      unit: ALERT_KINDS[rule.kind].unit,
    },
    alerts: alerts.map((alert) => ({
      id: alert.id,
      subject: { kind: alert.subjectKind, id: alert.subjectId, name: alert.subjectName },
      siteIds: alert.siteIds,
      value: alert.value,
      summary: alert.summary,
      firingSince: alert.firingSince?.toISOString() ?? null,
      resolvedAt: alert.resolvedAt?.toISOString() ?? null,
      resolution: alert.resolution,
    })),
    total,
    url: `${sender.publicUrl}/alerts`,
  },
});

/** Parts of at most so many, in their order. */
const partsOf = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, part) =>
    items.slice(part * size, (part + 1) * size),
  );

/** What has to be delivered so that everybody whom the rule names is told of these alerts. */
const deliveriesFor = (
  event: 'alert.firing' | 'alert.resolved',
  sender: Sender,
  rule: NotifyingRule,
  alerts: readonly NotifiedAlert[],
  now: Date,
): NewDelivery[] => {
  const parts = partsOf(alerts, MAX_ALERTS);
  const make = (
    part: readonly NotifiedAlert[],
    target: { readonly webhookId: string | null; readonly email: string | null },
  ): NewDelivery =>
    newDelivery({
      organizationId: sender.organizationId,
      event,
      alertIds: part.map(({ id }) => id),
      payload: toPayload(event, sender, rule, { alerts: part, total: alerts.length, now }),
      now,
      ...target,
    });
  return [
    ...rule.webhooks.flatMap(({ webhookId }) => parts.map((part) => make(part, { webhookId, email: null }))),
    ...rule.emails.flatMap((email) =>
      parts.slice(0, 1).map((part) => make(part, { webhookId: null, email })),
    ),
  ];
};

/** Has everybody whom the rule names told of alerts that fire (again) and of those that ended. */
export const notify = async (
  tx: Transaction,
  sender: Sender,
  rule: NotifyingRule,
  {
    firing,
    resolved,
    now,
  }: { firing: readonly NotifiedAlert[]; resolved: readonly NotifiedAlert[]; now: Date },
): Promise<void> => {
  const data = [
    ...deliveriesFor('alert.firing', sender, rule, firing, now),
    ...deliveriesFor('alert.resolved', sender, rule, resolved, now),
  ];
  if (data.length > 0) await tx.delivery.createMany({ data });
  if (firing.length === 0) return;
  await tx.$executeRaw`
    UPDATE alerts SET notified_at = ${now}
    WHERE organization_id = ${sender.organizationId}::uuid AND id = ANY (${firing.map(({ id }) => id)}::uuid[])`;
};
