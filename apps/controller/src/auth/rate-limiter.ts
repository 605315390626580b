/** Forgotten first when there are more; bounds the memory that an attacker can take. */
const MAX_KEYS = 100_000;

interface Bucket {
  tokens: number;
  updatedAtMs: number;
}

/**
 * Token buckets by key, in this process: with several replicas an attacker has that many times the attempts, which is
 * still few.
 */
export class RateLimiter {
  private readonly buckets = new Map<string, Bucket>();

  /**
   * @param capacity attempts at once
   * @param refillMs time in which one more is earned, in milliseconds
   */
  constructor(
    private readonly capacity: number,
    private readonly refillMs: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** Takes one attempt; returns 0, or the milliseconds to wait when none is left. */
  take(key: string): number {
    const bucket = this.refill(key);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 0;
    }
    return Math.ceil((1 - bucket.tokens) * this.refillMs);
  }

  /** The attempt was a good one and does not count. */
  giveBack(key: string): void {
    const bucket = this.buckets.get(key);
    if (bucket !== undefined) bucket.tokens = Math.min(this.capacity, bucket.tokens + 1);
  }

  private refill(key: string): Bucket {
    const nowMs = this.now();
    const known = this.buckets.get(key) ?? { tokens: this.capacity, updatedAtMs: nowMs };
    known.tokens = Math.min(this.capacity, known.tokens + (nowMs - known.updatedAtMs) / this.refillMs);
    known.updatedAtMs = nowMs;
    // Re-inserted at the end: the map's order is that of last use.
    this.buckets.delete(key);
    this.buckets.set(key, known);
    if (this.buckets.size > MAX_KEYS) {
      const [oldest] = this.buckets.keys();
      if (oldest !== undefined) this.buckets.delete(oldest);
    }
    return known;
  }
}
