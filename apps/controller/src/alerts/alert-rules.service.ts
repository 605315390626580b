import { idSchema } from '@longhaul/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import type { Transaction } from '../database/prisma.js';
import type { AlertRule as RuleRow, Prisma } from '../generated/prisma/client.js';
import { AlertKind, AlertSeverity } from '../generated/prisma/enums.js';
import { ApiError, badInput, notFound, type InputProblem } from '../graphql/errors.js';
import { ascending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { nameSchema, parseInput, requireId } from '../graphql/validation.js';
import { labelSchema } from '../policy/policy-document.js';
import { ALERT_KINDS } from './alert-kinds.js';
import type {
  AlertRule,
  AlertRuleConnection,
  CreateAlertRuleInput,
  UpdateAlertRuleInput,
} from './alert-rule.model.js';
import { DEFAULT_RULES } from './default-rules.js';
import { endRule, ruleInclude } from './evaluation.js';
import { lockRules } from './lock-rules.js';
import { silenceSchema } from './silence.js';

/** Each rule is asked for every few seconds. */
const MAX_RULES = 100;
const MAX_TARGETS = 20;
const DAY_S = 86_400;

const seconds = z.int().min(0).max(DAY_S).nullish();

const settingsSchema = z.object({
  enabled: z.boolean().nullish(),
  severity: z.enum(AlertSeverity).nullish(),
  siteLabel: labelSchema.nullish(),
  siteId: idSchema.nullish(),
  threshold: z.number().positive('must be more than 0').nullish(),
  clearThreshold: z.number().min(0).nullish(),
  forSeconds: seconds,
  clearForSeconds: seconds,
  repeatSeconds: z
    .int()
    .min(60)
    .max(7 * DAY_S)
    .nullish(),
  webhookIds: z.array(idSchema).max(MAX_TARGETS).nullish(),
  emails: z
    .array(z.email('must be an e-mail address').max(254))
    .max(MAX_TARGETS)
    .transform((emails) => [...new Set(emails)])
    .nullish(),
});

const createSchema = settingsSchema.extend({ name: nameSchema, kind: z.enum(AlertKind) });
const updateSchema = settingsSchema.extend({ name: nameSchema.nullish() });

type Given = z.output<typeof updateSchema>;
type RuleSettings = Omit<RuleRow, 'organizationId' | 'id' | 'silencedUntil' | 'createdAt'>;

const BY_NAME = new Keyset('alertRules', [ascending('name', 'text'), ascending('id', 'id')]);

type RulesQuery = PageQuery<Prisma.AlertRuleWhereInput, Prisma.AlertRuleOrderByWithRelationInput>;

@Injectable()
export class AlertRulesService {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  async list(context: RequestContext, page: PageArgs): Promise<AlertRuleConnection> {
    return readCountedPage(BY_NAME, page, {
      where: { organizationId: context.organizationId },
      find: (query: RulesQuery) => context.read((tx) => tx.alertRule.findMany(query)),
      count: (query) => context.read((tx) => tx.alertRule.count(query)),
      toNode: (rule): AlertRule => rule,
    });
  }

  async create(context: RequestContext, input: CreateAlertRuleInput): Promise<AlertRule> {
    const { kind, ...given } = parseInput(createSchema, input);
    const { organizationId, principal } = context;
    const wanted = this.merge(startOf(given.name, kind), given);
    return context.write(async (tx) => {
      await lockRules(tx, organizationId);
      if ((await tx.alertRule.count({ where: { organizationId } })) >= MAX_RULES) {
        throw new ApiError(
          'CONFLICT',
          `There are ${String(MAX_RULES)} rules, as many as may be: delete one first.`,
        );
      }
      await assertReferences(tx, organizationId, wanted, given.webhookIds ?? [], undefined);
      const rule = await tx.alertRule.create({ data: { ...wanted, organizationId } });
      await setWebhooks(tx, rule, given.webhookIds);
      const after = { ...rule, webhookIds: given.webhookIds ?? [] };
      await audit(tx, organizationId, principal, { action: 'alert-rule.create', targetId: rule.id, after });
      return rule;
    });
  }

  async update(context: RequestContext, idGiven: string, input: UpdateAlertRuleInput): Promise<AlertRule> {
    const id = requireId('alert rule', idGiven);
    const given = parseInput(updateSchema, input);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await lockRules(tx, organizationId);
      const where = { organizationId_id: { organizationId, id } };
      const before = await tx.alertRule.findUnique({ where, include: { webhooks: true } });
      if (before === null) throw notFound('alert rule', id);
      const { webhooks, ...row } = before;
      const {
        name,
        kind,
        enabled,
        severity,
        emails,
        siteLabel,
        siteId,
        threshold,
        clearThreshold,
        ...times
      } = row;
      const { forSeconds, clearForSeconds, repeatSeconds } = times;
      const wanted = this.merge(
        {
          name,
          kind,
          enabled,
          severity,
          emails,
          siteLabel,
          siteId,
          threshold,
          clearThreshold,
          forSeconds,
          clearForSeconds,
          repeatSeconds,
        },
        given,
      );
      await assertReferences(tx, organizationId, wanted, given.webhookIds ?? [], id);
      const after = await tx.alertRule.update({ where, data: wanted });
      await setWebhooks(tx, after, given.webhookIds);
      await audit(tx, organizationId, principal, {
        action: 'alert-rule.update',
        targetId: id,
        before: { ...row, webhookIds: webhooks.map(({ webhookId }) => webhookId) },
        after: {
          ...after,
          webhookIds: given.webhookIds === undefined ? undefined : (given.webhookIds ?? []),
        },
      });
      return after;
    });
  }

  /** Its open alerts end, and who was told of them is told that. */
  async delete(context: RequestContext, idGiven: string): Promise<boolean> {
    const id = requireId('alert rule', idGiven);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await lockRules(tx, organizationId);
      const where = { organizationId_id: { organizationId, id } };
      const rule = await tx.alertRule.findUnique({ where, include: ruleInclude });
      if (rule === null) throw notFound('alert rule', id);
      const { name } = await tx.organization.findUniqueOrThrow({ where: { id: organizationId } });
      const open = await tx.alert.findMany({ where: { organizationId, ruleId: id, open: true } });
      const sender = { organizationId, organizationName: name, publicUrl: this.settings.publicUrl };
      await endRule(tx, sender, rule, open, new Date());
      await tx.alertRule.delete({ where });
      await audit(tx, organizationId, principal, { action: 'alert-rule.delete', targetId: id, before: rule });
      return true;
    });
  }

  /** @param until null ends the silence */
  async silence(
    context: RequestContext,
    idGiven: string,
    until: Date | null | undefined,
  ): Promise<AlertRule> {
    const id = requireId('alert rule', idGiven);
    const { until: silencedUntil } = parseInput(silenceSchema, { until });
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await lockRules(tx, organizationId);
      const where = { organizationId_id: { organizationId, id } };
      if ((await tx.alertRule.findUnique({ where })) === null) throw notFound('alert rule', id);
      const after = await tx.alertRule.update({ where, data: { silencedUntil } });
      await audit(tx, organizationId, principal, {
        action: 'alert-rule.silence',
        targetId: id,
        after: { name: after.name, silencedUntil },
      });
      return after;
    });
  }

  /** What a rule shall be. @throws ApiError BAD_INPUT */
  private merge(before: RuleSettings, given: Given): RuleSettings {
    const wanted: RuleSettings = {
      ...before,
      name: given.name ?? before.name,
      enabled: given.enabled ?? before.enabled,
      severity: given.severity ?? before.severity,
      siteLabel: given.siteLabel === undefined ? before.siteLabel : given.siteLabel,
      siteId: given.siteId === undefined ? before.siteId : given.siteId,
      forSeconds: given.forSeconds ?? before.forSeconds,
      clearForSeconds: given.clearForSeconds ?? before.clearForSeconds,
      repeatSeconds: given.repeatSeconds === undefined ? before.repeatSeconds : given.repeatSeconds,
      emails: given.emails === undefined ? before.emails : (given.emails ?? []),
      ...thresholds(before, given),
    };
    const problems = [
      ...problemsOf(wanted, given),
      ...(given.emails != null && given.emails.length > 0 && this.settings.notifications.smtp === undefined
        ? [
            {
              path: 'emails',
              code: 'NO_MAIL_SERVER',
              message:
                'cannot be sent: the controller has no mail server, its operator has to set LONGHAUL_SMTP_URL',
            },
          ]
        : []),
    ];
    if (problems.length > 0) throw badInput(problems);
    return wanted;
  }
}

