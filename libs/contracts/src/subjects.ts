/**
 * NATS names. Every agent subject begins with the organization and the agent, so that one permission line fences an
 * agent in: publish `lh.<org>.<agent>.up.>`, subscribe `lh.<org>.<agent>.down.>` and its own inbox.
 */
const root = (organizationId: string, agentId: string): string => `lh.${organizationId}.${agentId}`;

export const subjects = {
  /** Agent to controller, core NATS: sent at every (re)connect. Body: {@link HelloMessage}. */
  hello: (organizationId: string, agentId: string) => `${root(organizationId, agentId)}.up.hello`,
  /** Agent to controller, core NATS: the outcome of a desired state. Body: {@link AppliedMessage}. */
  applied: (organizationId: string, agentId: string) => `${root(organizationId, agentId)}.up.applied`,
  /** Agent to JetStream: link records. Body: {@link LinkTelemetry}. */
  linkTelemetry: (organizationId: string, agentId: string) =>
    `${root(organizationId, agentId)}.up.telemetry.link`,
  /** Agent to JetStream: flow records. Body: {@link FlowTelemetry}. */
  flowTelemetry: (organizationId: string, agentId: string) =>
    `${root(organizationId, agentId)}.up.telemetry.flow`,
  /**
   * Controller to agent, core NATS: here is your desired state, or, with an empty body, read it now. An agent of an older
   * version reads it either way. Body: {@link DesiredState}, up to {@link MAX_NUDGED_STATE_BYTES}, or nothing.
   */
  nudge: (organizationId: string, agentId: string) => `${root(organizationId, agentId)}.down.nudge`,
  /** Controller to agent, core NATS: something for its log. Body: {@link NoticeMessage}. */
  notice: (organizationId: string, agentId: string) => `${root(organizationId, agentId)}.down.notice`,
  /** What an agent's credential may publish to, besides the direct get of its own key. */
  agentPublish: (organizationId: string, agentId: string) => `${root(organizationId, agentId)}.up.>`,
  /** What an agent's credential may subscribe to, besides its inbox. */
  agentSubscribe: (organizationId: string, agentId: string) => `${root(organizationId, agentId)}.down.>`,
  /** The agent's own inbox prefix: replies to one agent are never readable by another. */
  inboxPrefix: (agentId: string) => `_INBOX_${agentId.replaceAll('-', '')}`,
  /** For the controller's queue subscriptions. */
  all: { hello: 'lh.*.*.up.hello', applied: 'lh.*.*.up.applied', telemetry: 'lh.*.*.up.telemetry.>' },
} as const;

/** A larger state is read by its agent: thousands of them at once would be more than a server holds for its clients. */
export const MAX_NUDGED_STATE_BYTES = 16_384;

/** JetStream KV bucket of desired states (`allow_direct`); its keys are {@link desiredStateKey}. */
export const DESIRED_STATE_BUCKET = 'desired';
/** JetStream stream of telemetry, limits retention. */
export const TELEMETRY_STREAM = 'TELEMETRY';

export const desiredStateKey = (organizationId: string, agentId: string): string =>
  `${organizationId}.${agentId}`;

/** The one direct-get subject that an agent may publish to: its own key. */
export const desiredStateDirectGet = (organizationId: string, agentId: string): string =>
  `$JS.API.DIRECT.GET.KV_${DESIRED_STATE_BUCKET}.$KV.${DESIRED_STATE_BUCKET}.${desiredStateKey(organizationId, agentId)}`;
