import { z } from 'zod';
import {
  addressSchema,
  endpointSchema,
  idSchema,
  key32Schema,
  portRangeSchema,
  portSchema,
  prefixSchema,
} from './primitives.js';

/** Version of the desired-state document. An agent refuses a higher one and keeps its last good state. */
export const DESIRED_STATE_VERSION = 1;

/** How a flow competes inside a tunnel. */
export const trafficClassSchema = z.enum(['interactive', 'bulk', 'scavenger']);
/** `auto`: LZ4 or better where it pays; `off`: bytes go as they are; `strongest`: the smallest output that the CPU allows. */
export const compressionSchema = z.enum(['auto', 'off', 'strongest']);
/** Congestion profile of a link, as PROTOCOL.md defines them. */
export const profileSchema = z.enum(['fair', 'lossy', 'fixed']);
/** AEAD of the data packets. */
export const cipherSuiteSchema = z.enum(['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305']);
/** What becomes of a new connection while its peer cannot be reached: straight to its destination, or refused. */
export const whenPeerDownSchema = z.enum(['pass', 'refuse']);

/** Range of the weight of a traffic class. */
export const classWeightSchema = z.int().min(1).max(1000);
/** Shares of the classes of a tunnel against each other while all have something to send; what one leaves the others get. */
export const classWeightsSchema = z.object({
  interactive: classWeightSchema,
  bulk: classWeightSchema,
  scavenger: classWeightSchema,
});
/** Where a peer or a link does not say otherwise: each class four times the next. */
export const DEFAULT_CLASS_WEIGHTS: ClassWeights = { interactive: 16, bulk: 4, scavenger: 1 };

/** Most that the connections of a rule or forward carry together each way, of the application's bytes, in Mbit/s. */
export const rateLimitMbpsSchema = z.number().min(0.1).max(100_000);

/**
 * The policy's rule that a flow rule was compiled from: what is before the first `/` of its id. Flow rules of one rule share
 * its rate limit.
 */
export const policyRuleId = (flowRuleId: string): string => flowRuleId.replace(/\/.*$/, '');

/** A far agent, and how to speak to it. */
export const peerSchema = z.object({
  agentId: idSchema,
  siteId: idSchema,
  name: z.string().min(1).max(100),
  publicKey: key32Schema,
  /** Announced by the peer, which may use it already: good besides the other, and alone once it was used. */
  nextPublicKey: key32Schema.optional(),
  presharedKey: key32Schema.optional(),
  /** Where the peer listens; empty when only the peer can open the tunnel (it is behind NAT). */
  endpoints: z.array(endpointSchema).max(8),
  profile: profileSchema,
  cipherSuite: cipherSuiteSchema,
  /** Hard cap on what this agent sends to the peer, retransmits included, in Mbit/s; required by the profile `fixed`. */
  rateMbps: z.number().positive().max(100_000).optional(),
  /** Largest UDP payload to probe for, in bytes. */
  maxUdpPayload: z.int().min(1200).max(16_384).default(1472),
  /** Of what this agent sends to the peer; {@link DEFAULT_CLASS_WEIGHTS} when left out. */
  classWeights: classWeightsSchema.optional(),
});

/** Which flows, and what becomes of them. The first rule in order that matches decides. */
export const flowRuleSchema = z.object({
  id: z.string().min(1).max(100),
  name: z.string().max(200),
  sources: z.array(prefixSchema).max(1000),
  destinations: z.array(prefixSchema).max(1000),
  ports: z.array(portRangeSchema).max(100),
  action: z.enum(['accelerate', 'pass', 'deny']),
  /** The far agent that opens the connection; required by `accelerate`. */
  peerAgentId: idSchema.optional(),
  class: trafficClassSchema,
  /** Share of this rule's streams against others of the same class. */
  weight: z.int().min(1).max(100),
  compression: compressionSchema,
  whenPeerDown: whenPeerDownSchema,
  /** Of all flow rules of the same {@link policyRuleId} together, at the agent where connections begin. No limit when left out. */
  rateLimitMbps: rateLimitMbpsSchema.optional(),
});

/** An explicit forward: connections to `listen` are opened by the peer to `target`. */
export const forwardSchema = z.object({
  listenAddress: addressSchema,
  listenPort: portSchema,
  peerAgentId: idSchema,
  targetAddress: addressSchema,
  targetPort: portSchema,
  class: trafficClassSchema,
  weight: z.int().min(1).max(100),
  compression: compressionSchema,
  whenPeerDown: whenPeerDownSchema,
  /** Of all its connections together. No limit when left out. */
  rateLimitMbps: rateLimitMbpsSchema.optional(),
});

