import type { MessagePort } from 'node:worker_threads';
import type {
  DataPlaneState,
  DataPlaneStatistics,
  FlowRecord,
  HandedOverPeer,
  Placement,
  PreparedState,
} from '@longhaul/edge';

/** What a data-plane worker is made with. */
export interface WorkerOptions {
  readonly memoryBytes: number | undefined;
  /** Where there are several workers. */
  readonly shard: WorkerShard | undefined;
  /** Where another process may take over from this one, or this one from another. */
  readonly handover: HandoverPlace | undefined;
}

/** Which of two processes this is that follow each other. */
export interface HandoverPlace {
  /** Top bit of its session indices; the other process has the other. */
  readonly half: 0 | 1;
  /** Data-plane workers of the process before; undefined: there is none. */
  readonly workersBefore?: number;
}

/** Steps of a handover from one process to the next; DataPlane has what each does. */
export type HandoverStep = 'handOver' | 'takeBack' | 'lead' | 'predecessorEnded' | 'stopListening';

/** One of several workers that share the tunnel's UDP port. */
export interface WorkerShard {
  readonly index: number;
  readonly count: number;
  /** To each of the others, by its index: datagrams that are theirs go there, and come from there. */
  readonly ports: readonly (MessagePort | undefined)[];
}

/** A datagram that a worker hands over to another. */
export interface HandedOver {
  readonly datagram: Uint8Array;
  /** Its receive record. */
  readonly record: Int32Array;
}

/**
 * From the main thread to the worker. Each request is answered by an outcome with its number. A state that was prepared is
 * committed or rolled back before another is prepared.
 */
export type WorkerRequest =
  | {
      readonly type: 'prepare';
      readonly id: number;
      readonly state: DataPlaneState;
      readonly placement: Placement;
    }
  | { readonly type: 'commit'; readonly id: number }
  | { readonly type: 'rollback'; readonly id: number }
  | { readonly type: 'handover'; readonly id: number; readonly step: HandoverStep }
  | { readonly type: 'close'; readonly id: number };

/** What a request is answered with besides its number. */
export interface WorkerAnswer {
  /** Of prepare. */
  readonly ports?: PreparedPorts;
  /** Of the handover's first step. */
  readonly tunnels?: readonly HandedOverPeer[];
}

/** Where a worker that has prepared a state is reached. */
export type PreparedPorts = Pick<PreparedState, 'tunnelPort' | 'interceptionPort'>;

/** Everything that a data plane has counted, taken at one moment. */
export interface DataPlaneSnapshot {
  readonly statistics: DataPlaneStatistics;
  /** Flows that ended since the snapshot before. */
  readonly endedFlows: readonly FlowRecord[];
  /** Flows that live; the oldest {@link MAX_ACTIVE_FLOWS} of them. */
  readonly activeFlows: readonly FlowRecord[];
}

/** From the worker to the main thread. */
export type WorkerMessage =
  | (WorkerAnswer & { readonly type: 'outcome'; readonly id: number; readonly error?: string })
  /** The data plane's code is compiled, or its time for that is over. */
  | { readonly type: 'rehearsed' }
  | { readonly type: 'snapshot'; readonly snapshot: DataPlaneSnapshot }
  | { readonly type: 'tunnel-up'; readonly peerId: string }
  | { readonly type: 'tunnel-down'; readonly peerId: string; readonly reason: string };

/** How often a snapshot is taken. */
export const SNAPSHOT_INTERVAL_MS = 500;
/** Live flows in a snapshot: bounds what the worker spends on telling. */
export const MAX_ACTIVE_FLOWS = 2000;
