import type { AckSample } from '../controller.js';
import { DOUBLE_ZERO } from '../../memory/double-field.js';

/** The minimum is over this share of the round trip, once or twice, and over so many samples. */
const WINDOW_RTT_SHARE = 1 / 4;
const WINDOW_LEAST_US = 1000;
const WINDOW_SAMPLES = 8;
/** Weight of a round in the mean of the path's wander, and how much of that is allowed for. */
const WANDER_WEIGHT = 1 / 8;
const WANDER_ALLOWANCE = 1.75;
/** Weight of a round in the level of the round trip, and what is allowed for the wander around its lowest. */
const LEVEL_WEIGHT = 1 / 8;
const LEVEL_ALLOWANCE = 0.75;
/** A path whose rounds differ by so much on the average wanders by itself; what is less may be probes of our own. */
const WANDERING_US = 1000;
/** A queue is building when so much of the round trip, within bounds, is exceeded … */
const QUEUE_RTT_SHARE = 0.25;
const QUEUE_LEAST_US = 2000;
const QUEUE_MOST_US = 20_000;
/** … and stands when it exceeds this share of that. */
const STANDING_SHARE = 0.5;

/**
 * How long packets wait in the queue of the path, for the profile that brakes on it: the least round trip of the last
 * moments over the least ever, apart from how the path's delay wanders by itself.
 */
export class QueueDelay {
  private currentUs = Infinity;
  private previousUs = Infinity;
  private sinceUs = DOUBLE_ZERO;
  private samples = 0;
  private roundMinUs = Infinity;
  private lastRoundMinUs = Infinity;
  /** Mean difference between the least round trips of two rounds that follow each other, microseconds. */
  wanderUs = DOUBLE_ZERO;
  /** Mean of the rounds' least round trips, and the lowest that it has been. */
  private levelUs = DOUBLE_ZERO;
  private lowestLevelUs = Infinity;
  private rounds = 0;

  update(sample: AckSample, minRttUs: number, roundStarted: boolean): void {
    if (roundStarted) this.closeRound();
    const { rttUs, nowUs } = sample;
    if (rttUs < 0) return;
    this.roundMinUs = Math.min(this.roundMinUs, rttUs);
    if (this.windowIsOver(nowUs, minRttUs)) {
      this.previousUs = this.currentUs;
      this.currentUs = rttUs;
      this.sinceUs = nowUs;
      this.samples = 1;
    } else {
      this.currentUs = Math.min(this.currentUs, rttUs);
      this.samples++;
    }
  }

  private windowIsOver(nowUs: number, minRttUs: number): boolean {
    const lengthUs = Math.max(WINDOW_LEAST_US, minRttUs * WINDOW_RTT_SHARE);
    return nowUs - this.sinceUs > lengthUs && this.samples >= WINDOW_SAMPLES;
  }

  private closeRound(): void {
    if (this.roundMinUs === Infinity) return;
    if (this.lastRoundMinUs !== Infinity) {
      const step = Math.abs(this.roundMinUs - this.lastRoundMinUs);
      this.wanderUs += (step - this.wanderUs) * WANDER_WEIGHT;
    }
    this.updateLevel();
    this.lastRoundMinUs = this.roundMinUs;
    this.roundMinUs = Infinity;
  }

  /**
   * The least round trip ever is luck where the path wanders, and two tunnels with different luck would bear different queues.
   * The lowest level is the same for both.
   */
  private updateLevel(): void {
    if (this.rounds === 0) this.levelUs = this.roundMinUs;
    this.levelUs += (this.roundMinUs - this.levelUs) * LEVEL_WEIGHT;
    if (++this.rounds >= 1 / LEVEL_WEIGHT) this.lowestLevelUs = Math.min(this.lowestLevelUs, this.levelUs);
  }

  private delayUs(minRttUs: number): number {
    const recent = Math.min(this.currentUs, this.previousUs);
    if (recent === Infinity) return 0;
    return recent - (this.wanders(minRttUs) ? this.lowestLevelUs : minRttUs);
  }

  private thresholdUs(minRttUs: number): number {
    return Math.min(QUEUE_MOST_US, Math.max(QUEUE_LEAST_US, minRttUs * QUEUE_RTT_SHARE));
  }

  private wanders(minRttUs: number): boolean {
    return this.wanderUs > WANDERING_US && this.lowestLevelUs !== Infinity && this.lowestLevelUs > minRttUs;
  }

  private slackUs(minRttUs: number): number {
    return this.wanderUs * (this.wanders(minRttUs) ? LEVEL_ALLOWANCE : WANDER_ALLOWANCE);
  }

  /** The queue is more than a probe for bandwidth explains. */
  builds(minRttUs: number): boolean {
    return this.delayUs(minRttUs) > this.thresholdUs(minRttUs) + this.slackUs(minRttUs);
  }

  /** The queue is more than a level rate explains. */
  stands(minRttUs: number): boolean {
    return this.delayUs(minRttUs) > this.thresholdUs(minRttUs) * STANDING_SHARE + this.slackUs(minRttUs);
  }
}
