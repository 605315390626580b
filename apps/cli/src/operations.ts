import { z } from 'zod';
import type { ListOperation, Operation, Page } from './api-client.js';

/** Everything that the command line asks of the API, and the form of the answers. */

const operation = <T>(document: string, result: z.ZodType<T>): Operation<T> => ({ document, result });

const pageOf = <T>(item: z.ZodType<T>) =>
  z.object({
    nodes: z.array(item),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
  });

/** A list of the API's root. @param filter its input type */
const list = <Name extends string, T>(
  name: Name,
  filter: string,
  fields: string,
  item: z.ZodType<T>,
): ListOperation<T> => ({
  document: `query ($filter: ${filter}, $first: Int, $after: String) {
    ${name}(filter: $filter, first: $first, after: $after) { nodes { ${fields} } pageInfo { hasNextPage endCursor } }
  }`,
  result: z.object({ [name]: pageOf(item) }).transform((data) => data[name] as Page<T>),
});

/** A list of the API's root that has no filter. */
const unfilteredList = <Name extends string, T>(
  name: Name,
  fields: string,
  item: z.ZodType<T>,
): ListOperation<T> => ({
  document: `query ($first: Int, $after: String) {
    ${name}(first: $first, after: $after) { nodes { ${fields} } pageInfo { hasNextPage endCursor } }
  }`,
  result: z.object({ [name]: pageOf(item) }).transform((data) => data[name] as Page<T>),
});

/** A list of the organization's policy. */
const listOfPolicy = <Name extends string, T>(
  name: Name,
  fields: string,
  item: z.ZodType<T>,
): ListOperation<T> => ({
  document: `query ($first: Int, $after: String) {
    policy { ${name}(first: $first, after: $after) { nodes { ${fields} } pageInfo { hasNextPage endCursor } } }
  }`,
  result: z
    .object({ policy: z.object({ [name]: pageOf(item) }) })
    .transform(({ policy }) => policy[name] as Page<T>),
});

const siteSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  location: z.string().nullable(),
  labels: z.array(z.string()),
  lanPrefixes: z.array(z.string()),
  bandwidthUpMbps: z.number().nullable(),
  bandwidthDownMbps: z.number().nullable(),
});
export type Site = z.infer<typeof siteSchema>;
const SITE = 'id name state location labels lanPrefixes bandwidthUpMbps bandwidthDownMbps';

const agentSchema = z.object({
  id: z.string(),
  hostname: z.string(),
  site: z.object({ id: z.string(), name: z.string() }),
  state: z.enum(['PENDING', 'APPROVED', 'REVOKED']),
  version: z.string().nullable(),
  online: z.boolean(),
  desiredRevision: z.number().nullable(),
  appliedRevision: z.number().nullable(),
  outcome: z.enum(['APPLIED', 'REJECTED', 'REVERTED']).nullable(),
  error: z.string().nullable(),
});
export type Agent = z.infer<typeof agentSchema>;
const AGENT =
  'id hostname site { id name } state version online desiredRevision appliedRevision outcome error';

const tokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  site: z.object({ name: z.string() }),
  uses: z.number(),
  maxUses: z.number(),
  needsApproval: z.boolean(),
  expiresAt: z.string(),
  status: z.string(),
});
export type EnrollmentToken = z.infer<typeof tokenSchema>;
const TOKEN = 'id name site { name } uses maxUses needsApproval expiresAt status';

const apiTokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
});
export type ApiToken = z.infer<typeof apiTokenSchema>;
const API_TOKEN = 'id name scopes createdAt expiresAt lastUsedAt revokedAt';

const selectorSchema = z.object({
  siteIds: z.array(z.string()),
  labels: z.array(z.string()),
  prefixes: z.array(z.string()),
});
const ruleSchema = z.object({
  id: z.string(),
  name: z.string(),
  priority: z.number(),
  enabled: z.boolean(),
  source: selectorSchema,
  destination: selectorSchema,
  application: z.string().nullable(),
  ports: z.array(z.object({ from: z.number(), to: z.number() })),
  action: z.string(),
  compression: z.string(),
  class: z.string(),
  weight: z.number(),
  whenPeerDown: z.string(),
  rateLimitMbps: z.number().nullable(),
});
/** A rule as the API has it: sites by id, enumerations in capitals. */
export type ApiRule = z.infer<typeof ruleSchema>;
const forwardSchema = z.object({
  name: z.string(),
  siteId: z.string(),
  listenAddress: z.string(),
  listenPort: z.number(),
  destinationSiteId: z.string(),
  targetAddress: z.string(),
  targetPort: z.number(),
  compression: z.string(),
  class: z.string(),
  weight: z.number(),
  whenPeerDown: z.string(),
  rateLimitMbps: z.number().nullable(),
});
export type ApiForward = z.infer<typeof forwardSchema>;

