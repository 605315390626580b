import type { AckSample } from '../controller.js';
import { DOUBLE_ZERO } from '../../memory/double-field.js';

/** The maximum is over the last one to two of these: an event loop that was late once may be so again soon. */
const WINDOW_US = 200_000;
/** More than this is an outage of a host, and not how it works. */
const MOST_US = 20_000;
const MEAN_WEIGHT = 1 / 16;

/**
 * How long packets and acknowledgements wait in the two hosts rather than in the network, as Swift tells them apart
 * (Kumar et al., SIGCOMM 2020, section 3.2). Window has to be there for it, or a path of half a millisecond between event
 * loops that are woken after three would never be filled; but it is no queue to give way to.
 */
export class HostDelay {
  /** Smoothed. */
  meanUs = DOUBLE_ZERO;
  private currentUs = DOUBLE_ZERO;
  private previousUs = DOUBLE_ZERO;
  private sinceUs = DOUBLE_ZERO;

  update({ nowUs, rttUs, hostDelayUs }: AckSample): void {
    if (rttUs < 0) return;
    const delayUs = Math.min(MOST_US, hostDelayUs);
    this.meanUs += (delayUs - this.meanUs) * MEAN_WEIGHT;
    if (nowUs - this.sinceUs > WINDOW_US) {
      this.previousUs = this.currentUs;
      this.currentUs = 0;
      this.sinceUs = nowUs;
    }
    this.currentUs = Math.max(this.currentUs, delayUs);
  }

  /** The most of late. */
  get maxUs(): number {
    return Math.max(this.currentUs, this.previousUs);
  }
}
