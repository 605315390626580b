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

/** A link in virtual time: serialisation behind a queue, then delay, with faults. */
export class SimulatedLink {
  /** Nothing passes while it is out. */
  out = false;
  /** Datagrams lost at random or in an outage, those that met a full queue, and those too large. */
  lost = 0;
  overflowed = 0;
  oversized = 0;
  delivered = 0;
  private freeAtUs = 0;
  private lastArrivalUs = 0;
  private wanderFrom = 0;
  private wanderTo = 0;
  private wanderSinceUs = 0;
  private queueByteUs = 0;
  private queueSinceUs = 0;
  private queuePeakBytes = 0;

  constructor(
    public options: LinkOptions,
    private readonly time: VirtualTime,
    private readonly random: SeededRandom,
    private readonly deliver: (datagram: Uint8Array) => void,
  ) {}

  send(datagram: Uint8Array): void {
    const { options, random } = this;
    if (datagram.length > options.maxUdpPayload) {
      this.oversized++;
      return;
    }
    if (!this.enqueue(datagram.length + IP_UDP_BYTES)) {
      this.overflowed++;
      return;
    }
    if (this.out || random.unit() < options.loss) {
      this.lost++;
      return;
    }
    this.schedule(datagram);
    if (options.duplication > 0 && random.unit() < options.duplication) this.schedule(datagram.slice());
  }

  private enqueue(bytes: number): boolean {
    const bytesPerUs = this.options.rateMbps / 8;
    const { nowUs } = this.time;
    const queued = Math.max(0, this.freeAtUs - nowUs) * bytesPerUs;
    if (queued + bytes > this.options.queueBytes) return false;
    // A packet keeps its bytes in the queue for as long as those in front of it take, and its own.
    const waitUs = (queued + bytes) / bytesPerUs;
    this.queueByteUs += bytes * waitUs;
    this.queuePeakBytes = Math.max(this.queuePeakBytes, queued + bytes);
    this.freeAtUs = nowUs + waitUs;
    return true;
  }

  /** Begins a new measurement of the queue. */
  resetQueueStatistics(): void {
    this.queueByteUs = 0;
    this.queueSinceUs = this.time.nowUs;
    this.queuePeakBytes = 0;
  }

  /** Bytes in the queue since the last reset: mean over time, and peak. */
  get queueStatistics(): { readonly meanBytes: number; readonly peakBytes: number } {
    const elapsedUs = Math.max(1, this.time.nowUs - this.queueSinceUs);
    return { meanBytes: this.queueByteUs / elapsedUs, peakBytes: this.queuePeakBytes };
  }

  private schedule(datagram: Uint8Array): void {
    let arrivalUs = this.freeAtUs + this.options.delayUs + this.jitter();
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
