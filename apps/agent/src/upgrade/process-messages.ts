import type { FlowRecord } from '@longhaul/contracts';
import type { HandedOverAgent } from '../run-agent.js';

/**
 * What the supervisor and the agent's processes say to each other, as JSON over the channel of child_process. The two may be of
 * different versions: a field may be added, and is then left out by the other; none may change or go.
 */

/** A release that is unpacked, and is to be tried. */
export interface ReleaseToTry {
  readonly version: string;
  /** Of its file. */
  readonly sha256: string;
  readonly attempt: number;
  readonly confirmSeconds: number;
  readonly soakSeconds: number;
  readonly drainSeconds: number;
}

/** A release that is not tried again before a higher attempt is asked for. */
export interface RefusedRelease {
  readonly version: string;
  readonly sha256: string;
  readonly attempt: number;
  readonly reason: string;
  /** Unix milliseconds. */
  readonly atMs: number;
}

/** What the supervisor asks a process to do. Each is answered when it is done. */
export type Task =
  /** Done when the process is as good as its predecessor, or, without one, when its first state is in force. */
  | { readonly type: 'start'; readonly half: 0 | 1; readonly predecessor?: HandedOverAgent }
  /** Another process is about to take over; answered with what it has to know. */
  | { readonly type: 'hand-over' }
  /** It does not speak for the agent any more. */
  | { readonly type: 'release' }
  /** What is new comes to it, and it speaks for the agent; done when the controller is reached. */
  | { readonly type: 'take-over' }
  /** Intercepted connections go to the process that has taken over. */
  | { readonly type: 'step-back' }
  /** The process that was to take over is no more. */
  | { readonly type: 'take-back' }
  /** The process that has taken over is good: this one ends when its connections do, or after so long. */
  | { readonly type: 'retire'; readonly drainSeconds: number }
  /** The process before has ended. */
  | { readonly type: 'predecessor-ended' };

export type ToProcess =
  | { readonly kind: 'task'; readonly id: number; readonly task: Task }
  /** What connections of the process before have moved. */
  | { readonly kind: 'flows'; readonly records: readonly FlowRecord[] }
  /** How upgrades stand. */
  | { readonly kind: 'standing'; readonly standing: UpgradeStanding };

export type FromProcess =
  | {
      readonly kind: 'done';
      readonly id: number;
      readonly handedOver?: HandedOverAgent;
      readonly error?: string;
    }
  | { readonly kind: 'flows'; readonly records: readonly FlowRecord[] }
  | { readonly kind: 'try'; readonly release: ReleaseToTry }
  /** It cannot be fetched, or is not what was promised. */
  | { readonly kind: 'refuse'; readonly refused: Omit<RefusedRelease, 'atMs'> };

/** How upgrades stand, as the supervisor knows it. */
export interface UpgradeStanding {
  /** What is tried now. */
  readonly trying: Pick<ReleaseToTry, 'version' | 'attempt'> | null;
  readonly refused: readonly RefusedRelease[];
}
