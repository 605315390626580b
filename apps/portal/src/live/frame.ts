import type { ApplyOutcome } from '../api/schema.js';

export interface LiveAgent {
  agentId: string;
  siteId: string;
  online: boolean;
  desiredGeneration: number;
  appliedGeneration: number;
  outcome: ApplyOutcome | null;
}

/** One tunnel as its agent sees it; rates in Mbit/s, times in milliseconds, shares in percent. */
export interface LiveLink {
  linkId: string;
  agentId: string;
  peerAgentId: string;
  state: string;
  atMs: number;
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

export interface LiveFlow {
  flowId: string;
  agentId: string;
  peerAgentId: string | null;
  source: string;
  destination: string;
  destinationPort: number;
  handling: string;
  startedAtMs: number;
  upMbps: number;
  downMbps: number;
  ratio: number | null;
}

/** What the controller sends once a second. */
export interface LiveFrame {
  type: 'frame';
  atMs: number;
  agents: LiveAgent[];
  links: LiveLink[];
  flows: LiveFlow[];
}

function isFrame(value: unknown): value is LiveFrame {
  if (typeof value !== 'object' || value === null) return false;
  const frame = value as Partial<LiveFrame>;
  return (
    frame.type === 'frame' &&
    typeof frame.atMs === 'number' &&
    Array.isArray(frame.agents) &&
    Array.isArray(frame.links) &&
    Array.isArray(frame.flows)
  );
}

/** The frame in a text message, or undefined for anything else: a newer controller may send what this portal does not know. */
export function parseFrame(message: unknown): LiveFrame | undefined {
  if (typeof message !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(message);
    return isFrame(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
