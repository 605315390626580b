import type { AckSample } from '../controller.js';
import type { Bbr } from './bbr.js';
import type { BbrState } from './state.js';

/**
 * Fewer packets lost than this tell nothing. The draft asks for 6 (section 5.3.1.3); a path that reorders has cost a young
 * tunnel as many before its loss detection has learnt of it.
 */
export const LEAST_LOST_PACKETS = 16;

/** Doubles the rate each round until the pipe is full (draft-ietf-ccwg-bbr section 5.3.1). */
export class Startup implements BbrState {
  readonly name = 'startup';
  /** 4 ln 2, the least gain that doubles each round: section 2.4, BBR.StartupPacingGain. */
  pacingGain(): number {
    return 2.77;
  }
  /** Section 2.5, BBR.DefaultCwndGain. */
  readonly windowGain = 2;
  readonly probing = true;

  enter(): void {
    // Startup is where the machine begins; there is nothing to prepare.
  }

  onAck(bbr: Bbr, sample: AckSample): void {
    if (this.lossFillsPipe(bbr, sample) || bbr.queueBuilds) bbr.fullPipe.reached = true;
    bbr.states.resume.reconnoitre(bbr, sample);
    if (bbr.fullPipe.reached) bbr.enter(bbr.states.drain, sample.nowUs);
  }

  /** Section 5.3.1.3: a round that lost more than the profile tolerates ends startup. */
  private lossFillsPipe(bbr: Bbr, sample: AckSample): boolean {
    const { round } = bbr;
    if (!round.started || round.lastLossRate <= bbr.tuning.lossTolerance) return false;
    if (round.lastLost < LEAST_LOST_PACKETS * bbr.packetBytes) return false;
    bbr.inFlightLongTerm = Math.max(bbr.bytesInPipe(1), sample.sampleDelivered);
    return true;
  }
}
