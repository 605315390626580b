import type { ChunkPool } from '../memory/chunk-pool.js';
import { RangeSet } from '../memory/range-set.js';
import { SendBuffer } from './send-buffer.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/** A run of bytes, perhaps empty, perhaps with the end of the stream behind it, to go into one packet. */
export interface Segment {
  offset: number;
  length: number;
  fin: boolean;
  /** These bytes were sent before. */
  again: boolean;
}

/**
 * The sending half of a stream: which bytes were sent, lost and acknowledged. Lost ranges go first; they leave in new
 * packets, cut anew.
 */
export class SendStream {
  readonly buffer: SendBuffer;
  /** Offset of the first byte never sent. */
  next = DOUBLE_ZERO;
  /** All before it is acknowledged. */
  acknowledged = DOUBLE_ZERO;
  /** Highest offset that the peer allows. */
  credit: number;
  finQueued = false;
  private finSent = false;
  private finAcknowledged = false;
  private readonly acknowledgedAhead = new RangeSet();
  private readonly lost = new RangeSet();

  constructor(pool: ChunkPool, initialCredit: number) {
    this.buffer = new SendBuffer(pool);
    this.credit = initialCredit;
  }

  /** Whether every byte and the end of the stream are acknowledged. */
  get complete(): boolean {
    return this.finAcknowledged && this.acknowledged === this.buffer.end;
  }

  get hasSegment(): boolean {
    return (
      this.lost.size > 0 ||
      this.next < Math.min(this.buffer.end, this.credit) ||
      (this.finQueued && !this.finSent && this.next === this.buffer.end)
    );
  }

  get blockedByCredit(): boolean {
    return this.next >= this.credit && this.buffer.end > this.next;
  }

  /** Puts the next segment of at most `limit` bytes into `segment`. Only where {@link hasSegment}. */
  peek(limit: number, segment: Segment): void {
    segment.again = this.lost.size > 0;
    if (segment.again) {
      segment.offset = this.lost.start(0);
      segment.length = Math.min(limit, this.lost.end(0) - segment.offset);
    } else {
      segment.offset = this.next;
      segment.length = Math.max(0, Math.min(limit, Math.min(this.buffer.end, this.credit) - this.next));
    }
    segment.fin = this.finQueued && segment.offset + segment.length === this.buffer.end;
  }

  /** The segment was put into a packet. */
  sent(segment: Segment): void {
    if (segment.again) this.lost.remove(segment.offset, segment.offset + segment.length);
    else this.next += segment.length;
    if (segment.fin) this.finSent = true;
  }

  /** A packet with these bytes was acknowledged. */
  onAcknowledged(offset: number, length: number, fin: boolean): void {
    if (fin) this.finAcknowledged = true;
    const end = offset + length;
    if (this.lost.size > 0) this.lost.remove(offset, end);
    if (offset <= this.acknowledged) {
      if (end <= this.acknowledged) return;
      this.acknowledged = end;
      this.absorbAhead();
      this.buffer.freeBelow(this.acknowledged);
    } else {
      this.acknowledgedAhead.add(offset, end);
    }
  }

  private absorbAhead(): void {
    const ahead = this.acknowledgedAhead;
    if (ahead.size === 0) return;
    ahead.removeBelow(this.acknowledged);
    if (ahead.size === 0 || ahead.start(0) > this.acknowledged) return;
    this.acknowledged = ahead.end(0);
    ahead.removeBelow(this.acknowledged);
  }

  /** A packet with these bytes was lost: what of them is not acknowledged meanwhile will be sent again. */
  onLost(offset: number, length: number, fin: boolean): void {
    if (fin && !this.finAcknowledged) this.finSent = false;
    const end = offset + length;
    const start = Math.max(offset, this.acknowledged);
    if (start >= end) return;
    this.lost.add(start, end);
    for (let i = 0; i < this.acknowledgedAhead.size && this.acknowledgedAhead.start(i) < end; i++) {
      this.lost.remove(this.acknowledgedAhead.start(i), this.acknowledgedAhead.end(i));
    }
  }

  clear(): void {
    this.buffer.clear();
    this.lost.clear();
    this.acknowledgedAhead.clear();
  }
}
