/** 1 Mbit/s in bytes per nanosecond. */
const BYTES_PER_NS_PER_MBPS = 1.25e-4;
/** A limit lets through at once what it lets through in so long, so that an event loop which is late loses nothing … */
const BURST_NS = 20_000_000;
/** … and at least so much, so that a block is worth compressing. */
const LEAST_BURST_BYTES = 16_384;

/** Bytes of memory that a bucket needs. */
export const BUCKET_BYTES = 8;

/**
 * A token bucket, as virtual scheduling has it (GCRA, ITU-T I.371 annex A): what it keeps is the moment at which all that
 * was taken would have left at the rate. Threads that share its memory share the bucket. More may be taken than there is;
 * nobody is admitted then until that is made up for.
 */
export class TokenBucket {
  /** Nanoseconds on CLOCK_MONOTONIC. */
  private readonly paidUntil: BigInt64Array;
  private bytesPerNs = Infinity;
  private depthNs = 0;

  /** @param memory {@link BUCKET_BYTES}, zero at first */
  constructor(memory: SharedArrayBuffer, offset = 0) {
    this.paidUntil = new BigInt64Array(memory, offset, 1);
  }

  /** Mbit/s; undefined: no limit. What was taken at another rate is forgotten. */
  setRate(mbps: number | undefined): void {
    const bytesPerNs = mbps === undefined ? Infinity : mbps * BYTES_PER_NS_PER_MBPS;
    if (bytesPerNs === this.bytesPerNs) return;
    this.bytesPerNs = bytesPerNs;
    this.depthNs = Math.max(BURST_NS, LEAST_BURST_BYTES / bytesPerNs);
    Atomics.store(this.paidUntil, 0, 0n);
  }

  get limited(): boolean {
    return this.bytesPerNs !== Infinity;
  }

  /** The most that should be taken at once. */
  get burstBytes(): number {
    return Math.floor(this.depthNs * this.bytesPerNs);
  }

  take(bytes: number, nowUs: number): void {
    const { paidUntil } = this;
    const floor = BigInt(Math.floor(nowUs * 1000 - this.depthNs));
    const cost = BigInt(Math.round(bytes / this.bytesPerNs));
    for (;;) {
      const paid = Atomics.load(paidUntil, 0);
      const next = (paid > floor ? paid : floor) + cost;
      if (Atomics.compareExchange(paidUntil, 0, paid, next) === paid) return;
    }
  }

  /** When something may be taken, in microseconds on the clock of `nowUs`; in the past: now. */
  get readyUs(): number {
    return this.limited ? Number(Atomics.load(this.paidUntil, 0)) / 1000 : 0;
  }
}
