/** The part of the controller's SDL that the portal reads, by hand; documents.spec.ts holds the documents to the SDL. */

export type Role = 'OWNER' | 'ADMIN' | 'OPERATOR' | 'VIEWER';
export type AgentState = 'PENDING' | 'APPROVED' | 'REVOKED';
export type ApplyOutcome = 'APPLIED' | 'REJECTED' | 'REVERTED';
export type LinkProfile = 'FAIR' | 'LOSSY' | 'FIXED';
export type CipherSuite = 'AES_128_GCM' | 'AES_256_GCM' | 'CHACHA20_POLY1305';
export type RuleAction = 'ACCELERATE' | 'PASS' | 'DENY';
export type Compression = 'AUTO' | 'OFF' | 'STRONGEST';
export type TrafficClass = 'INTERACTIVE' | 'BULK' | 'SCAVENGER';
export type WhenPeerDown = 'PASS' | 'REFUSE';

/** ISO 8601 with a zone. */
export type DateTime = string;

export interface Viewer {
  id: string;
  email: string;
  role: Role;
  organization: { id: string; name: string };
}

export interface SignInMethods {
  oidc: { name: string; url: string } | null;
}

export interface FleetSummary {
  sites: number;
  agentsOnline: number;
  agents: number;
  linksUp: number;
  links: number;
  drifted: number;
  sentMbps: number;
}

export interface SiteName {
  id: string;
  name: string;
}

export interface Site extends SiteName {
  location: string | null;
  labels: string[];
  lanPrefixes: string[];
  bandwidthUpMbps: number | null;
  bandwidthDownMbps: number | null;
}

export interface Agent {
  id: string;
  hostname: string;
  state: AgentState;
  version: string | null;
  online: boolean;
  lastSeenAt: DateTime | null;
  desiredGeneration: number;
  appliedGeneration: number;
  outcome: ApplyOutcome | null;
  error: string | null;
  enrolledAt: DateTime;
}

export interface LinkPoint {
  at: DateTime;
  sentMbps: number;
  receivedMbps: number;
  wireSentMbps: number;
  wireReceivedMbps: number;
  rttMs: number | null;
  minRttMs: number | null;
  lossPct: number;
  retransmitPct: number;
  openStreams: number;
}

/** What a link and an agent, a site or the fleet have in common; null where nothing was measured. */
export interface TelemetryPoint {
  at: DateTime;
  sentMbps: number | null;
  receivedMbps: number | null;
  wireSentMbps: number | null;
  wireReceivedMbps: number | null;
  rttMs: number | null;
  minRttMs: number | null;
  lossPct: number | null;
  retransmitPct: number | null;
  openStreams: number;
}

export interface TelemetryTotal {
  bytesSent: number;
  bytesReceived: number;
  bytesSaved: number;
  acceleratedBytes: number;
  timeSavedSeconds: number;
  flowsAccelerated: number;
  flowsPassed: number;
  flowsRefused: number;
}

export interface TelemetrySeries {
  resolutionSeconds: number;
  points: TelemetryPoint[];
  total: TelemetryTotal | null;
}

export interface RankedLink {
  link: { id: string; siteA: SiteName; siteB: SiteName };
  lossPct: number;
  retransmitPct: number;
  rttMs: number | null;
}

export interface LinkEnd {
  agent: { id: string; hostname: string; site: SiteName };
  peer: { id: string; hostname: string; site: SiteName };
  state: string;
  latest: LinkPoint | null;
}

export interface Link {
  id: string;
  siteA: SiteName;
  siteB: SiteName;
  profile: LinkProfile;
  cipherSuite: CipherSuite;
  ends: LinkEnd[];
}

export interface Flow {
  flowId: string;
  agentId: string;
  peerAgentId: string | null;
  source: string;
  destination: string;
  destinationPort: number;
  ruleId: string | null;
  handling: string;
  startedAt: DateTime;
  lastSeenAt: DateTime;
  ended: string | null;
  reason: string | null;
  bytesUp: number;
  bytesDown: number;
  encodedBytesUp: number;
  encodedBytesDown: number;
}