const testSchema = z.object({
  name: z.string(),
  source: z.string(),
  destination: z.string(),
  port: z.number(),
  expect: z.string(),
  rule: z.string().nullable(),
});
export type ApiTest = z.infer<typeof testSchema>;

const documentSchema = z.object({
  rules: z.array(ruleSchema),
  forwards: z.array(forwardSchema),
  tests: z.array(testSchema),
});
export type ApiDocument = z.infer<typeof documentSchema>;
const DOCUMENT = `rules { id name priority enabled source { siteIds labels prefixes } destination { siteIds labels prefixes }
  application ports { from to } action compression class weight whenPeerDown rateLimitMbps }
  forwards { name siteId listenAddress listenPort destinationSiteId targetAddress targetPort compression class weight whenPeerDown rateLimitMbps }
  tests { name source destination port expect rule }`;

const revisionSchema = z.object({
  revision: z.number(),
  sha256: z.string(),
  message: z.string(),
  author: z.string(),
  createdAt: z.string(),
});
export type Revision = z.infer<typeof revisionSchema>;
const REVISION = 'revision sha256 message author createdAt';

const previewSchema = z.object({
  changes: z.array(
    z.object({
      kind: z.enum(['ADDED', 'REMOVED', 'CHANGED', 'MOVED']),
      ruleId: z.string(),
      name: z.string(),
      fields: z.array(z.string()),
    }),
  ),
  forwardsChanged: z.boolean(),
  testsChanged: z.boolean(),
  agents: z.array(
    z.object({ agent: z.object({ hostname: z.string(), site: z.object({ name: z.string() }) }) }),
  ),
  tests: z.array(
    z.object({ name: z.string(), passed: z.boolean(), expected: z.string(), actual: z.string() }),
  ),
  flowsExamined: z.number(),
  flowsChanged: z.number(),
});
const rolloutSchema = z.object({
  id: z.string(),
  revision: z.number(),
  state: z.string(),
  stage: z.number(),
  stages: z.array(z.object({ label: z.string().nullable(), percent: z.number().nullable() })),
  reason: z.string().nullable(),
  progress: z.object({
    agents: z.number(),
    applied: z.number(),
    failed: z.number(),
    pending: z.number(),
  }),
});
export type Rollout = z.infer<typeof rolloutSchema>;
const ROLLOUT =
  'id revision state stage stages { label percent } reason progress { agents applied failed pending }';

const releaseSchema = z.object({
  version: z.string(),
  sha256: z.string(),
  bytes: z.number(),
  signature: z.string().nullable(),
  notes: z.string().nullable(),
  author: z.string(),
  createdAt: z.string(),
});
export type Release = z.infer<typeof releaseSchema>;
const RELEASE = 'version sha256 bytes signature notes author createdAt';

const stageSchema = z.object({ label: z.string().nullable(), percent: z.number().nullable() });
const upgradeSchema = z.object({
  id: z.string(),
  version: z.string(),
  baseVersion: z.string().nullable(),
  state: z.string(),
  stage: z.number(),
  stages: z.array(stageSchema),
  reason: z.string().nullable(),
  progress: z.object({
    agents: z.number(),
    upgraded: z.number(),
    failed: z.number(),
    pending: z.number(),
    byHand: z.number(),
  }),
});
export type Upgrade = z.infer<typeof upgradeSchema>;
const UPGRADE = `id version baseVersion state stage stages { label percent } reason
  progress { agents upgraded failed pending byHand }`;

const upgradePlanSchema = z.object({
  version: z.string(),
  stages: z.array(stageSchema.extend({ sites: z.number() })),
  upgraded: z.number(),
  byHand: z.number(),
  leftAlone: z.number(),
});
export type UpgradePlan = z.infer<typeof upgradePlanSchema>;

const versionsSchema = z.object({
  fleet: z.object({ agentVersions: z.array(z.object({ version: z.string(), agents: z.number() })) }),
  organization: z.object({ agentVersion: z.string().nullable() }),
});

