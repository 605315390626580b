import type { ApplyOutcome } from '../generated/prisma/enums.js';

/** An agent, and whether it is what it shall be. */
export interface LiveAgent {
  readonly agentId: string;
  readonly siteId: string;
  readonly online: boolean;
  readonly desiredGeneration: number;
  readonly appliedGeneration: number;
  readonly outcome: ApplyOutcome | null;
}

/** A tunnel as one of its ends sees it: rates in Mbit/s, times in milliseconds, shares in percent. */
export interface LiveLink {
  readonly linkId: string;
  readonly agentId: string;
  readonly peerAgentId: string;
  readonly state: 'up' | 'connecting' | 'down';
  /** Unix milliseconds, by the agent's clock. */
  readonly atMs: number;
  readonly sentMbps: number;
  readonly receivedMbps: number;
  readonly wireSentMbps: number;
  readonly wireReceivedMbps: number;
  readonly rttMs: number | null;
  readonly minRttMs: number | null;
  readonly lossPct: number;
  readonly retransmitPct: number;
  readonly openStreams: number;
}

/** A TCP connection; rates in Mbit/s of application bytes. */
export interface LiveFlow {
  readonly flowId: string;
  readonly agentId: string;
  readonly peerAgentId: string | null;
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  readonly handling: string;
  readonly startedAtMs: number;
  readonly upMbps: number;
  readonly downMbps: number;
  /** Application bytes for each byte after compression; null while nothing was carried. */
  readonly ratio: number | null;
}

/** What every viewer of an organization gets once a second, as JSON in a text message. */
export interface LiveFrame {
  readonly type: 'frame';
  /** Unix milliseconds, by the controller's clock. */
  readonly atMs: number;
  readonly agents: readonly LiveAgent[];
  readonly links: readonly LiveLink[];
  /** The liveliest connections, at most 20. */
  readonly flows: readonly LiveFlow[];
}
