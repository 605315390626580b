import { ChunkList } from '../memory/chunk-list.js';
import type { ChunkPool } from '../memory/chunk-pool.js';
import { CHUNK_BYTES, CHUNK_MASK, CHUNK_SHIFT } from '../params.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/** The bytes of a stream between the first unacknowledged one and the last written one, in chunks of the pool. */
export class SendBuffer {
  private readonly chunks = new ChunkList();
  /** Stream offset at which the first chunk begins, a multiple of the chunk size. */
  private base = DOUBLE_ZERO;
  private written = DOUBLE_ZERO;

  constructor(private readonly pool: ChunkPool) {}

  /** Offset behind the last byte written. */
  get end(): number {
    return this.written;
  }

  /** Bytes that {@link write} would take now. */
  get room(): number {
    const inLast = this.base + this.chunks.length * CHUNK_BYTES - this.written;
    return inLast + this.pool.available * CHUNK_BYTES;
  }

  /** Copies in as much of `source` as the pool has room for; gives the bytes taken. */
  write(source: Uint8Array, start: number, end: number): number {
    const { memory } = this.pool;
    let at = start;
    while (at < end) {
      const room = this.base + this.chunks.length * CHUNK_BYTES - this.written;
      if (room <= 0) {
        const chunk = this.pool.take();
        if (chunk < 0) break;
        this.chunks.push(chunk);
        continue;
      }
      const count = Math.min(end - at, room);
      memory.set(source.subarray(at, at + count), this.locate(this.written));
      this.written += count;
      at += count;
    }
    return at - start;
  }

  /** Where in memory the byte at `offset` lies. */
  locate(offset: number): number {
    const within = offset - this.base;
    return this.chunks.at(within >>> CHUNK_SHIFT) + (within & CHUNK_MASK);
  }

  /** How many bytes from `offset` on lie together in memory. */
  contiguous(offset: number): number {
    return CHUNK_BYTES - (offset & CHUNK_MASK);
  }

  /** Gives back the chunks before `offset`; all of them when nothing is left, so that a stream at rest holds none. */
  freeBelow(offset: number): void {
    while (this.chunks.length > 0 && this.base + CHUNK_BYTES <= offset) {
      this.pool.give(this.chunks.shift());
      this.base += CHUNK_BYTES;
    }
    if (offset === this.written && this.chunks.length > 0) this.pool.give(this.chunks.shift());
  }

  clear(): void {
    while (this.chunks.length > 0) this.pool.give(this.chunks.shift());
  }
}