const applicationSchema = z.object({
  agent: z.object({ hostname: z.string(), site: z.object({ name: z.string() }) }),
  desiredRevision: z.number().nullable(),
  appliedRevision: z.number().nullable(),
  outcome: z.string().nullable(),
  error: z.string().nullable(),
});
export type Application = z.infer<typeof applicationSchema>;
const APPLICATION = 'agent { hostname site { name } } desiredRevision appliedRevision outcome error';

export type Preview = z.infer<typeof previewSchema>;

const viewerSchema = z.object({
  email: z.string(),
  role: z.string(),
  organization: z.object({ name: z.string() }),
});
export type Viewer = z.infer<typeof viewerSchema>;
const VIEWER = 'email role organization { name }';

const auditEventSchema = z.object({
  id: z.string(),
  at: z.string(),
  actorKind: z.string(),
  actorId: z.string().nullable(),
  actorName: z.string(),
  origin: z.string().nullable(),
  sessionId: z.string().nullable(),
  action: z.string(),
  targetId: z.string().nullable(),
  before: z.string().nullable(),
  after: z.string().nullable(),
});
export type AuditEvent = z.infer<typeof auditEventSchema>;
const AUDIT_EVENT = 'id at actorKind actorId actorName origin sessionId action targetId before after';

const alertSchema = z.object({
  id: z.string(),
  ruleName: z.string(),
  kind: z.string(),
  severity: z.string(),
  state: z.string(),
  subjectName: z.string(),
  sites: z.array(z.object({ id: z.string(), name: z.string() })),
  value: z.number(),
  unit: z.string(),
  summary: z.string(),
  pendingSince: z.string(),
  firingSince: z.string().nullable(),
  resolvedAt: z.string().nullable(),
  resolution: z.string().nullable(),
  acknowledgedBy: z.string().nullable(),
  silencedUntil: z.string().nullable(),
});
export type Alert = z.infer<typeof alertSchema>;
const ALERT = `id ruleName kind severity state subjectName sites { id name } value unit summary pendingSince firingSince
  resolvedAt resolution acknowledgedBy silencedUntil`;

const namedSchema = z.object({ id: z.string(), name: z.string() });

const alertRuleSchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  enabled: z.boolean(),
  severity: z.string(),
  siteLabel: z.string().nullable(),
  site: namedSchema.nullable(),
  threshold: z.number(),
  clearThreshold: z.number(),
  unit: z.string(),
  forSeconds: z.number(),
  clearForSeconds: z.number(),
  repeatSeconds: z.number().nullable(),
  emails: z.array(z.string()),
  webhooks: z.array(namedSchema),
  silencedUntil: z.string().nullable(),
});
export type AlertRule = z.infer<typeof alertRuleSchema>;
const ALERT_RULE = `id name kind enabled severity siteLabel site { id name } threshold clearThreshold unit forSeconds
  clearForSeconds repeatSeconds emails webhooks { id name } silencedUntil`;

const webhookSchema = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  enabled: z.boolean(),
  rotationEndsAt: z.string().nullable(),
});
export type Webhook = z.infer<typeof webhookSchema>;
const WEBHOOK = 'id name url enabled rotationEndsAt';

const webhookWithSecretSchema = z.object({ webhook: webhookSchema, secret: z.string() });

const deliverySchema = z.object({
  id: z.string(),
  event: z.string(),
  webhook: namedSchema.nullable(),
  email: z.string().nullable(),
  state: z.string(),
  attempts: z.number(),
  createdAt: z.string(),
  dueAt: z.string().nullable(),
  log: z.array(
    z.object({
      number: z.number(),
      at: z.string(),
      durationMs: z.number(),
      status: z.number().nullable(),
      error: z.string().nullable(),
      response: z.string().nullable(),
    }),
  ),
});
export type Delivery = z.infer<typeof deliverySchema>;
const DELIVERY = `id event webhook { id name } email state attempts createdAt dueAt
  log { number at durationMs status error response }`;

