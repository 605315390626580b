import { DOUBLE_ZERO } from '../memory/double-field.js';

/** Timer granularity, RFC 9002 section 6.1.2. */
const GRANULARITY_US = 1000;
/** Before the first sample, RFC 9002 section 6.2.2 takes 333 ms. */
const INITIAL_RTT_US = 333_000;

/** Round-trip times as RFC 9002 section 5 estimates them, in microseconds. */
export class RttEstimator {
  smoothedUs = INITIAL_RTT_US + DOUBLE_ZERO;
  variationUs = INITIAL_RTT_US / 2 + DOUBLE_ZERO;
  /** Lowest sample ever. */
  minUs = Infinity;
  latestUs = DOUBLE_ZERO;

  /** Another path: nothing is known. */
  restart(): void {
    this.smoothedUs = INITIAL_RTT_US;
    this.variationUs = INITIAL_RTT_US / 2;
    this.minUs = Infinity;
    this.latestUs = 0;
  }

  get hasSample(): boolean {
    return this.minUs !== Infinity;
  }

  /** `ackDelayUs` is what the peer says it waited before it acknowledged. */
  sample(rttUs: number, ackDelayUs: number): void {
    this.latestUs = rttUs;
    if (!this.hasSample) {
      this.minUs = rttUs;
      this.smoothedUs = rttUs;
      this.variationUs = rttUs / 2;
      return;
    }
    this.minUs = Math.min(this.minUs, rttUs);
    const adjusted = rttUs - ackDelayUs >= this.minUs ? rttUs - ackDelayUs : rttUs;
    this.variationUs += (Math.abs(this.smoothedUs - adjusted) - this.variationUs) / 4;
    this.smoothedUs += (adjusted - this.smoothedUs) / 8;
  }

  /** RFC 9002 section 6.2.1. */
  probeTimeoutUs(maxAckDelayUs: number): number {
    return this.smoothedUs + Math.max(4 * this.variationUs, GRANULARITY_US) + maxAckDelayUs;
  }
}
