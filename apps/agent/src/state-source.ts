import type { FlowRecord } from '@longhaul/contracts';
import type { DataPlaneState } from '@longhaul/edge';
import type { TelemetryStatistics } from './control/telemetry/uplink.js';
import type { DataPlaneSnapshot } from './data-plane/messages.js';

/** A data plane's state as its source knows it: peers may be named by host names. */
export type WantedState = Omit<DataPlaneState, 'peers'> & {
  readonly peers: readonly WantedPeer[];
};

export type WantedPeer = Omit<DataPlaneState['peers'][number], 'endpoints'> & {
  /** For people. */
  readonly name: string;
  /** `host:port`, an IPv6 address in [brackets]. */
  readonly endpoints: readonly string[];
};

/** Puts a state in force as a whole. Rejects with the reason if it cannot be; the one before then stays. */
export type ApplyState = (state: WantedState) => Promise<void>;

/** Where an agent learns what it has to be: a file, or a controller. */
export interface StateSource {
  /**
   * Puts the first state in force as far as it is known here, and reaches nobody: for a process that takes over from another, which
   * speaks for the agent until {@link start}.
   */
  prepare?(apply: ApplyState): Promise<void>;
  /** Resolves when the first state is in force, or when there is none yet. */
  start(apply: ApplyState): Promise<void>;
  /** No state is applied any more when it resolves. */
  stop(): Promise<void>;
  /** Comes last, when the data plane has ended and told its last counts. */
  close?(): Promise<void>;
  /** What the data plane has counted, twice a second. */
  measured?(snapshot: DataPlaneSnapshot): void;
  /** Takes flow records of another process of the agent, whose connections go on there. */
  relayFlows?(records: readonly FlowRecord[]): void;
  /** Whether it is in touch with whom it has the states from. */
  readonly connected?: boolean;
  /** What it holds and has lost of what was measured, if it takes that anywhere. */
  readonly telemetry?: { readonly statistics: TelemetryStatistics };
  /** For the status report: where the state comes from and how that goes. */
  describe(): Readonly<Record<string, unknown>>;
}
