import { DOUBLE_ZERO } from '../memory/double-field.js';

/** Timer granularity, RFC 9002 section 6.1.2. */
const GRANULARITY_US = 1000;
/** Before the first sample, RFC 9002 section 6.2.2 takes 333 ms. */
const INITIAL_RTT_US = 333_000;
/**
 * The least round trip is that of this time and of as much before it, so that a route that has become longer shows (RFC 9002
 * section 5.2 leaves the time open; Linux forgets after 300 s, tcp_min_rtt_wlen).
 */
const MIN_RTT_WINDOW_US = 30_000_000;

/** Round-trip times as RFC 9002 section 5 estimates them, in microseconds. */
export class RttEstimator {
  smoothedUs = INITIAL_RTT_US + DOUBLE_ZERO;
  variationUs = INITIAL_RTT_US / 2 + DOUBLE_ZERO;
  /** Lowest recent sample, see {@link MIN_RTT_WINDOW_US}. */
  minUs = Infinity;
  latestUs = DOUBLE_ZERO;
  private windowSinceUs = DOUBLE_ZERO;
  private windowMinUs = Infinity;

  /** Another path: nothing is known. */
  restart(): void {
    this.smoothedUs = INITIAL_RTT_US;
    this.variationUs = INITIAL_RTT_US / 2;
    this.minUs = Infinity;
    this.windowMinUs = Infinity;
    this.latestUs = 0;
  }

  get hasSample(): boolean {
    return this.minUs !== Infinity;
  }

  /** `ackDelayUs` is what the peer says it waited before it acknowledged, `nowUs` when the acknowledgement came. */
  sample(rttUs: number, ackDelayUs: number, nowUs: number): void {
    const first = !this.hasSample;
    this.latestUs = rttUs;
    this.updateMin(rttUs, nowUs);
    if (first) {
      this.smoothedUs = rttUs;
      this.variationUs = rttUs / 2;
      return;
    }
    const adjusted = rttUs - ackDelayUs >= this.minUs ? rttUs - ackDelayUs : rttUs;
    this.variationUs += (Math.abs(this.smoothedUs - adjusted) - this.variationUs) / 4;
    this.smoothedUs += (adjusted - this.smoothedUs) / 8;
  }

  private updateMin(rttUs: number, nowUs: number): void {
    if (nowUs - this.windowSinceUs >= MIN_RTT_WINDOW_US) {
      const recent = nowUs - this.windowSinceUs < 2 * MIN_RTT_WINDOW_US;
      this.minUs = recent ? this.windowMinUs : Infinity;
      this.windowMinUs = Infinity;
      this.windowSinceUs = nowUs;
    }
    this.windowMinUs = Math.min(this.windowMinUs, rttUs);
    this.minUs = Math.min(this.minUs, rttUs);
  }

  /** RFC 9002 section 6.2.1. */
  probeTimeoutUs(maxAckDelayUs: number): number {
    return this.smoothedUs + Math.max(4 * this.variationUs, GRANULARITY_US) + maxAckDelayUs;
  }
}
