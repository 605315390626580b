import { DOUBLE_ZERO } from '../memory/double-field.js';

/** The rate is measured over a round trip, and at least over this. */
const LEAST_INTERVAL_US = 10_000;
/** A rate that is at least this share of the highest confirms it. */
const CONFIRMING_SHARE = 0.5;

/** How fast the peer's packets have come at best, over a round trip: what new streams may be given as their first credit. */
export class ReceiveRate {
  /** When {@link peak} was last confirmed. */
  confirmedUs = DOUBLE_ZERO;
  private sinceUs = DOUBLE_ZERO;
  private sinceBytes = DOUBLE_ZERO;

  /** `peak`: what is remembered from an earlier transport, bytes per microsecond. */
  constructor(public peak = 0) {}

  /** `receivedBytes` are counted since the transport began. */
  update(nowUs: number, receivedBytes: number, smoothedRttUs: number): void {
    const elapsedUs = nowUs - this.sinceUs;
    if (elapsedUs < Math.max(smoothedRttUs, LEAST_INTERVAL_US)) return;
    const rate = (receivedBytes - this.sinceBytes) / elapsedUs;
    if (rate > 0 && rate >= CONFIRMING_SHARE * this.peak) this.confirmedUs = nowUs;
    this.peak = Math.max(this.peak, rate);
    this.sinceUs = nowUs;
    this.sinceBytes = receivedBytes;
  }
}
