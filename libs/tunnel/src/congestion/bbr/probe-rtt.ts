import type { AckSample } from '../controller.js';
import type { Bbr } from './bbr.js';
import type { BbrState } from './state.js';
import { DOUBLE_ZERO } from '../../memory/double-field.js';

/** Section 2.13.1: how long the pipe is held low, and how often. */
const DURATION_US = 200_000;
const INTERVAL_US = 5_000_000;
/** Section 2.13.2: how long a minimum is believed. */
const MIN_RTT_WINDOW_US = 10_000_000;
/**
 * A sample this near to the minimum shows that the queue is empty, so that the minimum counts as seen again: without it
 * the clock noise of a user-space receiver would have us drain a pipe that holds no queue.
 */
const NEAR_MINIMUM = 1 / 16;
const NEAR_MINIMUM_US = 250;

/** The least round trip, and when it was last seen (section 5.5.9). */
export class MinRttFilter {
  minUs = Infinity;
  /**
   * Mean deviation of the round trip, smoothed as in RFC 6298: where packets are delayed by chance, the pipe holds more than
   * the least round trip says.
   */
  deviationUs = DOUBLE_ZERO;
  private smoothedUs = DOUBLE_ZERO;
  private seenUs = DOUBLE_ZERO;
  private probedUs = DOUBLE_ZERO;

  /** A sample may be `slackUs` over the minimum for the path's own jitter. */
  update(sample: AckSample, slackUs: number): void {
    if (sample.rttUs < 0) return;
    this.observeDeviation(sample.rttUs);
    const expired = sample.nowUs - this.seenUs > MIN_RTT_WINDOW_US;
    if (sample.rttUs <= this.minUs || expired) {
      this.minUs = sample.rttUs;
      this.seenUs = sample.nowUs;
      this.probedUs = sample.nowUs;
    } else if (sample.rttUs <= this.minUs + Math.max(this.minUs * NEAR_MINIMUM, NEAR_MINIMUM_US, slackUs)) {
      this.seenUs = sample.nowUs;
      this.probedUs = sample.nowUs;
    }
  }

  private observeDeviation(rttUs: number): void {
    if (this.smoothedUs === 0) this.smoothedUs = rttUs;
    this.deviationUs += (Math.abs(rttUs - this.smoothedUs) - this.deviationUs) / 16;
    this.smoothedUs += (rttUs - this.smoothedUs) / 8;
  }

  get known(): boolean {
    return this.minUs !== Infinity;
  }

  /** The minimum was not seen for so long that the pipe must be drained to look. */
  probeDue(nowUs: number): boolean {
    return this.minUs !== Infinity && nowUs - this.probedUs > INTERVAL_US;
  }

  /** The pipe was drained: what was seen meanwhile stands. */
  probed(nowUs: number): void {
    this.probedUs = nowUs;
  }
}

/** Empties the pipe for a moment, so that the least round trip can be seen (section 5.3.4). */
export class ProbeRtt implements BbrState {
  readonly name = 'probe-rtt';
  pacingGain(): number {
    return 1;
  }
  /** Section 2.5, BBR.ProbeRTTCwndGain. */
  readonly windowGain = 0.5;
  readonly probing = false;
  private doneUs = DOUBLE_ZERO;
  private roundSeen = false;

  enter(bbr: Bbr): void {
    this.doneUs = 0;
    this.roundSeen = false;
    bbr.round.restart(bbr.delivered);
  }

  onAck(bbr: Bbr, sample: AckSample): void {
    if (this.doneUs === 0) {
      if (sample.inFlight <= bbr.bytesInPipe(this.windowGain)) {
        this.doneUs = sample.nowUs + DURATION_US;
        bbr.round.restart(sample.delivered);
      }
      return;
    }
    if (bbr.round.started) this.roundSeen = true;
    if (this.roundSeen && sample.nowUs >= this.doneUs) {
      bbr.minRtt.probed(sample.nowUs);
      bbr.enter(bbr.fullPipe.reached ? bbr.states.probeBandwidth : bbr.states.startup, sample.nowUs);
    }
  }
}
