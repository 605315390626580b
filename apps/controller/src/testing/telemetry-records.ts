import { randomUUID } from 'node:crypto';
import { subjects, type FlowRecord, type LinkRecord } from '@longhaul/contracts';
import type { TelemetryMessage } from '../telemetry/telemetry-store.js';

/** Of every message's agent. */
export const bootId = randomUUID();

/** A second of a tunnel that sends 8 Mbit/s at 1 % loss. */
export const linkRecord = (peerAgentId: string, more: Partial<LinkRecord> = {}): LinkRecord => ({
  peerAgentId,
  atMs: Date.now(),
  intervalMs: 1000,
  state: 'up',
  bytesSent: 1_000_000,
  bytesReceived: 500_000,
  wireBytesSent: 600_000,
  wireBytesReceived: 300_000,
  packetsSent: 1000,
  packetsLost: 10,
  packetsRetransmitted: 12,
  packetsSpurious: 2,
  minRttMs: 40,
  smoothedRttMs: 42,
  queueDelayMs: 2,
  pacingMbps: 100,
  mtu: 1472,
  openStreams: 3,
  ...more,
});

/** What an accelerated connection moved since five seconds ago. */
export const flowRecord = (
  peerAgentId: string | null,
  flowId: string,
  more: Partial<FlowRecord> = {},
): FlowRecord => ({
  flowId,
  peerAgentId,
  atMs: Date.now(),
  startedAtMs: (more.atMs ?? Date.now()) - 5000,
  source: '10.77.10.5',
  destination: '10.77.20.9',
  destinationPort: 445,
  ruleId: 'r1',
  handling: 'accelerated',
  ended: null,
  reason: null,
  bytesUp: 100,
  bytesDown: 200,
  encodedBytesUp: 50,
  encodedBytesDown: 60,
  ...more,
});

let streamSequence = 1_000_000;

/** A message as it comes from the stream. */
export const telemetryMessage = (
  { organizationId, agentId }: { organizationId: string; agentId: string },
  body: { readonly sequence: number } & (
    { readonly links: readonly object[] } | { readonly flows: readonly object[] }
  ),
): TelemetryMessage & { readonly data: Buffer } => ({
  subject:
    'links' in body
      ? subjects.linkTelemetry(organizationId, agentId)
      : subjects.flowTelemetry(organizationId, agentId),
  data: Buffer.from(JSON.stringify({ version: 1, bootId, ...body })),
  seq: (streamSequence += 1),
});