/** What a peer may have this agent open. Anything else is refused. */
export const allowRuleSchema = z.object({
  peerAgentId: idSchema,
  prefixes: z.array(prefixSchema).min(1).max(1000),
  ports: z.array(portRangeSchema).min(1).max(100),
});

/** Version of an agent's release: what a folder may be called. */
export const releaseVersionSchema = z
  .string()
  .regex(
    /^[0-9A-Za-z][0-9A-Za-z.+-]{0,49}$/,
    'is not a version: 1 to 50 of letters, digits, ".", "+" and "-"',
  );
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hexadecimal');
/** Ed25519, base64. */
export const releaseSignatureSchema = z
  .string()
  .regex(/^[A-Za-z0-9+/]{86}==$/, 'is not an Ed25519 signature in base64');
/** Most bytes of a release's file. */
export const MAX_RELEASE_BYTES = 268_435_456;

/** What is signed of a release, by a key that the controller does not hold. */
export const releaseMessage = (version: string, sha256: string): string =>
  `longhaul release v1\n${version}\n${sha256}`;

/** The version that an agent is to run, and how it changes to it. */
export const agentReleaseSchema = z.object({
  version: releaseVersionSchema,
  /** Of the file, a tar.gz. */
  sha256: sha256Schema,
  bytes: z.int().min(1).max(MAX_RELEASE_BYTES),
  /** Over {@link releaseMessage}. */
  signature: releaseSignatureSchema.optional(),
  /** A version that was refused is tried again when this is higher than before. */
  attempt: z.int().min(0),
  /** Time for the new process to be as good as the one before: listeners, tunnels, controller. */
  confirmSeconds: z.int().min(5).max(3600).default(60),
  /** Time after that in which its end brings the one before back. */
  soakSeconds: z.int().min(1).max(86_400).default(30),
  /** Time for the connections of the one before to end; then they are reset. */
  drainSeconds: z.int().min(0).max(86_400).default(300),
});

/** Most entries of each list of a desired state. */
export const DESIRED_STATE_LIMITS = { peers: 10_000, rules: 10_000, forwards: 1000, allow: 10_000 } as const;

/** Everything that one agent has to be: compiled by the controller, applied by the agent as a whole or not at all. */
export const desiredStateSchema = z.object({
  version: z.literal(DESIRED_STATE_VERSION),
  organizationId: idSchema,
  agentId: idSchema,
  siteId: idSchema,
  /** Raised when the controller's database was restored; an agent ignores a lower epoch. */
  epoch: z.int().min(1),
  /** Counts this agent's states within an epoch; an agent ignores a lower or equal one. */
  generation: z.int().min(1),
  /** The policy revision that this state was compiled from, or null before the first. */
  policyRevision: z.int().min(1).nullable(),
  tunnelPort: portSchema,
  peers: z.array(peerSchema).max(DESIRED_STATE_LIMITS.peers),
  rules: z.array(flowRuleSchema).max(DESIRED_STATE_LIMITS.rules),
  forwards: z.array(forwardSchema).max(DESIRED_STATE_LIMITS.forwards),
  allow: z.array(allowRuleSchema).max(DESIRED_STATE_LIMITS.allow),
  /** Whether flows of the site that match a rule are intercepted (nftables). */
  intercept: z.boolean(),
  /**
   * How often the agent tells of its links and connections, in seconds; 1 where it is left out. So many minutes apart it looks
   * unasked for a new state. Agents of an older version do not know it.
   */
  reportIntervalSeconds: z.int().min(1).max(60).optional(),
  /** Left out: the agent keeps the version that it runs. Agents of an older version do not know it. */
  agentRelease: agentReleaseSchema.optional(),
});

export type TrafficClass = z.infer<typeof trafficClassSchema>;
export type ClassWeights = z.infer<typeof classWeightsSchema>;
export type Compression = z.infer<typeof compressionSchema>;
export type Profile = z.infer<typeof profileSchema>;
export type CipherSuite = z.infer<typeof cipherSuiteSchema>;
export type WhenPeerDown = z.infer<typeof whenPeerDownSchema>;
export type Peer = z.infer<typeof peerSchema>;
export type FlowRule = z.infer<typeof flowRuleSchema>;
export type Forward = z.infer<typeof forwardSchema>;
export type AllowRule = z.infer<typeof allowRuleSchema>;
export type AgentRelease = z.infer<typeof agentReleaseSchema>;
export type DesiredState = z.infer<typeof desiredStateSchema>;
