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
  dropped = 0;
  delivered = 0;
  queueMaxBytes = 0;
  private freeAtUs = 0;
  private lastArrivalUs = 0;
  private wanderFrom = 0;
  private wanderTo = 0;
  private wanderSinceUs = 0;

  constructor(
    public options: LinkOptions,
    private readonly time: VirtualTime,
    private readonly random: SeededRandom,
    private readonly deliver: (datagram: Uint8Array) => void,
  ) {}

  send(datagram: Uint8Array): void {
    const { options, random } = this;
    if (datagram.length > options.maxUdpPayload || !this.enqueue(datagram.length + IP_UDP_BYTES)) {
      this.dropped++;
      return;
    }
    if (this.out || random.unit() < options.loss) {
      this.dropped++;
      return;
    }
    this.schedule(datagram);
    if (random.unit() < options.duplication) this.schedule(datagram.slice());
  }

  private enqueue(bytes: number): boolean {
    const perByteUs = 8 / this.options.rateMbps;
    const { nowUs } = this.time;
    const queued = Math.max(0, this.freeAtUs - nowUs) / perByteUs;
    if (queued + bytes > this.options.queueBytes) return false;
    this.queueMaxBytes = Math.max(this.queueMaxBytes, queued + bytes);
    this.freeAtUs = Math.max(this.freeAtUs, nowUs) + bytes * perByteUs;
    return true;
  }

  private schedule(datagram: Uint8Array): void {
    let arrivalUs = this.freeAtUs + this.options.delayUs + this.jitter();
    if (this.options.jitterModel === 'wander') arrivalUs = Math.max(arrivalUs, this.lastArrivalUs);
    this.lastArrivalUs = arrivalUs;
    if (this.random.unit() < this.options.corruption) {
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
