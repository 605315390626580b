import type { EventQueue } from '../events.js';
import type { ChunkPool } from '../memory/chunk-pool.js';
import type { Stream } from './stream.js';

/** Free chunks that are counted on for each writer that is woken: 64 KiB. */
const CHUNKS_PER_WRITER = 4;

/**
 * Streams whose owner found no room in the send pool, in the order in which they asked. A stream with nothing in flight
 * has no acknowledgement of its own that could wake it.
 */
export class WaitingWriters {
  private queue: Stream[] = [];

  constructor(
    private readonly pool: ChunkPool,
    private readonly events: EventQueue,
  ) {}

  /** Whether a writer may find no room for a chunk or two of its own. */
  get poolIsShort(): boolean {
    return this.pool.available <= CHUNKS_PER_WRITER;
  }

  add(stream: Stream): void {
    if (stream.starved) return;
    stream.starved = true;
    this.queue.push(stream);
  }

  /** Wakes as many as there are chunks for. */
  wake(): void {
    if (this.queue.length === 0) return;
    const count = Math.min(this.queue.length, Math.floor(this.pool.available / CHUNKS_PER_WRITER));
    if (count === 0) return;
    for (const stream of this.queue.splice(0, count)) {
      stream.starved = false;
      stream.wantsWritable = false;
      this.events.push({ kind: 'writable', stream });
    }
  }
}
