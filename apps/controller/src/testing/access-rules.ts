import { type TenantWorld, unique } from './tenant-world.js';
import type { Member } from './test-api.js';

/** What somebody has to have: written down here once more, so that a change of the product's own table is noticed. */
export const LOWEST_ROLES = {
  read: 'VIEWER',
  'policy:write': 'OPERATOR',
  'alerts:write': 'OPERATOR',
  'webhooks:write': 'ADMIN',
  'sites:write': 'ADMIN',
  'agents:write': 'ADMIN',
  'tokens:write': 'ADMIN',
  'audit:read': 'ADMIN',
  'users:write': 'OWNER',
} as const;

export type Scope = keyof typeof LOWEST_ROLES;

/** Who may use a field of a root type, and how it is used. */
export interface AccessRule {
  /** The scope of a token, and by {@link LOWEST_ROLES} the role of a person; `public`: also who is not signed in. */
  readonly needs: Scope | 'public';
  /** Whether it is about the caller as a person, so that API tokens are refused. */
  readonly peopleOnly?: boolean;
  /** Whether the caller's session or account is not the same afterwards: each call has a new one. */
  readonly spendsCaller?: boolean;
  /** Arguments with which it succeeds in `world`. `caller` is the person who calls, if one does, `home` where they do. */
  readonly variables?: (
    world: TenantWorld,
    caller: Member | undefined,
    home: TenantWorld,
  ) => Promise<Variables> | Variables;
  /** What becomes of ids of another organization; required where it takes ids. */
  readonly foreignIds?: 'NOT_FOUND' | 'BAD_INPUT' | 'null' | 'nothing';
  /** Of a mutation: the action that its audit event names; null: it changes nothing of the organization. */
  readonly audits?: string;
}

type Variables = Record<string, unknown>;

const read: AccessRule = { needs: 'read' };

const IN_AN_HOUR = new Date(Date.now() + 3_600_000).toISOString();
const HOUR_AGO = new Date(Date.now() - 3_600_000).toISOString();

/** For a change of the policy that finds another document in force. */
const freshRevision = async (world: TenantWorld): Promise<number | null> => {
  await world.savePolicy();
  return world.revision();
};

