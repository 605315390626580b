import { randomBytes } from 'node:crypto';
import type { Role } from '../generated/prisma/enums.js';
import type { Client, Member, TestApi } from './test-api.js';

/** An organization in which there is one of everything, and more where a test uses things up. */
export class TenantWorld {
  private constructor(
    readonly api: TestApi,
    readonly organizationId: string,
    readonly owner: Client,
    readonly ownerAccount: Member,
    readonly siteId: string,
    readonly agentId: string,
    readonly linkId: string,
  ) {}

  static async create(api: TestApi): Promise<TenantWorld> {
    const organizationId = await api.createOrganization();
    await api.makeProvider(organizationId);
    const ownerAccount = await api.createMember(organizationId, 'OWNER');
    const owner = await api.openSession(ownerAccount);
    const [near = '', far = ''] = await Promise.all(
      ['10.1.0.0/16', '10.2.0.0/16'].map((prefix) => createSite(owner, [prefix])),
    );
    const agentId = await api.enrollAgent(organizationId, near);
    await api.enrollAgent(organizationId, far);
    const { data } = await owner('{ links { nodes { id } } }');
    const linkId = data.links.nodes[0].id as string;
    const world = new TenantWorld(api, organizationId, owner, ownerAccount, near, agentId, linkId);
    await world.enrollmentToken();
    await world.apiToken(['read']);
    await world.savePolicy();
    await world.delivery();
    return world;
  }

  /** A site that nothing needs. */
  site(): Promise<string> {
    return createSite(this.owner, []);
  }

  pendingAgent(): Promise<string> {
    return this.api.enrollAgent(this.organizationId, this.siteId, { state: 'PENDING' });
  }

  async enrollmentToken(): Promise<string> {
    const { data } = await this.owner(
      'mutation ($input: EnrollmentTokenInput!) { createEnrollmentToken(input: $input) { enrollmentToken { id } } }',
      { input: { name: unique('token'), siteId: this.siteId } },
    );
    return data.createEnrollmentToken.enrollmentToken.id as string;
  }

  async apiToken(scopes: readonly string[], maker = this.owner): Promise<{ id: string; client: Client }> {
    const { data } = await maker(
      'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { token apiToken { id } } }',
      { input: { name: unique('pipeline'), scopes } },
    );
    const { token, apiToken } = data.createApiToken;
    return { id: apiToken.id as string, client: this.api.withToken(token as string) };
  }

  async webhook(): Promise<string> {
    const { data } = await this.owner(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
      { input: { name: unique('webhook'), url: 'https://example.com/hook' } },
    );
    await this.keepNewest();
    return data.createWebhook.webhook.id as string;
  }

  async alertRule(): Promise<string> {
    const { data } = await this.owner(
      'mutation ($input: CreateAlertRuleInput!) { createAlertRule(input: $input) { id } }',
      { input: { name: unique('rule'), kind: 'AGENT_DOWN' } },
    );
    await this.keepNewest();
    return data.createAlertRule.id as string;
  }

  /** An organization may have so many, and walks ask for more. */
  private async keepNewest(): Promise<void> {
    const newest = { orderBy: { createdAt: 'desc' }, take: 20, select: { id: true } } as const;
    await this.api.database.tenants.transaction(this.organizationId, async (tx) => {
      const webhooks = await tx.webhook.findMany(newest);
      await tx.webhook.deleteMany({ where: { id: { notIn: webhooks.map(({ id }) => id) } } });
      const rules = await tx.alertRule.findMany(newest);
      await tx.alertRule.deleteMany({ where: { id: { notIn: rules.map(({ id }) => id) } } });
    });
  }

  /** One that fires, as the evaluation would make it. */
  async alert(): Promise<string> {
    const { organizationId, siteId, agentId } = this;
    const ruleId = await this.alertRule();
    const { id } = await this.api.database.worker.prisma.alert.create({
      data: {
        organizationId,
        ruleId,
        ruleName: 'rule',
        kind: 'AGENT_DOWN',
        severity: 'CRITICAL',
        state: 'FIRING',
        subjectKind: 'AGENT',
        subjectId: agentId,
        subjectName: 'edge',
        siteIds: [siteId],
        value: 1,
        summary: 'edge is not connected to the controller.',
        pendingSince: new Date(),
        firingSince: new Date(),
      },
    });
    return id;
  }

