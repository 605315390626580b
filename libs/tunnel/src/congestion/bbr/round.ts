import type { AckSample } from '../controller.js';
import { DOUBLE_ZERO } from '../../memory/double-field.js';

/** Counts packet-timed round trips (draft-ietf-ccwg-bbr section 5.5.1). */
export class RoundCounter {
  count = 0;
  /** The current acknowledgement began a round. */
  started = false;
  /** Share of bytes lost in the round before, 0 to 1. */
  lastLossRate = DOUBLE_ZERO;
  /** Bytes lost in the round before. */
  lastLost = DOUBLE_ZERO;
  /** Mean delivery rate of the round before, bytes per microsecond; 0 without one. */
  lastRate = DOUBLE_ZERO;
  private lost = DOUBLE_ZERO;
  private acknowledged = DOUBLE_ZERO;
  private endDelivered = DOUBLE_ZERO;
  private startDelivered = DOUBLE_ZERO;
  private startUs = DOUBLE_ZERO;

  update(sample: AckSample): void {
    this.lost = Math.max(0, this.lost + sample.lostBytes - sample.spuriousBytes);
    this.acknowledged += sample.acknowledgedBytes;
    this.started = sample.sampleDelivered > 0 && sample.priorDelivered >= this.endDelivered;
    if (this.started) this.close(sample);
  }

  private close(sample: AckSample): void {
    this.count++;
    this.lastRate = (sample.delivered - this.startDelivered) / Math.max(1, sample.nowUs - this.startUs);
    this.startDelivered = sample.delivered;
    this.startUs = sample.nowUs;
    this.endDelivered = sample.delivered;
    this.lastLost = this.lost;
    this.lastLossRate = this.lost / Math.max(1, this.lost + this.acknowledged);
    this.lost = 0;
    this.acknowledged = 0;
  }

  /** What is in flight now belongs to the old round: the next one begins with what is sent from here on. */
  restart(delivered: number): void {
    this.endDelivered = delivered;
  }
}
