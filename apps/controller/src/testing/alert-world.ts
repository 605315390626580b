import { randomBytes } from 'node:crypto';
import type { OnlineAgents } from '../agents/online.js';
import { evaluateOrganization } from '../alerts/evaluation.js';
import type { Alert, Prisma } from '../generated/prisma/client.js';
import type { Fixtures } from './fixtures.js';
import type { TestDatabase } from './test-database.js';

const ORIGIN_MS = Date.now();

/** A time of the spec's own clock, in seconds after its beginning. */
export const at = (seconds: number): Date => new Date(ORIGIN_MS + seconds * 1000);

/** An organization whose rules are evaluated when the spec says so, and at the time that it says. */
export class AlertWorld {
  private constructor(
    readonly database: TestDatabase,
    readonly fixtures: Fixtures,
    readonly organizationId: string,
    private readonly presence: OnlineAgents | undefined,
  ) {}

  static async create(
    database: TestDatabase,
    fixtures: Fixtures,
    presence: OnlineAgents | undefined,
  ): Promise<AlertWorld> {
    const organizationId = await fixtures.organization();
    await fixtures.query('INSERT INTO alert_evaluations (organization_id) VALUES ($1)', [organizationId]);
    return new AlertWorld(database, fixtures, organizationId, presence);
  }

  /** The same organization, seen by a replica to which others are connected. */
  seenBy(presence: OnlineAgents | undefined): AlertWorld {
    return new AlertWorld(this.database, this.fixtures, this.organizationId, presence);
  }

  /** @returns whether this pass was made, and not another's */
  pass(now: Date, intervalMs = 0): Promise<boolean> {
    const { presence } = this;
    const publicUrl = 'https://controller.example';
    return this.database.worker.transaction((tx) =>
      evaluateOrganization(tx, this.organizationId, { intervalMs, presence, publicUrl, now }),
    );
  }

  /** A rule that fires and clears at once unless told otherwise. */
  async rule(
    kind: Prisma.AlertRuleUncheckedCreateInput['kind'],
    given: Partial<Prisma.AlertRuleUncheckedCreateInput> = {},
  ): Promise<string> {
    const { organizationId } = this;
    const { id } = await this.database.worker.prisma.alertRule.create({
      data: {
        organizationId,
        name: `rule ${randomBytes(4).toString('hex')}`,
        kind,
        severity: 'WARNING',
        threshold: 1,
        clearThreshold: 0,
        forSeconds: 0,
        clearForSeconds: 0,
        emails: [],
        ...given,
      },
    });
    return id;
  }

  /** A webhook that the rule tells. */
  async webhook(ruleId: string): Promise<string> {
    const [row] = await this.fixtures.query<{ id: string }>(
      `WITH hook AS (
         INSERT INTO webhooks (organization_id, name, url, secret_sealed)
         VALUES ($1, $2, 'https://example.com/hook', '') RETURNING id
       )
       INSERT INTO alert_rule_webhooks (organization_id, rule_id, webhook_id) SELECT $1, $3, id FROM hook
       RETURNING webhook_id AS id`,
      [this.organizationId, `hook ${randomBytes(4).toString('hex')}`, ruleId],
    );
    if (row === undefined) throw new Error('there is no such rule');
    return row.id;
  }

  async setRule(id: string, data: Prisma.AlertRuleUncheckedUpdateInput): Promise<void> {
    const { organizationId } = this;
    await this.database.tenants.transaction(organizationId, (tx) =>
      tx.alertRule.update({ where: { organizationId_id: { organizationId, id } }, data }),
    );
  }

  /** The newest first. */
  alerts(where: Prisma.AlertWhereInput = {}): Promise<Alert[]> {
    const { organizationId } = this;
    return this.database.worker.prisma.alert.findMany({
      where: { organizationId, ...where },
      orderBy: [{ pendingSince: 'desc' }, { subjectName: 'asc' }],
    });
  }

  /** Events and the alerts that they tell of, in their order. */
  async told(): Promise<{ event: string; alertIds: string[]; target: string }[]> {
    const { organizationId } = this;
    const deliveries = await this.database.worker.prisma.delivery.findMany({
      where: { organizationId },
      orderBy: [{ createdAt: 'asc' }, { event: 'asc' }, { email: 'asc' }],
    });
    return deliveries.map(({ event, alertIds, webhookId, email }) => ({
      event,
      alertIds,
      target: webhookId ?? email ?? '',
    }));
  }
}
