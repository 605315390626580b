import { CHUNK_BYTES } from '../params.js';

/**
 * Fixed-size chunks cut from one region of the slab. All stream bytes, to be sent or received, live in chunks, so
 * that the pool's size is the memory budget of a worker.
 */
export class ChunkPool {
  /** Chunks that the region holds. */
  readonly capacity: number;
  private readonly free: Int32Array;
  private freeCount: number;

  constructor(
    readonly memory: Uint8Array,
    regionOffset: number,
  ) {
    this.capacity = Math.floor((memory.length - regionOffset) / CHUNK_BYTES);
    if (this.capacity < 16)
      throw new RangeError('memory is too small: the chunk pool needs at least 256 KiB');
    this.free = new Int32Array(this.capacity);
    for (let i = 0; i < this.capacity; i++)
      this.free[i] = regionOffset + (this.capacity - 1 - i) * CHUNK_BYTES;
    this.freeCount = this.capacity;
  }

  get available(): number {
    return this.freeCount;
  }

  /** Offset in memory of a free chunk, or -1 when there is none. */
  take(): number {
    return this.freeCount === 0 ? -1 : this.free[--this.freeCount];
  }

  give(chunk: number): void {
    this.free[this.freeCount++] = chunk;
  }
}
