import { DOUBLE_ZERO } from './memory/double-field.js';

/** A burst is at most this long, so that a queue of a few packets at the bottleneck can take it. */
const BURST_BYTES = 65_536;
const BURST_US = 1000;
/** A late wake-up sends at once what it owes, up to this much of it. */
const AT_ONCE_US = 2000;
/** A wake-up this much after its burst was due is late. */
const LATE_US = 1000;
/** What is owed beyond that leaves at so many times the rate, so that it meets the bottleneck as a slope and not as a wall. */
const CATCH_UP_GAIN = 2;
/** Nothing older is owed: half a round trip, within bounds, which is what it may add to the queue of the path. */
const DEBT_RTT_SHARE = 1 / 2;
const MOST_DEBT_US = 10_000;
/** Never less than two full packets, or a slow link would not be able to send one. */
const LEAST_BYTES = 3000;

/**
 * Two token buckets on elapsed time: `owed` holds the mean rate, however late the event loop is woken; `peak` how fast
 * lateness is made up for. Rates are bytes per microsecond.
 */
export class Pacer {
  private owed = DOUBLE_ZERO;
  private peak = DOUBLE_ZERO;
  private lastUs = DOUBLE_ZERO;
  private rate = DOUBLE_ZERO;
  /** The last call came so much later than a burst was due that what is owed now may stand as a queue of the path. */
  late = false;

  /** Adds what the time since the last call has earned. `minRttUs`: the path's least round trip, Infinity if not known. */
  refill(nowUs: number, rate: number, minRttUs: number): void {
    const elapsed = Math.max(0, nowUs - this.lastUs);
    this.rate = rate;
    this.lastUs = nowUs;
    const debtUs = Math.max(AT_ONCE_US, Math.min(MOST_DEBT_US, minRttUs * DEBT_RTT_SHARE));
    this.late = this.owed + elapsed * rate > this.burst + LATE_US * rate;
    this.owed = Math.min(this.owed + elapsed * rate, Math.max(debtUs * rate, LEAST_BYTES));
    const peakRate = CATCH_UP_GAIN * rate;
    this.peak = Math.min(this.peak + elapsed * peakRate, Math.max(AT_ONCE_US * rate, LEAST_BYTES));
  }

  /** Whether a burst is worth beginning: half of one has been earned. */
  get mayBegin(): boolean {
    return Math.min(this.owed, this.peak) >= Math.min(this.burst / 2, LEAST_BYTES * 8);
  }

  /** Bytes that leave together. */
  private get burst(): number {
    return Math.min(BURST_BYTES, BURST_US * this.rate);
  }

  /** Whether another packet of a burst may leave now. */
  get ready(): boolean {
    return this.owed > 0 && this.peak > 0;
  }

  /** Nothing is owed: the sender had nothing to send, or no leave to. What is saved up makes no more than a burst. */
  rest(): void {
    this.owed = Math.min(this.owed, Math.max(this.burst, LEAST_BYTES));
  }

  spend(bytes: number): void {
    this.owed -= bytes;
    this.peak -= bytes;
  }

  /** When a burst worth a wake-up will have been earned. */
  nextUs(nowUs: number): number {
    if (this.rate <= 0) return Infinity;
    const owedUs = (this.burst - this.owed) / this.rate;
    const peakUs = (this.burst - this.peak) / (CATCH_UP_GAIN * this.rate);
    return nowUs + Math.max(0, owedUs, peakUs);
  }
}
