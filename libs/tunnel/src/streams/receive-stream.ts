import type { ChunkPool } from '../memory/chunk-pool.js';
import {
  EAGER_STREAM_WINDOW,
  INITIAL_STREAM_WINDOW,
  MAX_STREAM_WINDOW,
  WINDOW_GROWTH_ROUNDS,
} from '../params.js';
import type { MemoryBudget } from './memory-budget.js';
import { ReceiveBuffer } from './receive-buffer.js';

/** What became of arriving bytes. */
export type Arrival = 'stored' | 'flow-control-violation' | 'final-size-violation' | 'no-memory';

/** The receiving half of a stream: reassembly, the end, and the credit that the peer has. */
export class ReceiveStream {
  readonly buffer: ReceiveBuffer;
  /** Highest offset that the peer may send to. */
  limit = INITIAL_STREAM_WINDOW;
  /** Offset of the end, once it is known. */
  finalSize = Infinity;
  private window = INITIAL_STREAM_WINDOW;
  private readAhead = MAX_STREAM_WINDOW;
  private granted = INITIAL_STREAM_WINDOW;
  private roundStartOffset = 0;
  private roundStartUs: number;
  private highest = 0;

  /** The caller has taken {@link INITIAL_STREAM_WINDOW} from the budget. */
  constructor(
    pool: ChunkPool,
    private readonly budget: MemoryBudget,
    nowUs: number,
  ) {
    this.buffer = new ReceiveBuffer(pool);
    this.roundStartUs = nowUs;
  }

  /** All bytes have arrived and were consumed. */
  get ended(): boolean {
    return this.buffer.cursor === this.finalSize;
  }

  get allArrived(): boolean {
    return this.buffer.end === this.finalSize;
  }

  store(offset: number, source: number, length: number, fin: boolean): Arrival {
    const end = offset + length;
    if (end > this.limit) return 'flow-control-violation';
    if (
      end > this.finalSize ||
      (fin && (end < this.highest || (this.finalSize !== Infinity && end !== this.finalSize)))
    ) {
      return 'final-size-violation';
    }
    if (length > 0 && !this.buffer.store(offset, source, length)) return 'no-memory';
    if (end > this.highest) this.highest = end;
    if (fin) this.finalSize = end;
    return 'stored';
  }

  /** Raises the window at once while memory is plentiful, so that the first round trips are not bound by credit. */
  openEagerly(): boolean {
    if (this.budget.free < this.budget.limit / 2) return false;
    this.window = Math.min(EAGER_STREAM_WINDOW, this.readAhead);
    return this.renew();
  }

  /** Bounds what the peer may have in flight to us and not yet released, in bytes. */
  setReadAhead(bytes: number): void {
    this.readAhead = Math.max(INITIAL_STREAM_WINDOW, Math.min(bytes, MAX_STREAM_WINDOW));
    this.window = Math.min(this.window, this.readAhead);
  }

  /** Bytes were released; true when the peer is to be told of new credit. */
  onReleased(nowUs: number, smoothedRttUs: number): boolean {
    if (this.finalSize !== Infinity) return false;
    const { released } = this.buffer;
    if ((released - this.roundStartOffset) * WINDOW_GROWTH_ROUNDS >= this.window) {
      this.growWindow();
      this.beginRound(nowUs);
    } else if (nowUs - this.roundStartUs >= smoothedRttUs) {
      this.beginRound(nowUs);
    }
    return released + this.window - this.limit >= this.window / 4 && this.renew();
  }

  private beginRound(nowUs: number): void {
    this.roundStartOffset = this.buffer.released;
    this.roundStartUs = nowUs;
  }

  private growWindow(): void {
    this.window = Math.min(this.window * 2, this.readAhead);
  }

  private renew(): boolean {
    const limit = this.buffer.released + this.window;
    const outstanding = limit - this.buffer.released;
    if (outstanding > this.granted) {
      if (!this.budget.grant(outstanding - this.granted)) {
        this.window = this.granted;
        return this.renewWithin();
      }
      this.granted = outstanding;
    }
    return this.renewWithin();
  }

  private renewWithin(): boolean {
    const limit = this.buffer.released + this.window;
    if (limit <= this.limit) return false;
    this.limit = limit;
    return true;
  }

  /** The half is over: its memory and its share of the budget go back. */
  close(): void {
    this.buffer.clear();
    this.budget.giveBack(this.granted);
    this.granted = 0;
  }
}