/** A new rule as the default rule of its kind is. */
const startOf = (name: string, kind: AlertKind): RuleSettings => {
  const start = DEFAULT_RULES.find((rule) => rule.kind === kind);
  if (start === undefined) throw new Error(`there is no default rule of the kind ${kind}`);
  return {
    ...start,
    name,
    enabled: true,
    emails: [],
    siteLabel: null,
    siteId: null,
    repeatSeconds: null,
  };
};

/** A threshold that is given alone takes the lower one with it, in proportion. */
const thresholds = (
  before: Pick<RuleSettings, 'threshold' | 'clearThreshold'>,
  given: Pick<Given, 'threshold' | 'clearThreshold'>,
): Pick<RuleSettings, 'threshold' | 'clearThreshold'> => {
  const threshold = given.threshold ?? before.threshold;
  return {
    threshold,
    clearThreshold: given.clearThreshold ?? (before.clearThreshold / before.threshold) * threshold,
  };
};

const problemsOf = (wanted: RuleSettings, given: Given): InputProblem[] => {
  const { isYesOrNo, maxThreshold, unit } = ALERT_KINDS[wanted.kind];
  const problems: InputProblem[] = [];
  if (isYesOrNo && (given.threshold != null || given.clearThreshold != null)) {
    problems.push({
      path: 'threshold',
      message: `has no meaning for ${wanted.kind}, which holds or does not: leave it and clearThreshold out`,
    });
  } else if (wanted.threshold > maxThreshold) {
    problems.push({
      path: 'threshold',
      code: 'TOO_BIG',
      message: `must be ${String(maxThreshold)} ${unit} or less`,
    });
  } else if (wanted.clearThreshold > wanted.threshold) {
    problems.push({ path: 'clearThreshold', code: 'TOO_BIG', message: 'must not be above the threshold' });
  }
  if (wanted.siteLabel !== null && wanted.siteId !== null) {
    problems.push({
      path: 'siteId',
      message: 'cannot stand beside siteLabel: give one of them, and null for the other',
    });
  }
  return problems;
};

