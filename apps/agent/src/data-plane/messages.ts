import type { DataPlaneState, DataPlaneStatistics, FlowRecord } from '@longhaul/edge';

/** What the data-plane worker is made with. */
export interface WorkerOptions {
  readonly memoryBytes: number | undefined;
  readonly tableName: string;
}

/** From the main thread to the worker. Each request is answered by an outcome with its number. */
export type WorkerRequest =
  | { readonly type: 'apply'; readonly id: number; readonly state: DataPlaneState }
  | { readonly type: 'close'; readonly id: number };

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
  | { readonly type: 'outcome'; readonly id: number; readonly error: string | undefined }
  /** The data plane's code is compiled, or its time for that is over. */
  | { readonly type: 'rehearsed' }
  | { readonly type: 'snapshot'; readonly snapshot: DataPlaneSnapshot }
  | { readonly type: 'tunnel-up'; readonly peerId: string }
  | { readonly type: 'tunnel-down'; readonly peerId: string; readonly reason: string }
  | { readonly type: 'interception-lost'; readonly reason: string };

/** How often a snapshot is taken. */
export const SNAPSHOT_INTERVAL_MS = 500;
/** Live flows in a snapshot: bounds what the worker spends on telling. */
export const MAX_ACTIVE_FLOWS = 2000;