export interface EnrollmentToken {
  id: string;
  name: string;
  site: SiteName;
  maxUses: number;
  uses: number;
  expiresAt: DateTime;
  revokedAt: DateTime | null;
  needsApproval: boolean;
  createdAt: DateTime;
  lastUsedAt: DateTime | null;
  status: string;
}

export interface PortRange {
  from: number;
  to: number;
}

export interface Selector {
  siteIds: string[];
  labels: string[];
  prefixes: string[];
}

export interface PolicyRule {
  id: string;
  name: string;
  priority: number;
  enabled: boolean;
  source: Selector;
  destination: Selector;
  application: string | null;
  ports: PortRange[];
  action: RuleAction;
  compression: Compression;
  class: TrafficClass;
  weight: number;
  whenPeerDown: WhenPeerDown;
  /** Mbit/s each way; null: no limit. */
  rateLimitMbps: number | null;
}

export interface PolicyDocument {
  rules: PolicyRule[];
}

export interface PolicyRevisionHead {
  revision: number;
  sha256: string;
  message: string;
  author: string;
  createdAt: DateTime;
}

export interface PolicyRevision extends PolicyRevisionHead {
  document: PolicyDocument;
}

export interface AgentApplication {
  agent: { id: string; hostname: string; online: boolean; site: SiteName };
  desiredRevision: number | null;
  appliedRevision: number | null;
  outcome: ApplyOutcome | null;
  error: string | null;
}

export interface Application {
  name: string;
  title: string;
  ports: PortRange[];
}

export type AlertKind = 'AGENT_DOWN' | 'LINK_LOSS' | 'LINK_RTT' | 'DRIFT' | 'NO_ACCELERATION' | 'TOKEN_ABUSE';
export type AlertSeverity = 'INFO' | 'WARNING' | 'CRITICAL';
export type AlertState = 'PENDING' | 'FIRING' | 'RESOLVED';
export type AlertResolution = 'CLEARED' | 'NO_DATA' | 'GONE' | 'RULE_ENDED';
export type DeliveryState = 'PENDING' | 'DELIVERED' | 'FAILED';

export interface Alert {
  id: string;
  ruleName: string;
  kind: AlertKind;
  severity: AlertSeverity;
  state: AlertState;
  summary: string;
  pendingSince: DateTime;
  firingSince: DateTime | null;
  clearingSince: DateTime | null;
  missingSince: DateTime | null;
  resolvedAt: DateTime | null;
  resolution: AlertResolution | null;
  acknowledgedAt: DateTime | null;
  acknowledgedBy: string | null;
  silencedUntil: DateTime | null;
}

export interface WebhookName {
  id: string;
  name: string;
  enabled: boolean;
}

export interface AlertRule {
  id: string;
  name: string;
  kind: AlertKind;
  enabled: boolean;
  severity: AlertSeverity;
  siteLabel: string | null;
  site: SiteName | null;
  threshold: number;
  clearThreshold: number;
  unit: string;
  forSeconds: number;
  clearForSeconds: number;
  repeatSeconds: number | null;
  emails: string[];
  webhooks: WebhookName[];
  silencedUntil: DateTime | null;
}

export interface Webhook extends WebhookName {
  url: string;
  rotationEndsAt: DateTime | null;
}

export interface DeliveryAttempt {
  number: number;
  at: DateTime;
  durationMs: number;
  status: number | null;
  error: string | null;
  response: string | null;
}

export interface Delivery {
  id: string;
  event: string;
  webhook: WebhookName | null;
  email: string | null;
  state: DeliveryState;
  attempts: number;
  createdAt: DateTime;
  dueAt: DateTime | null;
  log: DeliveryAttempt[];
}