/** One for every field of Query, Mutation and Subscription; the test fails for one that has none. */
export const ACCESS_RULES: Readonly<Record<string, AccessRule>> = {
  'Query.agents': {
    ...read,
    variables: ({ siteId }) => ({ filter: { siteId } }),
    foreignIds: 'nothing',
  },
  'Query.agentReleases': read,
  'Query.alertRules': read,
  'Query.alerts': {
    ...read,
    variables: ({ siteId }) => ({ filter: { siteId } }),
    foreignIds: 'nothing',
  },
  'Query.apiTokens': { needs: 'tokens:write' },
  'Query.applications': read,
  'Query.auditEvents': {
    needs: 'audit:read',
    variables: ({ ownerAccount }) => ({ filter: { actorId: ownerAccount.id }, first: 10 }),
    foreignIds: 'nothing',
  },
  'Query.deliveries': {
    needs: 'webhooks:write',
    variables: async (world) => ({ filter: { webhookId: await world.webhook() } }),
    foreignIds: 'nothing',
  },
  'Query.enrollmentTokens': {
    ...read,
    variables: ({ siteId }) => ({ filter: { siteId } }),
    foreignIds: 'nothing',
  },
  'Query.fleet': read,
  'Query.flows': {
    ...read,
    variables: ({ siteId }) => ({ filter: { siteId } }),
    foreignIds: 'nothing',
  },
  'Query.linkSeries': {
    ...read,
    variables: ({ linkId, agentId }) => ({ linkId, agentId, minutes: 5 }),
    foreignIds: 'NOT_FOUND',
  },
  'Query.links': {
    ...read,
    variables: ({ siteId }) => ({ filter: { siteId } }),
    foreignIds: 'nothing',
  },
  'Query.organization': read,
  'Query.organizations': read,
  'Query.policy': {
    ...read,
    variables: ({ siteId }) => ({ target: { siteId } }),
    foreignIds: 'nothing',
  },
  'Query.effectivePolicy': { ...read, variables: ({ siteId }) => ({ siteId }), foreignIds: 'NOT_FOUND' },
  'Query.policies': { ...read, variables: () => ({ first: 5 }) },
  'Query.previewPolicy': {
    ...read,
    variables: ({ siteId }) => ({ input: { target: { siteId }, rules: [] } }),
    foreignIds: 'NOT_FOUND',
  },
  'Query.rollout': {
    ...read,
    variables: async (world) => ({ id: await world.rollout('RUNNING') }),
    foreignIds: 'null',
  },
  'Query.rollouts': read,
  'Query.policyRevision': { ...read, variables: () => ({ revision: 1 }) },
  'Query.sessions': {
    ...read,
    peopleOnly: true,
    variables: (world, caller, home) => ({ userId: home === world ? caller?.id : world.ownerAccount.id }),
    foreignIds: 'nothing',
  },
  'Query.signInMethods': { needs: 'public' },
  'Query.site': { ...read, variables: ({ siteId }) => ({ id: siteId }), foreignIds: 'null' },
  'Query.sites': read,
  'Query.telemetry': {
    ...read,
    variables: ({ linkId, agentId }) => ({ from: HOUR_AGO, linkId, agentId }),
    foreignIds: 'NOT_FOUND',
  },
  'Query.worstLinks': { ...read, variables: () => ({ from: HOUR_AGO }) },
  'Query.planUpgrade': {
    ...read,
    variables: async (world) => ({ input: { version: await world.release() } }),
    foreignIds: 'NOT_FOUND',
  },
  'Query.upgrade': {
    ...read,
    variables: async (world) => ({ id: await world.upgrade('RUNNING') }),
    foreignIds: 'null',
  },
  'Query.upgrades': read,
  'Query.users': { needs: 'users:write' },
  'Query.viewer': { needs: 'public' },
  'Query.webhooks': { needs: 'webhooks:write' },

  'Subscription.agentChanged': {
    ...read,
    variables: ({ agentId, siteId }) => ({ id: agentId, siteId }),
    foreignIds: 'nothing',
  },
  'Subscription.alertChanged': read,
  'Subscription.policyPublished': read,
  'Subscription.rolloutChanged': {
    ...read,
    variables: async (world) => ({ id: await world.rollout('RUNNING') }),
    foreignIds: 'nothing',
  },

  'Mutation.abortUpgrade': {
    needs: 'agents:write',
    variables: async (world) => ({ id: await world.upgrade('RUNNING') }),
    foreignIds: 'NOT_FOUND',
    audits: 'agent.upgrade.abort',
  },
  'Mutation.removeAgentRelease': {
    needs: 'agents:write',
    variables: async (world) => ({ version: await world.release() }),
    foreignIds: 'NOT_FOUND',
    audits: 'agent.release.remove',
  },
  'Mutation.resumeUpgrade': {
    needs: 'agents:write',
    variables: async (world) => ({ id: await world.upgrade('HALTED') }),
    foreignIds: 'NOT_FOUND',
    audits: 'agent.upgrade.resume',
  },
  'Mutation.setAgentVersion': {
    needs: 'agents:write',
    variables: async (world) => ({ siteId: world.siteId, version: await world.release() }),
    foreignIds: 'NOT_FOUND',
    audits: 'agent.version.want',
  },
  'Mutation.startUpgrade': {
    needs: 'agents:write',
    variables: async (world) => ({ input: { version: await world.release() } }),
    foreignIds: 'NOT_FOUND',
    audits: 'agent.upgrade.start',
  },
  'Mutation.abortRollout': {
    needs: 'policy:write',
    variables: async (world) => ({ id: await world.rollout('RUNNING') }),
    foreignIds: 'NOT_FOUND',
    audits: 'policy.rollout.abort',
  },
  'Mutation.acknowledgeAlert': {
    needs: 'alerts:write',
    variables: async (world) => ({ id: await world.alert() }),
    foreignIds: 'NOT_FOUND',
    audits: 'alert.acknowledge',
  },
  'Mutation.addMember': {
    needs: 'users:write',
    variables: async (world) => ({ input: { code: await world.joinCode(), role: 'VIEWER' } }),
    audits: 'member.add',
  },
  'Mutation.approveAgent': {
    needs: 'agents:write',
    variables: async (world) => ({ id: await world.pendingAgent() }),
    foreignIds: 'NOT_FOUND',
    audits: 'agent.approve',
  },
  'Mutation.changeMemberRole': {
    needs: 'users:write',
    variables: async (world) => ({ id: (await world.member('VIEWER')).id, role: 'OPERATOR' }),
    foreignIds: 'NOT_FOUND',
    audits: 'member.change-role',
  },
  'Mutation.changePassword': {
    ...read,
    peopleOnly: true,
    spendsCaller: true,
    variables: (_world, caller) => ({ current: caller?.password ?? 'none', next: 'another long password' }),
    audits: 'password.change',
  },
  'Mutation.createAlertRule': {
    needs: 'alerts:write',
    variables: async (world) => ({
      input: {
        name: unique('rule'),
        kind: 'LINK_LOSS',
        siteId: world.siteId,
        webhookIds: [await world.webhook()],
      },
    }),
    foreignIds: 'NOT_FOUND',
    audits: 'alert-rule.create',
  },
  'Mutation.createApiToken': {
    needs: 'tokens:write',
    variables: () => ({ input: { name: unique('pipeline'), scopes: ['tokens:write'] } }),
    audits: 'api-token.create',
  },
  'Mutation.createEnrollmentToken': {
    needs: 'agents:write',
    variables: ({ siteId }) => ({ input: { name: unique('token'), siteId } }),
    foreignIds: 'NOT_FOUND',
    audits: 'enrollment-token.create',
  },
  'Mutation.createJoinCode': { ...read, peopleOnly: true, audits: 'join-code.create' },
  'Mutation.createOrganization': {
    needs: 'users:write',
    peopleOnly: true,
    variables: () => ({ input: { name: unique('customer') } }),
    audits: 'organization.create',
  },
  'Mutation.createSite': {
    needs: 'sites:write',
    variables: ({ siteId }) => ({ input: { name: unique('site'), hubSiteIds: [siteId] } }),
    foreignIds: 'BAD_INPUT',
    audits: 'site.create',
  },
  'Mutation.createUser': {
    needs: 'users:write',
    variables: () => ({
      input: {
        email: `${unique('p').replace(' ', '-')}@example.com`,
        password: 'a long password',
        role: 'VIEWER',
      },
    }),
    audits: 'user.create',
  },
  'Mutation.createWebhook': {
    needs: 'webhooks:write',
    variables: () => ({ input: { name: unique('webhook'), url: 'https://example.com/hook' } }),
    audits: 'webhook.create',
  },
  'Mutation.deleteAlertRule': {
    needs: 'alerts:write',
    variables: async (world) => ({ id: await world.alertRule() }),
    foreignIds: 'NOT_FOUND',
    audits: 'alert-rule.delete',
  },
  'Mutation.deleteWebhook': {
    needs: 'webhooks:write',
    variables: async (world) => ({ id: await world.webhook() }),
    foreignIds: 'NOT_FOUND',
    audits: 'webhook.delete',
  },
  'Mutation.deleteSite': {
    needs: 'sites:write',
    variables: async (world) => ({ id: await world.site() }),
    foreignIds: 'NOT_FOUND',
    audits: 'site.delete',
  },
  'Mutation.endSession': {
    ...read,
    peopleOnly: true,
    variables: async (world, caller, home) => ({
      id: await world.sessionOf(home === world && caller !== undefined ? caller : world.ownerAccount),
    }),
    foreignIds: 'NOT_FOUND',
    audits: 'session.end',
  },
  'Mutation.redeliver': {
    needs: 'webhooks:write',
    variables: async (world) => ({ id: await world.delivery() }),
    foreignIds: 'NOT_FOUND',
    audits: 'delivery.redeliver',
  },
  'Mutation.removeMember': {
    needs: 'users:write',
    variables: async (world) => ({ id: (await world.member('VIEWER')).id }),
    foreignIds: 'NOT_FOUND',
    audits: 'member.remove',
  },
  'Mutation.resumeRollout': {
    needs: 'policy:write',
    variables: async (world) => ({ id: await world.rollout('HALTED') }),
    foreignIds: 'NOT_FOUND',
    audits: 'policy.rollout.resume',
  },
  'Mutation.revokeAgent': {
    needs: 'agents:write',
    variables: async (world) => ({ id: await world.pendingAgent() }),
    foreignIds: 'NOT_FOUND',
    audits: 'agent.revoke',
  },
  'Mutation.revokeApiToken': {
    needs: 'tokens:write',
    variables: async (world) => ({ id: (await world.apiToken(['read'])).id }),
    foreignIds: 'NOT_FOUND',
    audits: 'api-token.revoke',
  },
  'Mutation.revokeEnrollmentToken': {
    needs: 'agents:write',
    variables: async (world) => ({ id: await world.enrollmentToken() }),
    foreignIds: 'NOT_FOUND',
    audits: 'enrollment-token.revoke',
  },
  'Mutation.rollbackPolicy': {
    needs: 'policy:write',
    variables: async (_world, _caller, home) => ({
      input: { expectedRevision: await freshRevision(home), revision: 1, message: 'back' },
    }),
    audits: 'policy.save',
  },
  'Mutation.rotateWebhookSecret': {
    needs: 'webhooks:write',
    variables: async (world) => ({ id: await world.webhook() }),
    foreignIds: 'NOT_FOUND',
    audits: 'webhook.rotate-secret',
  },
  'Mutation.silenceAlert': {
    needs: 'alerts:write',
    variables: async (world) => ({ id: await world.alert(), until: IN_AN_HOUR }),
    foreignIds: 'NOT_FOUND',
    audits: 'alert.silence',
  },
  'Mutation.silenceAlertRule': {
    needs: 'alerts:write',
    variables: async (world) => ({ id: await world.alertRule(), until: IN_AN_HOUR }),
    foreignIds: 'NOT_FOUND',
    audits: 'alert-rule.silence',
  },
  'Mutation.savePolicy': {
    needs: 'policy:write',
    variables: async (world, _caller, home) => ({
      input: {
        expectedRevision: await freshRevision(home),
        message: 'again',
        rules: [{ name: 'all', priority: 1, action: 'ACCELERATE', source: { siteIds: [world.siteId] } }],
      },
    }),
    foreignIds: 'BAD_INPUT',
    audits: 'policy.save',
  },
  'Mutation.signIn': {
    needs: 'public',
    variables: ({ ownerAccount: { email, password } }) => ({ email, password }),
    audits: 'session.open',
  },
  'Mutation.signOut': { needs: 'public', spendsCaller: true, audits: 'session.close' },
  'Mutation.switchOrganization': {
    ...read,
    peopleOnly: true,
    spendsCaller: true,
    variables: async (world, caller, home) => ({
      id: home === world ? await world.otherOrganization(caller) : world.organizationId,
    }),
    foreignIds: 'NOT_FOUND',
    audits: 'session.leave',
  },
  'Mutation.testWebhook': {
    needs: 'webhooks:write',
    variables: async (world) => ({ id: await world.webhook() }),
    foreignIds: 'NOT_FOUND',
    audits: 'webhook.test',
  },
  'Mutation.updateAlertRule': {
    needs: 'alerts:write',
    variables: async (world) => ({
      id: await world.alertRule(),
      input: { siteId: world.siteId, webhookIds: [await world.webhook()] },
    }),
    foreignIds: 'NOT_FOUND',
    audits: 'alert-rule.update',
  },
  'Mutation.updateLink': {
    needs: 'sites:write',
    variables: ({ linkId }) => ({ id: linkId, input: { maxUdpPayload: 1400 } }),
    foreignIds: 'NOT_FOUND',
    audits: 'link.update',
  },
  'Mutation.updateOrganization': {
    needs: 'users:write',
    variables: () => ({ input: { name: unique('organization') } }),
    audits: 'organization.update',
  },
  'Mutation.updateSite': {
    needs: 'sites:write',
    variables: ({ siteId }) => ({ id: siteId, input: { name: unique('site') } }),
    foreignIds: 'NOT_FOUND',
    audits: 'site.update',
  },
  'Mutation.updateWebhook': {
    needs: 'webhooks:write',
    variables: async (world) => ({ id: await world.webhook(), input: { enabled: false } }),
    foreignIds: 'NOT_FOUND',
    audits: 'webhook.update',
  },
};

