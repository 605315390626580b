import type { PathMemory, TunnelStats } from '@longhaul/tunnel';
import type { FlowRecord, PeerBytes } from './connection/flow.js';

/** One tunnel as it stands. Counters are since the data plane began, those of `tunnel` since its transport did. */
export interface LinkStatistics {
  readonly peerId: string;
  readonly tunnel: TunnelStats;
  /** What is worth remembering of the path: for `remembered` of the peer when the data plane is made anew. */
  readonly path?: PathMemory;
  /** Application bytes and what they were after compression. */
  readonly bytes: Readonly<PeerBytes>;
}

/** A data plane as it stands. */
export interface DataPlaneStatistics {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly tunnelPort: number;
  readonly links: readonly LinkStatistics[];
  readonly activeFlows: number;
  /** Records of ended flows that were never read. */
  readonly droppedFlowRecords: number;
  readonly udp: {
    readonly packetsSent: number;
    readonly packetsReceived: number;
    readonly sendErrors: number;
    /** Received by a shard that the session is not at, and handed over; 0 where there is one shard. */
    readonly misdirected: number;
  };
}

export type { FlowRecord };
