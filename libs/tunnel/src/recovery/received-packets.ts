import { RangeSet } from '../memory/range-set.js';
import {
  ACK_DELAY_RTT_SHARE,
  ACK_EVERY_PACKETS,
  ACK_EVERY_PACKETS_YOUNG,
  MAX_ACK_DELAY_US,
  MAX_TRACKED_RANGES,
  MIN_ACK_DELAY_US,
  REPLAY_WINDOW,
  YOUNG_PACKETS,
} from '../params.js';
import { DOUBLE_MINUS_ONE, DOUBLE_ZERO } from '../memory/double-field.js';

const REPLAY_MASK = REPLAY_WINDOW - 1;

/** Which packets have arrived: for acknowledgements, and against replay. */
export class ReceivedPackets {
  readonly ranges = new RangeSet();
  largest = DOUBLE_MINUS_ONE;
  /** UDP payload bytes of all packets recorded. */
  deliveredBytes = DOUBLE_ZERO;
  /** Packets that did not come but were rebuilt, and which the sender is to be told of. */
  recovered: number[] = [];
  private largestUs = DOUBLE_ZERO;
  private unacknowledged = 0;
  private eliciting = 0;
  private dueUs = Infinity;
  /** One bit for each of the last {@link REPLAY_WINDOW} numbers. */
  private readonly seen = new Int32Array(REPLAY_WINDOW / 32);

  /** Whether a packet of this number has arrived before, or is too old to tell. */
  isReplay(number: number): boolean {
    if (number > this.largest) return false;
    if (number <= this.largest - REPLAY_WINDOW) return true;
    return (this.seen[(number & REPLAY_MASK) >>> 5] & (1 << (number & 31))) !== 0;
  }

  /** Notes an authentic packet of `size` bytes. `smoothedRttUs` sets how long its acknowledgement may wait. */
  record(number: number, size: number, eliciting: boolean, arrivedUs: number, smoothedRttUs: number): void {
    const gap = number !== this.largest + 1;
    if (number > this.largest) this.advance(number, arrivedUs);
    this.seen[(number & REPLAY_MASK) >>> 5] |= 1 << (number & 31);
    this.ranges.add(number, number + 1);
    if (gap) this.ranges.keepHighest(MAX_TRACKED_RANGES);
    this.deliveredBytes += size;
    if (!eliciting) return;
    this.eliciting++;
    this.unacknowledged++;
    this.schedule(gap, arrivedUs, smoothedRttUs);
  }

  private advance(number: number, arrivedUs: number): void {
    const from = Math.max(this.largest + 1, number - REPLAY_WINDOW + 1);
    for (let n = from; n < number; n++) this.seen[(n & REPLAY_MASK) >>> 5] &= ~(1 << (n & 31));
    this.largest = number;
    this.largestUs = arrivedUs;
  }

  private schedule(gap: boolean, arrivedUs: number, smoothedRttUs: number): void {
    const threshold = this.eliciting <= YOUNG_PACKETS ? ACK_EVERY_PACKETS_YOUNG : ACK_EVERY_PACKETS;
    if (gap || this.unacknowledged >= threshold) {
      this.dueUs = arrivedUs;
      return;
    }
    const delay = Math.min(MAX_ACK_DELAY_US, Math.max(MIN_ACK_DELAY_US, smoothedRttUs * ACK_DELAY_RTT_SHARE));
    this.dueUs = Math.min(this.dueUs, arrivedUs + delay);
  }

  /** When an acknowledgement has to leave; Infinity while none is owed. */
  get ackDueUs(): number {
    return this.dueUs;
  }

  /** How long the largest packet has waited for its acknowledgement. */
  ackDelayUs(nowUs: number): number {
    return Math.max(0, nowUs - this.largestUs);
  }

  onAckSent(): void {
    this.unacknowledged = 0;
    this.dueUs = Infinity;
  }

  /** Packet `number` was rebuilt: the sender is told at once, before it sends the content again. */
  noteRecovered(number: number, nowUs: number): void {
    this.recovered.push(number);
    this.dueUs = nowUs;
  }

  /** The sender has settled all below `floor`: it need not be told of them again. */
  forgetBelow(floor: number): void {
    if (floor <= this.largest) this.ranges.removeBelow(floor);
  }
}
