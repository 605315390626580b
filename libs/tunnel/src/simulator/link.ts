import type { SeededRandom } from './random.js';
import type { VirtualTime } from './virtual-time.js';

/** One direction of an emulated link. Rates are Mbit/s of IP packets, times microseconds, probabilities 0 to 1. */
export interface LinkOptions {
  readonly rateMbps: number;
  readonly delayUs: number;
  /** Tail-drop queue in bytes. */
  readonly queueBytes: number;
  readonly loss: number;
  /** Uniform in plus or minus so much. */
  readonly jitterUs: number;
  /** `wander` moves to a new target every 20 ms and keeps order; `independent` draws for each packet and reorders. */
  readonly jitterModel: 'wander' | 'independent';
  readonly duplication: number;
  /** One bit of the datagram turned over. */
  readonly corruption: number;
  /** Largest UDP payload; larger ones vanish. */
  readonly maxUdpPayload: number;
}

const IP_UDP_BYTES = 28;
const WANDER_PERIOD_US = 20_000;

/** The queue in front of a link, and when the link is through with it. Several links may share one. */
export class Bottleneck {
  private freeAtUs = 0;
  private byteUs = 0;
  private sinceUs = 0;
  private peakBytes = 0;

  constructor(private readonly time: VirtualTime) {}

  /** When the last of `bytes` has left; undefined where the queue has no room for them. */
  enqueue(bytes: number, rateMbps: number, queueBytes: number): number | undefined {
    const bytesPerUs = rateMbps / 8;
    const { nowUs } = this.time;
    const queued = Math.max(0, this.freeAtUs - nowUs) * bytesPerUs;
    if (queued + bytes > queueBytes) return undefined;
    // A packet keeps its bytes in the queue for as long as those in front of it take, and its own.
    const waitUs = (queued + bytes) / bytesPerUs;
    this.byteUs += bytes * waitUs;
    this.peakBytes = Math.max(this.peakBytes, queued + bytes);
    this.freeAtUs = nowUs + waitUs;
    return this.freeAtUs;
  }

  /** Begins a new measurement. */
  resetStatistics(): void {
    this.byteUs = 0;
    this.sinceUs = this.time.nowUs;
    this.peakBytes = 0;
  }

  /** Bytes in the queue since the last reset: mean over time, and peak. */
  get statistics(): { readonly meanBytes: number; readonly peakBytes: number } {
    const elapsedUs = Math.max(1, this.time.nowUs - this.sinceUs);
    return { meanBytes: this.byteUs / elapsedUs, peakBytes: this.peakBytes };
  }
}

/** A link in virtual time: serialisation behind a queue, then delay, with faults. */
export class SimulatedLink {
  /** Nothing passes while it is out. */
  out = false;
  /** Datagrams lost at random or in an outage, those that met a full queue, and those too large. */
  lost = 0;
  overflowed = 0;
  oversized = 0;
  delivered = 0;
  bottleneck: Bottleneck;
  private lastArrivalUs = 0;
  private wanderFrom = 0;
  private wanderTo = 0;
  private wanderSinceUs = 0;

  constructor(
    public options: LinkOptions,
    private readonly time: VirtualTime,
    private readonly random: SeededRandom,
    private readonly deliver: (datagram: Uint8Array) => void,
  ) {
    this.bottleneck = new Bottleneck(time);
  }

  send(datagram: Uint8Array): void {
    const { options, random } = this;
    if (datagram.length > options.maxUdpPayload) {
      this.oversized++;
      return;
    }
    const leavesUs = this.bottleneck.enqueue(
      datagram.length + IP_UDP_BYTES,
      options.rateMbps,
      options.queueBytes,
    );
    if (leavesUs === undefined) {
      this.overflowed++;
      return;
    }
    if (this.out || random.unit() < options.loss) {
      this.lost++;
      return;
    }
    this.schedule(datagram, leavesUs);
    if (options.duplication > 0 && random.unit() < options.duplication)
      this.schedule(datagram.slice(), leavesUs);
  }

  private schedule(datagram: Uint8Array, leavesUs: number): void {
    let arrivalUs = leavesUs + this.options.delayUs + this.jitter();
    if (this.options.jitterModel === 'wander') arrivalUs = Math.max(arrivalUs, this.lastArrivalUs);
    this.lastArrivalUs = arrivalUs;
    if (this.options.corruption > 0 && this.random.unit() < this.options.corruption) {
      datagram[this.random.between(0, datagram.length - 1)] ^= 1 << this.random.between(0, 7);
    }
    this.time.at(arrivalUs, () => {
      this.delivered++;
      this.deliver(datagram);
    });
  }

  private jitter(): number {
    const { jitterUs, jitterModel } = this.options;
    if (jitterUs === 0) return 0;
    if (jitterModel === 'independent') return (this.random.unit() * 2 - 1) * jitterUs;
    const { nowUs } = this.time;
    while (nowUs - this.wanderSinceUs >= WANDER_PERIOD_US) {
      this.wanderFrom = this.wanderTo;
      this.wanderTo = (this.random.unit() * 2 - 1) * jitterUs;
      this.wanderSinceUs = Math.max(this.wanderSinceUs + WANDER_PERIOD_US, nowUs - WANDER_PERIOD_US);
    }
    return (
      this.wanderFrom + ((this.wanderTo - this.wanderFrom) * (nowUs - this.wanderSinceUs)) / WANDER_PERIOD_US
    );
  }
}
