import type { AckSample } from '../controller.js';
import type { Bbr } from './bbr.js';
import type { BbrState } from './state.js';

/** Lets the queue that startup built run off (section 5.3.2). */
export class Drain implements BbrState {
  readonly name = 'drain';
  /** Section 2.4, BBR.DrainPacingGain. */
  pacingGain(): number {
    return 0.5;
  }
  readonly windowGain = 2;
  readonly probing = false;

  enter(): void {
    // The gains are all there is to it.
  }

  onAck(bbr: Bbr, sample: AckSample): void {
    if (sample.inFlight <= bbr.drainedBytes) bbr.enter(bbr.states.probeBandwidth, sample.nowUs);
  }
}