type TypeRule = Scope | 'public';

/** What is listed page by page: a page and an edge show no more than the thing itself. */
const LISTED = {
  Agent: 'read',
  AgentApplication: 'read',
  AgentRelease: 'read',
  Alert: 'read',
  AlertRule: 'read',
  ApiToken: 'tokens:write',
  AuditEvent: 'audit:read',
  Delivery: 'webhooks:write',
  EnrollmentToken: 'read',
  Flow: 'read',
  Link: 'read',
  OwnMembership: 'read',
  Policy: 'read',
  PolicyRevision: 'read',
  Rollout: 'read',
  Session: 'read',
  Site: 'read',
  Upgrade: 'read',
  User: 'users:write',
  Webhook: 'webhooks:write',
} as const satisfies Record<string, TypeRule>;

const ofPages = Object.fromEntries(
  Object.entries(LISTED).flatMap(([name, rule]): [string, TypeRule][] => [
    [`${name}Connection`, rule],
    [`${name}Edge`, rule],
  ]),
);

/** What somebody has to have to be shown a thing, wherever it stands in an answer; the test fails for a type without. */
export const TYPE_RULES: Readonly<Record<string, TypeRule>> = {
  ...LISTED,
  ...ofPages,
  AgentChange: 'read',
  AgentUpgrade: 'read',
  AgentVersionCount: 'read',
  PlannedStage: 'read',
  UpgradePlan: 'read',
  UpgradeProgress: 'read',
  UpgradeStage: 'read',
  EffectivePolicy: 'read',
  EffectiveRule: 'read',
  FlowChange: 'read',
  FlowHandling: 'read',
  PolicyForward: 'read',
  PolicyPreviewResult: 'read',
  PolicyTest: 'read',
  PolicyTestOutcome: 'read',
  RolloutProgress: 'read',
  RolloutStage: 'read',
  RuleChange: 'read',
  Application: 'read',
  CreatedApiToken: 'tokens:write',
  CreatedEnrollmentToken: 'agents:write',
  DeliveryAttempt: 'webhooks:write',
  NotifiedWebhook: 'read',
  WebhookWithSecret: 'webhooks:write',
  FleetSummary: 'read',
  ClassWeights: 'read',
  JoinCode: 'read',
  LinkEnd: 'read',
  LinkPoint: 'read',
  Organization: 'public',
  OidcMethod: 'public',
  PageInfo: 'read',
  PolicyDocument: 'read',
  PolicyRule: 'read',
  PortRange: 'read',
  Selector: 'read',
  RankedLink: 'read',
  TelemetryPoint: 'read',
  TelemetrySeries: 'read',
  TelemetryTotal: 'read',
  SignInMethods: 'public',
  Viewer: 'public',
};
