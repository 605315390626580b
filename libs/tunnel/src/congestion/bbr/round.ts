import type { AckSample } from '../controller.js';

/** Counts packet-timed round trips (draft-ietf-ccwg-bbr section 5.5.1). */
export class RoundCounter {
  count = 0;
  /** The current acknowledgement began a round. */
  started = false;
  /** Lowest round trip of the round before, microseconds; Infinity without a sample. */
  lastMinRttUs = Infinity;
  /** Share of bytes lost in the round before, 0 to 1. */
  lastLossRate = 0;
  /** Bytes lost in the round before. */
  lastLost = 0;
  /** Difference between the highest and the lowest of the round before, microseconds. */
  lastRttSpreadUs = 0;
  private minRttUs = Infinity;
  private maxRttUs = 0;
  private lost = 0;
  private acknowledged = 0;
  private endDelivered = 0;

  update(sample: AckSample): void {
    if (sample.rttUs >= 0) {
      this.minRttUs = Math.min(this.minRttUs, sample.rttUs);
      this.maxRttUs = Math.max(this.maxRttUs, sample.rttUs);
    }
    this.lost += sample.lostBytes;
    this.acknowledged += sample.acknowledgedBytes;
    this.started = sample.sampleDelivered > 0 && sample.priorDelivered >= this.endDelivered;
    if (this.started) this.close(sample);
  }

  private close(sample: AckSample): void {
    this.count++;
    this.endDelivered = sample.delivered;
    this.lastMinRttUs = this.minRttUs;
    this.lastRttSpreadUs = Math.max(0, this.maxRttUs - this.minRttUs);
    this.lastLost = this.lost;
    this.lastLossRate = this.lost / Math.max(1, this.lost + this.acknowledged);
    this.minRttUs = Infinity;
    this.maxRttUs = 0;
    this.lost = 0;
    this.acknowledged = 0;
  }

  /** What is in flight now belongs to the old round: the next one begins with what is sent from here on. */
  restart(delivered: number): void {
    this.endDelivered = delivered;
  }
}
