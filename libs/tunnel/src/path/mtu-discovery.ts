import { BASE_UDP_PAYLOAD } from '../params.js';

/** A size is given up after so many unanswered probes: RFC 8899 section 5.1.2, MAX_PROBES. */
const MAX_PROBES = 3;
/** The search ends when it has come so near. */
const SEARCH_STEP = 8;
/** A path is searched again after so long: RFC 8899 section 5.1.1, PMTU_RAISE_TIMER. */
const RAISE_AFTER_US = 600_000_000;
/** So many full packets lost with none arriving between them mean that the path has shrunk: section 4.3. */
const BLACK_HOLE_LOSSES = 8;

/** Datagram packetization layer path MTU discovery (RFC 8899). Sizes are bytes of UDP payload. */
export class MtuDiscovery {
  /** What the path is known to carry. */
  current = BASE_UDP_PAYLOAD;
  private readonly maximum: number;
  private ceiling: number;
  /** The size that is being tried, 0 between two. */
  private candidate = 0;
  private outstanding = false;
  private failures = 0;
  private fullLosses = 0;
  private searchAgainUs = Infinity;

  constructor(maximum: number) {
    this.maximum = Math.max(BASE_UDP_PAYLOAD, maximum);
    this.ceiling = this.maximum;
  }

  /** The size of a probe that is due, or 0. The ceiling is tried first: most paths carry it. */
  probeDue(nowUs: number): number {
    if (this.outstanding) return 0;
    if (nowUs >= this.searchAgainUs) this.ceiling = this.maximum;
    if (this.candidate === 0) this.candidate = this.nextCandidate(nowUs);
    return this.candidate;
  }

  private nextCandidate(nowUs: number): number {
    if (this.ceiling === this.current) return 0;
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
    this.candidate = 0;
    this.failures = 0;
    this.current = Math.max(this.current, size);
  }

  onProbeLost(): void {
    this.outstanding = false;
    if (++this.failures < MAX_PROBES) return;
    this.failures = 0;
    this.ceiling = this.candidate - 1;
    this.candidate = 0;
  }

  onPacketAcknowledged(size: number): void {
    if (size >= this.current) this.fullLosses = 0;
  }

  onPacketLost(size: number): void {
    if (size < this.current || this.current === BASE_UDP_PAYLOAD) return;
    if (++this.fullLosses < BLACK_HOLE_LOSSES) return;
    this.fullLosses = 0;
    this.current = BASE_UDP_PAYLOAD;
    this.ceiling = this.maximum;
    this.candidate = 0;
  }
}
