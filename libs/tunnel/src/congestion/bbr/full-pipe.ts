import type { AckSample } from '../controller.js';
import { DOUBLE_ZERO } from '../../memory/double-field.js';

/** Growth below which a round counts as none, and how many such rounds fill the pipe (section 5.3.1.2). */
const GROWTH = 1.25;
const ROUNDS = 3;

/** Notices that the delivery rate has stopped growing: the pipe is full (draft-ietf-ccwg-bbr section 5.3.1.2). */
export class FullPipeDetector {
  /** Once true it stays so: startup is over. */
  reached = false;
  /** In the current probe. */
  now = false;
  /** Rounds without growth so far. */
  rounds = 0;
  private rate = DOUBLE_ZERO;

  /**
   * @param saturated false when the path shows neither queue nor loss, where that can be told: a round without growth
   * was then held up by sender or receiver, and tells nothing of the path
   */
  update(sample: AckSample, rate: number, roundStarted: boolean, saturated = true): void {
    if (this.now || sample.appLimited) return;
    if (rate >= this.rate * GROWTH) {
      this.restart(rate);
      return;
    }
    if (!roundStarted || !saturated) return;
    this.rounds++;
    this.now = this.rounds >= ROUNDS;
    if (this.now) this.reached = true;
  }

  /** Looks for growth anew from `rate`. */
  restart(rate: number): void {
    this.now = false;
    this.rate = rate;
    this.rounds = 0;
  }
}