const assertReferences = async (
  tx: Transaction,
  organizationId: string,
  { name, siteId }: RuleSettings,
  webhookIds: readonly string[],
  ownId: string | undefined,
): Promise<void> => {
  const twin = await tx.alertRule.findFirst({ where: { organizationId, name } });
  if (twin !== null && twin.id !== ownId) {
    throw new ApiError('CONFLICT', `There is a rule "${name}" already: choose another name.`);
  }
  if (siteId !== null) {
    const site = await tx.site.findUnique({ where: { organizationId_id: { organizationId, id: siteId } } });
    if (site === null) throw notFound('site', siteId);
  }
  const found = await tx.webhook.findMany({
    where: { organizationId, id: { in: [...webhookIds] } },
    select: { id: true },
  });
  const missing = webhookIds.find((id) => !found.some((webhook) => webhook.id === id));
  if (missing !== undefined) throw notFound('webhook', missing);
};

/** @param webhookIds undefined: they stay */
const setWebhooks = async (
  tx: Transaction,
  { organizationId, id: ruleId }: Pick<RuleRow, 'organizationId' | 'id'>,
  webhookIds: readonly string[] | null | undefined,
): Promise<void> => {
  if (webhookIds === undefined) return;
  await tx.alertRuleWebhook.deleteMany({ where: { organizationId, ruleId } });
  const data = [...new Set(webhookIds)].map((webhookId) => ({ organizationId, ruleId, webhookId }));
  if (data.length > 0) await tx.alertRuleWebhook.createMany({ data });
};
