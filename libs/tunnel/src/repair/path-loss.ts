import { DOUBLE_ZERO } from '../memory/double-field.js';

/** Older observations count half when the newer ones are so many bytes. */
const WINDOW_BYTES = 4_000_000;
/** Less than this, or than two losses, tells nothing. */
const LEAST_BYTES = 20_000;
const LEAST_LOSSES = 2;
/** A queue that is longer than this share of the least round trip, and than this, may itself be what loses. */
const QUEUE_RTT_SHARE = 0.25;
const QUEUE_LEAST_US = 3000;

/** What the path loses by itself, apart from what a full queue drops: seen while no queue stands. */
export class PathLoss {
  private bytes = DOUBLE_ZERO;
  private lost = DOUBLE_ZERO;
  private losses = DOUBLE_ZERO;

  /** What one acknowledgement settled, and the queueing delay that it met, both in the detector's units. */
  observe(acknowledged: number, lost: number, queueUs: number, minRttUs: number): void {
    if (queueUs > Math.max(QUEUE_LEAST_US, QUEUE_RTT_SHARE * minRttUs)) return;
    this.bytes += acknowledged + lost;
    if (lost > 0) {
      this.lost += lost;
      this.losses++;
    }
    if (this.bytes > WINDOW_BYTES) this.age();
  }

  private age(): void {
    this.bytes /= 2;
    this.lost /= 2;
    this.losses /= 2;
  }

  /** A verdict was wrong: the packet came late. */
  takeBack(bytes: number): void {
    this.lost = Math.max(0, this.lost - bytes);
    this.losses = Math.max(0, this.losses - 1);
  }

  /** 0 to 1. */
  get share(): number {
    return this.bytes < LEAST_BYTES || this.losses < LEAST_LOSSES ? 0 : this.lost / this.bytes;
  }

  restart(): void {
    this.bytes = 0;
    this.lost = 0;
    this.losses = 0;
  }
}
