import { z } from 'zod';
import { idSchema } from './primitives.js';

/** How upgrades of an agent stand, as the agent sees it. */
export const upgradeReportSchema = z.object({
  /**
   * `idle`: it runs what it is meant to; `fetching`: the release comes; `trying`: both versions run; `refused`: the version was
   * tried or looked at, and is not tried again before a higher attempt is asked for.
   */
  state: z.enum(['idle', 'fetching', 'trying', 'refused']),
  /** The version that `state` is about; null of `idle`. */
  version: z.string().max(50).nullable(),
  attempt: z.int().min(0),
  /** Why it was refused, for a person to read. */
  reason: z.string().max(1000).nullable(),
});

/** Sent by an agent at every (re)connect, and when its {@link upgradeReportSchema} changes. */
export const helloMessageSchema = z.object({
  version: z.literal(1),
  agentVersion: z.string().max(50),
  /** Random per process start. */
  bootId: idSchema,
  hostname: z.string().max(253),
  appliedEpoch: z.int().min(0),
  appliedGeneration: z.int().min(0),
  /** Left out by agents that nobody upgrades: of an older version, or started without a supervisor. */
  upgrade: upgradeReportSchema.optional(),
});

/** The outcome of one desired state at one agent. */
export const appliedMessageSchema = z.object({
  version: z.literal(1),
  bootId: idSchema,
  epoch: z.int().min(1),
  generation: z.int().min(1),
  policyRevision: z.int().min(1).nullable(),
  outcome: z.enum(['applied', 'rejected', 'reverted']),
  /** Why it was rejected or reverted, for a person to read. */
  error: z.string().max(2000).optional(),
  /** Unix time in milliseconds at which the state was in force. */
  atMs: z.number(),
});

/** Something that the agent's operator has to know; agents of an older version do not listen. */
export const noticeMessageSchema = z.object({
  version: z.literal(1),
  code: z.string().max(50),
  /** Says what is wrong and what to do. */
  message: z.string().max(1000),
});

const counter = z.number().min(0);
/** Milliseconds of an interval: some thirty years, so that any number of them has a sum. */
const MAX_INTERVAL_MS = 1e12;

/** One tunnel over one interval. Counters are of the interval, never since start. */
export const linkRecordSchema = z.object({
  peerAgentId: idSchema,
  /** Unix milliseconds; end of the interval. */
  atMs: z.number(),
  intervalMs: z.number().positive().max(MAX_INTERVAL_MS),
  state: z.enum(['up', 'connecting', 'down']),
  /** Application bytes, before compression. */
  bytesSent: counter,
  bytesReceived: counter,
  /** UDP payload bytes on the wire, all of the tunnel's own included. */
  wireBytesSent: counter,
  wireBytesReceived: counter,
  packetsSent: counter,
  packetsLost: counter,
  packetsRetransmitted: counter,
  packetsSpurious: counter,
  /** Milliseconds; null before the first sample. */
  minRttMs: counter.nullable(),
  smoothedRttMs: counter.nullable(),
  /** Standing queue at the bottleneck as the sender estimates it, in milliseconds. */
  queueDelayMs: counter.nullable(),
  pacingMbps: counter.nullable(),
  mtu: counter,
  openStreams: counter,
});

/** One TCP connection over one interval, or its end. */
export const flowRecordSchema = z.object({
  flowId: idSchema,
  peerAgentId: idSchema.nullable(),
  atMs: z.number(),
  startedAtMs: z.number(),
  source: z.string().max(60),
  destination: z.string().max(60),
  destinationPort: z.int().min(0).max(65535),
  ruleId: z.string().max(100).nullable(),
  handling: z.enum(['accelerated', 'passed', 'refused']),
  /** Set on the record that ends the flow. */
  ended: z.enum(['closed', 'reset', 'refused', 'denied', 'unreachable', 'agent-stopped']).nullable(),
  reason: z.string().max(500).nullable(),
  /** Of this interval: application bytes from the initiator's side and towards it, and what they were after compression. */
  bytesUp: counter,
  bytesDown: counter,
  encodedBytesUp: counter,
  encodedBytesDown: counter,
  /**
   * Milliseconds of this interval in which the flow was at work: since the record before, or its start, if anything moved,
   * and 0 otherwise. Agents of an older version do not say.
   */
  activeMs: counter.max(MAX_INTERVAL_MS).optional(),
});

const batchHead = {
  version: z.literal(1),
  bootId: idSchema,
  /** Counts batches of this kind since the process started; with bootId the key that makes storage exact. */
  sequence: z.int().min(0),
};

export const linkTelemetrySchema = z.object({ ...batchHead, links: z.array(linkRecordSchema).max(10_000) });
export const flowTelemetrySchema = z.object({ ...batchHead, flows: z.array(flowRecordSchema).max(5000) });

export type UpgradeReport = z.infer<typeof upgradeReportSchema>;
export type HelloMessage = z.infer<typeof helloMessageSchema>;
export type NoticeMessage = z.infer<typeof noticeMessageSchema>;
export type AppliedMessage = z.infer<typeof appliedMessageSchema>;
export type LinkRecord = z.infer<typeof linkRecordSchema>;
export type FlowRecord = z.infer<typeof flowRecordSchema>;
export type LinkTelemetry = z.infer<typeof linkTelemetrySchema>;
export type FlowTelemetry = z.infer<typeof flowTelemetrySchema>;
