/** A burst is at most this long, so that a queue of a few packets at the bottleneck can take it. */
const BURST_BYTES = 65_536;
const BURST_US = 1000;
/** A late wake-up sends what it owes, up to this much of it. */
const MAX_DEBT_US = 2000;
/** Never less than two full packets, or a slow link would not be able to send one. */
const LEAST_BYTES = 3000;

/** A token bucket on elapsed time. Rates are bytes per microsecond. */
export class Pacer {
  private tokens = 0;
  private lastUs = 0;
  private rate = 0;

  /** Adds what the time since the last call has earned. */
  refill(nowUs: number, rate: number): void {
    const elapsed = Math.max(0, nowUs - this.lastUs);
    this.rate = rate;
    this.lastUs = nowUs;
    this.tokens = Math.min(this.tokens + elapsed * rate, Math.max(MAX_DEBT_US * rate, LEAST_BYTES));
  }

  /** Whether a burst is worth beginning: half of one has been earned. */
  get mayBegin(): boolean {
    return this.tokens >= Math.min(this.burst / 2, LEAST_BYTES * 8);
  }

  /** Bytes that leave together. */
  private get burst(): number {
    return Math.min(BURST_BYTES, BURST_US * this.rate);
  }

  /** Whether another packet of a burst may leave now. */
  get ready(): boolean {
    return this.tokens > 0;
  }

  /** Nothing is owed: the sender had nothing to send, or no leave to. What is saved up makes no more than a burst. */
  rest(): void {
    this.tokens = Math.min(this.tokens, Math.max(this.burst, LEAST_BYTES));
  }

  spend(bytes: number): void {
    this.tokens -= bytes;
  }

  /** When a burst worth a wake-up will have been earned. */
  nextUs(nowUs: number): number {
    if (this.rate <= 0) return Infinity;
    return nowUs + Math.max(0, (this.burst - this.tokens) / this.rate);
  }
}
