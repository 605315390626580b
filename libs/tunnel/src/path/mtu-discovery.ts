import { BASE_UDP_PAYLOAD, MAX_UDP_PAYLOAD } from '../params.js';

/** A size is given up after so many unanswered probes: RFC 8899 section 5.1.2, MAX_PROBES. */
const MAX_PROBES = 3;
/** The search ends when it has come so near. */
const SEARCH_STEP = 8;
/** A path is searched again after so long: RFC 8899 section 5.1.1, PMTU_RAISE_TIMER. */
const RAISE_AFTER_US = 600_000_000;
/** So many full packets lost, and none that was sent after them arrived, mean that the path has shrunk: section 4.3. */
const BLACK_HOLE_LOSSES = 6;

/** Datagram packetization layer path MTU discovery (RFC 8899). Sizes are bytes of UDP payload. */
export class MtuDiscovery {
  /** What the path is known to carry. */
  current = BASE_UDP_PAYLOAD;
  private maximum: number;
  private ceiling: number;
  /** The size that is being tried, 0 between two. */
  private candidate = 0;
  private outstanding = false;
  private failures = 0;
  private fullLosses = 0;
  /** Number of the latest full packet that arrived. */
  private largestFull = -1;
  private searchAgainUs = Infinity;

  /** `maximum` is the policy's and the peer's, whichever is less. */
  constructor(maximum: number) {
    this.maximum = clamp(maximum);
    this.ceiling = this.maximum;
  }

  /** Begins anew: on another path, or with another ceiling. */
  restart(maximum: number): void {
    this.maximum = clamp(maximum);
    this.fallBack();
  }

  private fallBack(): void {
    this.current = BASE_UDP_PAYLOAD;
    this.ceiling = this.maximum;
    this.candidate = 0;
    // What becomes of a probe of the path before tells nothing of this one.
    this.outstanding = false;
    this.failures = 0;
    this.fullLosses = 0;
    this.searchAgainUs = Infinity;
  }

  /** The size of a probe that is due, or 0. The ceiling is tried first: most paths carry it. */
  probeDue(nowUs: number): number {
    if (this.outstanding) return 0;
    if (nowUs >= this.searchAgainUs) this.ceiling = this.maximum;
    if (this.candidate === 0) this.candidate = this.nextCandidate(nowUs);
    return this.candidate;
  }

  private nextCandidate(nowUs: number): number {
    if (this.ceiling <= this.current) return 0;
    if (this.ceiling === this.maximum) {
      this.searchAgainUs = Infinity;
      return this.ceiling;
    }
    if (this.ceiling - this.current >= SEARCH_STEP) return (this.current + this.ceiling + 1) >> 1;
    this.ceiling = this.current;
    this.searchAgainUs = nowUs + RAISE_AFTER_US;
    return 0;
  }

  onProbeSent(): void {
    this.outstanding = true;
  }

  onProbeAcknowledged(size: number): void {
    this.outstanding = false;
    if (size !== this.candidate) return;
    this.candidate = 0;
    this.failures = 0;
    this.current = Math.max(this.current, size);
  }

  onProbeLost(size: number): void {
    this.outstanding = false;
    if (size !== this.candidate || ++this.failures < MAX_PROBES) return;
    this.failures = 0;
    this.ceiling = this.candidate - 1;
    this.candidate = 0;
  }

  onPacketAcknowledged(number: number, size: number): void {
    if (size < this.current || number <= this.largestFull) return;
    this.largestFull = number;
    this.fullLosses = 0;
  }

  /** Not for probes. */
  onPacketLost(number: number, size: number): void {
    if (size < this.current || this.current === BASE_UDP_PAYLOAD || number < this.largestFull) return;
    if (++this.fullLosses >= BLACK_HOLE_LOSSES) this.fallBack();
  }
}

function clamp(maximum: number): number {
  return Math.min(MAX_UDP_PAYLOAD, Math.max(BASE_UDP_PAYLOAD, maximum));
}
