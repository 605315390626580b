import type { ChunkPool } from '../memory/chunk-pool.js';
import {
  CHUNK_BYTES,
  INITIAL_STREAM_WINDOW,
  MAX_STREAM_WINDOW,
  READER_BACKLOG,
  WINDOW_BUDGET_SHARE,
  WINDOW_GROWTH_ROUNDS,
} from '../params.js';
import type { MemoryBudget } from './memory-budget.js';
import { ReceiveBuffer } from './receive-buffer.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/** What became of arriving bytes. */
export type Arrival = 'taken' | 'flow-control-violation' | 'final-size-violation';

/** What a window takes of the budget: whole chunks, and one more, since it begins within one and ends within another. */
function grantFor(window: number): number {
  return (Math.ceil(window / CHUNK_BYTES) + 1) * CHUNK_BYTES;
}

/** What a stream takes of the budget as it begins. */
export const INITIAL_GRANT = grantFor(INITIAL_STREAM_WINDOW);

/** The receiving half of a stream: reassembly, the end, and the credit that the peer has. */
export class ReceiveStream {
  readonly buffer: ReceiveBuffer;
  /** Highest offset that the peer may send to. */
  limit = INITIAL_STREAM_WINDOW + DOUBLE_ZERO;
  /** Offset of the end, once it is known. */
  finalSize = Infinity;
  private window = INITIAL_STREAM_WINDOW + DOUBLE_ZERO;
  private readAhead = MAX_STREAM_WINDOW + DOUBLE_ZERO;
  private dropped = false;
  private highest = DOUBLE_ZERO;
  private roundStartUs: number;
  private roundArrived = DOUBLE_ZERO;
  private roundReleased = DOUBLE_ZERO;
  private releasedPerRound = DOUBLE_ZERO;

  /** `granted` is what the caller has taken from the budget for this stream. */
  constructor(
    pool: ChunkPool,
    private readonly budget: MemoryBudget,
    private granted: number,
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

  /** Takes `length` bytes that lie at `source` in memory. After {@link drop} they are checked and not kept. */
  take(offset: number, source: number, length: number, fin: boolean): Arrival {
    const end = offset + length;
    if (end > this.limit) return 'flow-control-violation';
    if (end > this.finalSize || (fin && !this.mayEndAt(end))) return 'final-size-violation';
    if (length > 0 && !this.dropped) this.buffer.store(offset, source, length);
    if (end > this.highest) this.highest = end;
    if (fin) this.endAt(end);
    return 'taken';
  }

  private mayEndAt(end: number): boolean {
    return this.finalSize === Infinity ? end >= this.highest : end === this.finalSize;
  }

  private endAt(end: number): void {
    this.finalSize = end;
    this.keep(end - this.buffer.released);
  }

  /** Raises the window at once while there is memory to spare, so that the first round trips are not bound by credit. */
  openEagerly(window: number): boolean {
    this.growWindow(Math.min(window, MAX_STREAM_WINDOW));
    return this.renew();
  }

  /** Bounds what the peer may have in flight to us and not yet released, in bytes. */
  setReadAhead(bytes: number): void {
    this.readAhead = Math.max(INITIAL_STREAM_WINDOW, Math.min(bytes, MAX_STREAM_WINDOW));
    this.window = Math.min(this.window, this.readAhead);
  }

  /**
   * Bytes have arrived. The window doubles when they use it up fast, whether or not they can be read yet: behind a
   * lost packet a whole round trip of them waits. True when the peer is to be told of new credit.
   */
  onArrived(nowUs: number, smoothedRttUs: number): boolean {
    if (this.finalSize !== Infinity) return false;
    if (nowUs - this.roundStartUs >= smoothedRttUs) this.beginRound(nowUs);
    if ((this.highest - this.roundArrived) * WINDOW_GROWTH_ROUNDS < this.window) return false;
    if (!this.readerKeepsUp) return false;
    this.growWindow(this.window * 2);
    this.beginRound(nowUs);
    return this.renew();
  }

  /** What is ready to be read, or lies read and not released, is no more than the reader takes in two round trips. */
  private get readerKeepsUp(): boolean {
    const backlog = this.buffer.end - this.buffer.released;
    return backlog <= Math.max(READER_BACKLOG, 2 * this.releasedPerRound);
  }

  private beginRound(nowUs: number): void {
    this.releasedPerRound = this.buffer.released - this.roundReleased;
    this.roundReleased = this.buffer.released;
    this.roundArrived = this.highest;
    this.roundStartUs = nowUs;
  }

  /** Bytes were released; true when the peer is to be told of new credit. */
  onReleased(): boolean {
    const { released } = this.buffer;
    if (this.finalSize !== Infinity) {
      this.keep(this.finalSize - released);
      return false;
    }
    this.keep(Math.max(this.window, this.limit - released));
    return released + this.window - this.limit >= this.window / 4 && this.renew();
  }

  /** Grows the window towards `target`, as far as read-ahead and budget go. */
  private growWindow(target: number): void {
    const wanted = grantFor(Math.min(target, this.readAhead)) - this.granted;
    const spare = this.budget.spare * WINDOW_BUDGET_SHARE;
    const more = Math.min(wanted, spare - (spare % CHUNK_BYTES));
    if (more > 0 && this.budget.grant(more)) this.granted += more;
    this.window = Math.max(this.window, Math.min(target, this.readAhead, this.granted - CHUNK_BYTES));
  }

  private renew(): boolean {
    const limit = this.buffer.released + this.window;
    if (limit <= this.limit) return false;
    this.limit = limit;
    return true;
  }

  /** At most `bytes` can still arrive or lie unread: what was granted beyond that goes back. */
  private keep(bytes: number): void {
    const excess = this.granted - grantFor(bytes);
    if (excess <= 0) return;
    this.granted -= excess;
    this.budget.giveBack(excess);
  }

  /** Nobody will read any more: memory and budget go back. */
  drop(): void {
    this.dropped = true;
    this.buffer.clear();
    this.budget.giveBack(this.granted);
    this.granted = 0;
  }
}
