import { ChunkList } from '../memory/chunk-list.js';
import type { ChunkPool } from '../memory/chunk-pool.js';
import { RangeSet } from '../memory/range-set.js';
import { CHUNK_BYTES, CHUNK_MASK, CHUNK_SHIFT } from '../params.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

const NO_CHUNK = -1;

/** Reassembles a stream. Bytes stay in their chunks until they are released, so that a reader need not copy them. */
export class ReceiveBuffer {
  private readonly chunks = new ChunkList();
  /** Stream offset at which the first chunk begins, a multiple of the chunk size. */
  private base = DOUBLE_ZERO;
  private contiguousEnd = DOUBLE_ZERO;
  private consumed = DOUBLE_ZERO;
  private freed = DOUBLE_ZERO;
  /** What has arrived beyond {@link contiguousEnd}. */
  private readonly ahead = new RangeSet();

  constructor(private readonly pool: ChunkPool) {}

  /** Offset behind the last byte that can be read. */
  get end(): number {
    return this.contiguousEnd;
  }

  /** Offset of the next byte to be read. */
  get cursor(): number {
    return this.consumed;
  }

  /** Offset behind the last byte released. */
  get released(): number {
    return this.freed;
  }

  /** Stores `length` bytes that lie at `source` in memory. The caller sees to it that the pool has room for them. */
  store(offset: number, source: number, length: number): void {
    const skip = Math.max(0, this.contiguousEnd - offset);
    if (skip >= length) return;
    const start = offset + skip;
    const end = offset + length;
    this.makeRoom(start, end);
    this.copyIn(start, source + skip, end - start);
    if (start === this.contiguousEnd) this.advance(end);
    else this.ahead.add(start, end);
  }

  private advance(end: number): void {
    const { ahead } = this;
    this.contiguousEnd = end;
    while (ahead.size > 0 && ahead.start(0) <= this.contiguousEnd) {
      this.contiguousEnd = Math.max(this.contiguousEnd, ahead.end(0));
      ahead.removeBelow(this.contiguousEnd);
    }
  }

  private makeRoom(start: number, end: number): void {
    const first = (start - this.base) >>> CHUNK_SHIFT;
    const last = (end - 1 - this.base) >>> CHUNK_SHIFT;
    while (this.chunks.length <= last) this.chunks.push(NO_CHUNK);
    for (let index = first; index <= last; index++) {
      if (this.chunks.at(index) !== NO_CHUNK) continue;
      const chunk = this.pool.take();
      if (chunk < 0) throw new Error('more credit was granted than the receive pool has chunks');
      this.chunks.set(index, chunk);
    }
  }

  private copyIn(offset: number, source: number, length: number): void {
    let done = 0;
    while (done < length) {
      const within = (offset + done) & CHUNK_MASK;
      const count = Math.min(length - done, CHUNK_BYTES - within);
      this.pool.memory.copyWithin(this.locate(offset + done), source + done, source + done + count);
      done += count;
    }
  }

  /** Where in memory the byte at `offset` lies. */
  locate(offset: number): number {
    const within = offset - this.base;
    return this.chunks.at(within >>> CHUNK_SHIFT) + (within & CHUNK_MASK);
  }

  /** Bytes from the cursor on that lie together in memory. */
  get spanLength(): number {
    return Math.min(this.contiguousEnd - this.consumed, CHUNK_BYTES - (this.consumed & CHUNK_MASK));
  }

  consume(bytes: number): void {
    if (bytes > this.contiguousEnd - this.consumed)
      throw new RangeError('consume() past the bytes that have arrived');
    this.consumed += bytes;
  }

  /** Gives back the chunks of bytes that were consumed and are not needed any more. */
  release(bytes: number): void {
    if (bytes > this.consumed - this.freed)
      throw new RangeError('release() past the bytes that were consumed');
    this.freed += bytes;
    while (this.chunks.length > 0 && this.base + CHUNK_BYTES <= this.freed) this.dropFirst(CHUNK_BYTES);
    if (this.freed === this.contiguousEnd && this.ahead.size === 0 && this.chunks.length === 1)
      this.dropFirst(0);
  }

  private dropFirst(step: number): void {
    const chunk = this.chunks.shift();
    if (chunk !== NO_CHUNK) this.pool.give(chunk);
    this.base += step;
  }

  /** Gives back all chunks; nothing is to be stored any more. */
  clear(): void {
    while (this.chunks.length > 0) this.dropFirst(0);
    this.ahead.clear();
  }
}
