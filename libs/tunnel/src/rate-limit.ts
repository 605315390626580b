const SECOND_US = 1_000_000;

/** Counts what happens within a second. */
export class RateLimit {
  private sinceUs = -Infinity;
  private count = 0;

  constructor(private readonly perSecond: number) {}

  /** Counts one more. False: it is over the limit. */
  take(nowUs: number): boolean {
    if (nowUs - this.sinceUs >= SECOND_US) {
      this.sinceUs = nowUs;
      this.count = 0;
    }
    return ++this.count <= this.perSecond;
  }
}
