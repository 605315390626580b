import { CHUNK_BYTES } from '../params.js';

/** Four streams with their first credit. */
const LEAST_CHUNKS = 64;

/**
 * Fixed-size chunks cut from one region of the slab. All stream bytes, to be sent or received, live in chunks, so
 * that the sizes of the two pools are the memory budget of a worker.
 */
export class ChunkPool {
  /** Chunks that the region holds. */
  readonly capacity: number;
  private readonly free: Int32Array;
  private freeCount: number;

  constructor(
    readonly memory: Uint8Array,
    regionOffset: number,
    regionEnd: number,
  ) {
    this.capacity = Math.floor((regionEnd - regionOffset) / CHUNK_BYTES);
    if (this.capacity < LEAST_CHUNKS)
      throw new RangeError(`memory is too small: a pool needs ${LEAST_CHUNKS * CHUNK_BYTES} bytes`);
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