  /** A notification that was given up after one attempt. */
  async delivery(): Promise<string> {
    const { organizationId } = this;
    const webhookId = await this.webhook();
    const { id } = await this.api.database.worker.prisma.delivery.create({
      data: {
        organizationId,
        event: 'alert.firing',
        alertIds: [await this.alert()],
        webhookId,
        payload: {},
        state: 'FAILED',
        attempts: 1,
        dueAt: null,
        expiresAt: new Date(),
        log: { create: { number: 1, at: new Date(), durationMs: 5, status: 500, error: 'answered 500' } },
      },
    });
    return id;
  }

  member(role: Role): Promise<Member> {
    return this.api.createMember(this.organizationId, role);
  }

  /** Join code of somebody who has an account and is no member here. */
  async joinCode(): Promise<string> {
    const outsider = await this.api.signIn(await this.api.createOrganization(), 'VIEWER');
    return (await outsider('mutation { createJoinCode { code } }')).data.createJoinCode.code as string;
  }

  /** An organization in which the person, if one is given, is a member too. */
  async otherOrganization(person: Member | undefined): Promise<string> {
    const organizationId = await this.api.createOrganization();
    if (person !== undefined) await this.api.addMembership(organizationId, this.organizationId, person.id);
    return organizationId;
  }

  /** The id of a fresh session of somebody. */
  async sessionOf(person: Member): Promise<string> {
    const client = await this.api.openSession(person);
    return (await client('{ sessions { nodes { id } } }')).data.sessions.nodes[0].id as string;
  }

  /** The revision in force, for `expectedRevision`. */
  async revision(): Promise<number | null> {
    return (await this.owner('{ policy { revision } }')).data.policy.revision as number | null;
  }

  /** A rollout of the first revision, the only one that is under way. */
  async rollout(state: 'RUNNING' | 'HALTED'): Promise<string> {
    const { organizationId } = this;
    await this.endRollouts();
    return this.api.database.tenants.transaction(organizationId, async (tx) => {
      const { id: policyId } = await tx.policy.findFirstOrThrow({ where: { organizationId } });
      const stages = [{ percent: 50 }, { percent: 100 }];
      const times = { soakSeconds: 60, confirmSeconds: 60, maxFailures: 0 };
      const { id } = await tx.rollout.create({
        data: { organizationId, policyId, revision: 1, author: 'test', state, stages, ...times },
      });
      return id;
    });
  }

  /** Nothing is saved while a rollout is under way. */
  async endRollouts(): Promise<void> {
    const { organizationId } = this;
    await this.api.database.tenants.transaction(organizationId, (tx) =>
      tx.rollout.updateMany({ where: { organizationId }, data: { state: 'ABORTED' } }),
    );
  }

  /** A release that no agent is to run, and no upgrade is under way. */
  async release(): Promise<string> {
    const { organizationId } = this;
    const version = unique('v').replace(' ', '-');
    await this.api.database.tenants.transaction(organizationId, async (tx) => {
      await tx.upgrade.updateMany({ where: { organizationId }, data: { state: 'ABORTED' } });
      await tx.agentRelease.create({
        data: { organizationId, version, sha256: '0'.repeat(64), bytes: 1, author: 'test' },
      });
    });
    return version;
  }

  /** An upgrade, the only one that is under way. */
  async upgrade(state: 'RUNNING' | 'HALTED'): Promise<string> {
    const { organizationId } = this;
    const version = await this.release();
    return this.api.database.tenants.transaction(organizationId, async (tx) => {
      const times = { soakSeconds: 60, confirmSeconds: 60, maxFailures: 0 };
      const stages = [{ percent: 50 }, { percent: 100 }];
      const { id } = await tx.upgrade.create({
        data: { organizationId, version, author: 'test', state, stages, ...times },
      });
      return id;
    });
  }

  /** A revision with a rule of its own. */
  async savePolicy(): Promise<void> {
    await this.endRollouts();
    await this.owner(
      `mutation ($id: ID!, $expectedRevision: Int) { savePolicy(input: { message: "all", expectedRevision: $expectedRevision, rules: [
        { name: "all", priority: 1, action: ACCELERATE, source: { siteIds: [$id] } }] }) { revision } }`,
      { id: this.siteId, expectedRevision: await this.revision() },
    );
  }
}

/** A name that nothing else has. */
export const unique = (what: string): string => `${what} ${randomBytes(6).toString('hex')}`;

const createSite = async (client: Client, lanPrefixes: string[]): Promise<string> =>
  (
    await client('mutation ($input: SiteInput!) { createSite(input: $input) { id } }', {
      input: { name: unique('site'), lanPrefixes },
    })
  ).data.createSite.id as string;
