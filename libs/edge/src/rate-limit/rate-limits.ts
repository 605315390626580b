import { nowMicroseconds } from '@longhaul/native';
import { BUCKET_BYTES, TokenBucket } from './token-bucket.js';

/** Memory of the buckets of both directions of a limit. */
export const LIMIT_BYTES = 2 * BUCKET_BYTES;

/** One direction of one connection, where a limit may hold it up. */
export class Gate {
  /** Whether it waits: the connection is told when it is its turn. */
  waits = false;

  constructor(
    private readonly limit: DirectionLimit,
    /** Goes on with the connection. */
    readonly proceed: () => void,
  ) {}

  /** Whether bytes may go now; if not, {@link proceed} will be called. */
  admits(): boolean {
    return this.limit.admits(this);
  }

  /** The most that should go before it is asked again. */
  get burstBytes(): number {
    return this.limit.burstBytes;
  }

  /** Bytes went. */
  take(bytes: number): void {
    this.limit.take(bytes);
  }
}

/** The limits that somebody waits for. */
class WaitingLimits {
  private readonly limits = new Set<DirectionLimit>();

  constructor(private readonly wake: () => void) {}

  add(limit: DirectionLimit): void {
    this.limits.add(limit);
    this.wake();
  }

  delete(limit: DirectionLimit): void {
    this.limits.delete(limit);
  }

  get dueUs(): number {
    let due = Infinity;
    for (const limit of this.limits) due = Math.min(due, limit.dueUs);
    return due;
  }

  serve(): void {
    for (const limit of this.limits) limit.serve();
  }
}

/** One direction of all connections that share a limit: who has waited longest goes first. */
class DirectionLimit {
  private readonly waiting = new Set<Gate>();
  /** Whose turn it is. */
  private served: Gate | undefined;

  constructor(
    private readonly bucket: TokenBucket,
    private readonly queue: WaitingLimits,
  ) {}

  setRate(mbps: number | undefined): void {
    this.bucket.setRate(mbps);
  }

  get burstBytes(): number {
    return this.bucket.limited ? this.bucket.burstBytes : Infinity;
  }

  /** When the first of those that wait may go; Infinity: nobody waits. */
  get dueUs(): number {
    return this.waiting.size === 0 ? Infinity : this.bucket.readyUs;
  }

  admits(gate: Gate): boolean {
    gate.waits = !this.isFree(gate);
    if (gate.waits) {
      this.waiting.add(gate);
      this.queue.add(this);
    }
    return !gate.waits;
  }

  private isFree(gate: Gate): boolean {
    if (!this.bucket.limited) return true;
    if (this.waiting.size > 0 && this.served !== gate) return false;
    return this.bucket.readyUs <= nowMicroseconds();
  }

  take(bytes: number): void {
    if (this.bucket.limited) this.bucket.take(bytes, nowMicroseconds());
  }

  /** Lets those go that may. */
  serve(): void {
    while (this.dueUs <= nowMicroseconds()) {
      const [first] = this.waiting;
      this.waiting.delete(first);
      this.served = first;
      first.proceed();
    }
    this.served = undefined;
    if (this.waiting.size === 0) this.queue.delete(this);
  }
}

/** What holds both directions of a connection. `up` is from the side that began it. */
export class ConnectionLimit {
  readonly up: DirectionLimit;
  readonly down: DirectionLimit;

  constructor(queue: WaitingLimits, memory: SharedArrayBuffer = new SharedArrayBuffer(LIMIT_BYTES)) {
    this.up = new DirectionLimit(new TokenBucket(memory), queue);
    this.down = new DirectionLimit(new TokenBucket(memory, BUCKET_BYTES), queue);
  }

  /** Mbit/s of each direction; undefined: no limit. */
  setRate(mbps: number | undefined): void {
    this.up.setRate(mbps);
    this.down.setRate(mbps);
  }
}

/** The rate limits of rules and forwards, for the connections that began at this side. */
export class RateLimits {
  private readonly groups = new Map<string, ConnectionLimit>();
  private readonly queue: WaitingLimits;
  /** Holds nobody up. */
  readonly none: ConnectionLimit;

  /** @param wake tells that {@link nextUs} may have come nearer */
  constructor(wake: () => void) {
    this.queue = new WaitingLimits(wake);
    this.none = new ConnectionLimit(this.queue);
  }

  /**
   * Changes the limits, of connections that are open too.
   *
   * @param rates Mbit/s of each direction by group; undefined: no limit. Groups that are not named have none, and their
   *   connections do not get one any more
   * @param memory of groups that other threads share, {@link LIMIT_BYTES} each
   */
  configure(
    rates: ReadonlyMap<string, number | undefined>,
    memory: ReadonlyMap<string, SharedArrayBuffer>,
  ): void {
    for (const [group, limit] of this.groups) {
      if (rates.has(group)) continue;
      limit.setRate(undefined);
      this.groups.delete(group);
    }
    for (const [group, mbps] of rates) {
      const limit = this.groups.get(group) ?? new ConnectionLimit(this.queue, memory.get(group));
      limit.setRate(mbps);
      this.groups.set(group, limit);
    }
  }

  of(group: string): ConnectionLimit {
    return this.groups.get(group) ?? this.none;
  }

  /** When {@link serve} has something to do; Infinity: never. */
  get nextUs(): number {
    return this.queue.dueUs;
  }

  /** Lets connections go on whose turn has come. */
  serve(): void {
    this.queue.serve();
  }
}
