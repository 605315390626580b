import type { AckSample, CongestionController } from './controller.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/** Round-trip time assumed before the first sample, microseconds. */
const INITIAL_RTT_US = 100_000;
/** Loss is compensated up to this share: beyond it the committed rate is not there. */
const MAX_COMPENSATED_LOSS = 0.3;
/** The rate never falls below this share of the committed one. */
const FLOOR = 0.25;
/** Queueing delay that the brake allows, as share of the least round trip and at least. */
const BRAKE_RTT_SHARE = 0.5;
const BRAKE_LEAST_US = 5000;
/** A braked round takes this share off the rate, an easy one gives the other back. */
const BRAKE_STEP = 0.1;
const RELEASE_STEP = 0.05;

/** Sends at the committed rate of the link, faster by what is lost, slower while a queue stands. */
export class FixedRate implements CongestionController {
  congestionWindow: number;
  pacingRate: number;
  private minRttUs = Infinity;
  private roundEnd = DOUBLE_ZERO;
  private roundMinRttUs = Infinity;
  private roundLost = DOUBLE_ZERO;
  private roundAcknowledged = DOUBLE_ZERO;
  private share = 1;
  private compensation = 1;

  constructor(
    /** Committed rate, bytes per microsecond, UDP payload. */
    private readonly committed: number,
    private readonly packetBytes: number,
  ) {
    this.pacingRate = committed;
    this.congestionWindow = this.window();
  }

  get state(): string {
    return this.share < 1 ? 'fixed-braked' : 'fixed';
  }

  get bandwidth(): number {
    return this.committed * this.share;
  }

  /** The rate is the policy's: there is nothing to remember. */
  readonly observed = undefined;

  onLateSending(): void {
    // The rate is given, whatever queue lateness has made.
  }

  onWindowLimited(): void {
    // The window follows from rate and round trip alone.
  }

  onRestartFromIdle(): void {
    this.share = 1;
  }

  onAck(sample: AckSample): void {
    if (sample.rttUs >= 0) {
      this.minRttUs = Math.min(this.minRttUs, sample.rttUs);
      this.roundMinRttUs = Math.min(this.roundMinRttUs, sample.rttUs);
    }
    this.roundLost = Math.max(0, this.roundLost + sample.lostBytes - sample.spuriousBytes);
    this.roundAcknowledged += sample.acknowledgedBytes;
    if (sample.priorDelivered >= this.roundEnd && sample.sampleDelivered > 0) this.endRound(sample.delivered);
  }

  private endRound(delivered: number): void {
    const loss = this.roundLost / Math.max(1, this.roundLost + this.roundAcknowledged);
    this.compensation = 1 / (1 - Math.min(loss, MAX_COMPENSATED_LOSS));
    const queueUs = this.roundMinRttUs === Infinity ? 0 : this.roundMinRttUs - this.minRttUs;
    const braked = queueUs > Math.max(BRAKE_LEAST_US, BRAKE_RTT_SHARE * this.minRttUs);
    this.share = braked ? Math.max(FLOOR, this.share - BRAKE_STEP) : Math.min(1, this.share + RELEASE_STEP);
    this.pacingRate = this.committed * this.share * this.compensation;
    this.congestionWindow = this.window();
    this.roundEnd = delivered;
    this.roundMinRttUs = Infinity;
    this.roundLost = 0;
    this.roundAcknowledged = 0;
  }

  private window(): number {
    const rttUs = this.minRttUs === Infinity ? INITIAL_RTT_US : this.minRttUs;
    return Math.max(16 * this.packetBytes, 2 * this.committed * this.compensation * (rttUs + BRAKE_LEAST_US));
  }
}
