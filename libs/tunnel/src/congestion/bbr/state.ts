import type { AckSample } from '../controller.js';
import type { Bbr } from './bbr.js';

/** One state of the machine: its gains, and when it ends. Each lives in a file of its own. */
export interface BbrState {
  readonly name: string;
  pacingGain(bbr: Bbr): number;
  readonly windowGain: number;
  /** Loss in this state is expected: it does not lower the short-term bounds (section 5.5.10.3). */
  readonly probing: boolean;
  /** Bytes per microsecond and bytes, where they do not follow from the model; 0: they do. */
  readonly fixedRate?: number;
  readonly fixedWindow?: number;
  enter(bbr: Bbr, nowUs: number): void;
  onAck(bbr: Bbr, sample: AckSample): void;
}