export const operations = {
  viewer: operation(`{ viewer { ${VIEWER} } }`, z.object({ viewer: viewerSchema.nullable() })),
  signIn: operation(
    `mutation ($email: String!, $password: String!) { signIn(email: $email, password: $password) { ${VIEWER} } }`,
    z.object({ signIn: viewerSchema }),
  ),
  signOut: operation('mutation { signOut }', z.object({ signOut: z.boolean() })),

  sites: list('sites', 'SiteFilter', SITE, siteSchema),
  createSite: operation(
    `mutation ($input: SiteInput!) { createSite(input: $input) { ${SITE} } }`,
    z.object({ createSite: siteSchema }),
  ),
  deleteSite: operation('mutation ($id: ID!) { deleteSite(id: $id) }', z.object({ deleteSite: z.boolean() })),

  agents: list('agents', 'AgentFilter', AGENT, agentSchema),
  approveAgent: operation(
    `mutation ($id: ID!) { approveAgent(id: $id) { ${AGENT} } }`,
    z.object({ approveAgent: agentSchema }),
  ),
  revokeAgent: operation(
    `mutation ($id: ID!) { revokeAgent(id: $id) { ${AGENT} } }`,
    z.object({ revokeAgent: agentSchema }),
  ),

  enrollmentTokens: list('enrollmentTokens', 'EnrollmentTokenFilter', TOKEN, tokenSchema),
  createEnrollmentToken: operation(
    `mutation ($input: EnrollmentTokenInput!) {
      createEnrollmentToken(input: $input) { token command enrollmentToken { ${TOKEN} } }
    }`,
    z.object({
      createEnrollmentToken: z.object({
        token: z.string(),
        command: z.string(),
        enrollmentToken: tokenSchema,
      }),
    }),
  ),
  revokeEnrollmentToken: operation(
    `mutation ($id: ID!) { revokeEnrollmentToken(id: $id) { ${TOKEN} } }`,
    z.object({ revokeEnrollmentToken: tokenSchema }),
  ),

  apiTokens: list('apiTokens', 'ApiTokenFilter', API_TOKEN, apiTokenSchema),
  createApiToken: operation(
    `mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { token apiToken { ${API_TOKEN} } } }`,
    z.object({ createApiToken: z.object({ token: z.string(), apiToken: apiTokenSchema }) }),
  ),
  revokeApiToken: operation(
    `mutation ($id: ID!) { revokeApiToken(id: $id) { ${API_TOKEN} } }`,
    z.object({ revokeApiToken: apiTokenSchema }),
  ),

  auditEvents: list('auditEvents', 'AuditEventFilter', AUDIT_EVENT, auditEventSchema),

  policy: operation(
    `query ($target: PolicyTargetInput) { policy(target: $target) { revision document { ${DOCUMENT} } } }`,
    z.object({ policy: z.object({ revision: z.number().nullable(), document: documentSchema }) }),
  ),
  policyRevision: operation(
    `query ($revision: Int!) { policyRevision(revision: $revision) { revision document { ${DOCUMENT} } } }`,
    z.object({
      policyRevision: z.object({ revision: z.number(), document: documentSchema }).nullable(),
    }),
  ),
  previewPolicy: operation(
    `query ($input: PreviewPolicyInput!) { previewPolicy(input: $input) {
      changes { kind ruleId name fields } forwardsChanged testsChanged
      agents { agent { hostname site { name } } }
      tests { name passed expected actual } flowsExamined flowsChanged
    } }`,
    z.object({ previewPolicy: previewSchema }),
  ),
  policyRevisions: listOfPolicy('revisions', REVISION, revisionSchema),
  policyInForce: operation(
    '{ policy { revision } }',
    z.object({ policy: z.object({ revision: z.number().nullable() }) }),
  ),
  policyApplication: listOfPolicy('application', APPLICATION, applicationSchema),
  rollouts: list('rollouts', 'RolloutFilter', ROLLOUT, rolloutSchema),
  resumeRollout: operation(
    'mutation ($id: ID!) { resumeRollout(id: $id) { id state } }',
    z.object({ resumeRollout: z.object({ id: z.string(), state: z.string() }) }),
  ),
  abortRollout: operation(
    'mutation ($id: ID!) { abortRollout(id: $id) { id state } }',
    z.object({ abortRollout: z.object({ id: z.string(), state: z.string() }) }),
  ),
  releases: unfilteredList('agentReleases', RELEASE, releaseSchema),
  removeRelease: operation(
    'mutation ($version: ID!) { removeAgentRelease(version: $version) }',
    z.object({ removeAgentRelease: z.boolean() }),
  ),
  versions: operation(
    '{ fleet { agentVersions { version agents } } organization { agentVersion } }',
    versionsSchema,
  ),
  setAgentVersion: operation(
    'mutation ($siteId: ID, $version: String) { setAgentVersion(siteId: $siteId, version: $version) }',
    z.object({ setAgentVersion: z.boolean() }),
  ),
  upgrades: unfilteredList('upgrades', UPGRADE, upgradeSchema),
  planUpgrade: operation(
    `query ($input: UpgradeInput!) {
      planUpgrade(input: $input) { version stages { label percent sites } upgraded byHand leftAlone }
    }`,
    z.object({ planUpgrade: upgradePlanSchema }),
  ),
  startUpgrade: operation(
    `mutation ($input: UpgradeInput!) { startUpgrade(input: $input) { ${UPGRADE} } }`,
    z.object({ startUpgrade: upgradeSchema }),
  ),
  resumeUpgrade: operation(
    `mutation ($id: ID!) { resumeUpgrade(id: $id) { ${UPGRADE} } }`,
    z.object({ resumeUpgrade: upgradeSchema }),
  ),
  abortUpgrade: operation(
    `mutation ($id: ID!) { abortUpgrade(id: $id) { ${UPGRADE} } }`,
    z.object({ abortUpgrade: upgradeSchema }),
  ),
  rollbackPolicy: operation(
    `mutation ($input: RollbackPolicyInput!) { rollbackPolicy(input: $input) { ${REVISION} } }`,
    z.object({ rollbackPolicy: revisionSchema }),
  ),
  savePolicy: operation(
    `mutation ($input: SavePolicyInput!) { savePolicy(input: $input) { ${REVISION} } }`,
    z.object({ savePolicy: revisionSchema }),
  ),
  alerts: list('alerts', 'AlertFilter', ALERT, alertSchema),
  acknowledgeAlert: operation(
    `mutation ($id: ID!) { acknowledgeAlert(id: $id) { ${ALERT} } }`,
    z.object({ acknowledgeAlert: alertSchema }),
  ),
  silenceAlert: operation(
    `mutation ($id: ID!, $until: DateTime) { silenceAlert(id: $id, until: $until) { ${ALERT} } }`,
    z.object({ silenceAlert: alertSchema }),
  ),
  alertRules: unfilteredList('alertRules', ALERT_RULE, alertRuleSchema),
  createAlertRule: operation(
    `mutation ($input: CreateAlertRuleInput!) { createAlertRule(input: $input) { ${ALERT_RULE} } }`,
    z.object({ createAlertRule: alertRuleSchema }),
  ),
  updateAlertRule: operation(
    `mutation ($id: ID!, $input: UpdateAlertRuleInput!) { updateAlertRule(id: $id, input: $input) { ${ALERT_RULE} } }`,
    z.object({ updateAlertRule: alertRuleSchema }),
  ),
  deleteAlertRule: operation(
    'mutation ($id: ID!) { deleteAlertRule(id: $id) }',
    z.object({ deleteAlertRule: z.boolean() }),
  ),
  silenceAlertRule: operation(
    `mutation ($id: ID!, $until: DateTime) { silenceAlertRule(id: $id, until: $until) { ${ALERT_RULE} } }`,
    z.object({ silenceAlertRule: alertRuleSchema }),
  ),
  webhooks: unfilteredList('webhooks', WEBHOOK, webhookSchema),
  createWebhook: operation(
    `mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret webhook { ${WEBHOOK} } } }`,
    z.object({ createWebhook: webhookWithSecretSchema }),
  ),
  updateWebhook: operation(
    `mutation ($id: ID!, $input: UpdateWebhookInput!) { updateWebhook(id: $id, input: $input) { ${WEBHOOK} } }`,
    z.object({ updateWebhook: webhookSchema }),
  ),
  deleteWebhook: operation(
    'mutation ($id: ID!) { deleteWebhook(id: $id) }',
    z.object({ deleteWebhook: z.boolean() }),
  ),
  rotateWebhookSecret: operation(
    `mutation ($id: ID!) { rotateWebhookSecret(id: $id) { secret webhook { ${WEBHOOK} } } }`,
    z.object({ rotateWebhookSecret: webhookWithSecretSchema }),
  ),
  testWebhook: operation(
    `mutation ($id: ID!) { testWebhook(id: $id) { ${DELIVERY} } }`,
    z.object({ testWebhook: deliverySchema }),
  ),
  deliveries: list('deliveries', 'DeliveryFilter', DELIVERY, deliverySchema),
  redeliver: operation(
    `mutation ($id: ID!) { redeliver(id: $id) { ${DELIVERY} } }`,
    z.object({ redeliver: deliverySchema }),
  ),
};
