import type { Stream, TrafficClass } from './stream.js';

/** Shares of the classes against each other while all have something to send. */
const CLASS_WEIGHT: Record<TrafficClass, number> = { interactive: 16, bulk: 4, scavenger: 1 };
/**
 * Type of service of the classes' packets, DSCP shifted left by two: low-latency data (AF21, RFC 4594 section 4.7), the
 * default, and lower effort (LE, RFC 8622).
 */
export const CLASS_TOS: Record<TrafficClass, number> = { interactive: 18 << 2, bulk: 0, scavenger: 1 << 2 };
/** Bytes that a stream of weight 1 sends before the next of its class: one GSO batch, so that batches stay whole. */
const QUANTUM_BYTES = 65_536;

/** The streams of one class that have something to send, served in turn. */
class ClassQueue {
  private streams: Stream[] = [];
  private head = 0;
  /** Bytes sent over weight: the class with the least goes next. */
  virtualTime = 0;

  constructor(readonly weight: number) {}

  get empty(): boolean {
    return this.head === this.streams.length;
  }

  get first(): Stream {
    return this.streams[this.head];
  }

  push(stream: Stream): void {
    this.streams.push(stream);
  }

  shift(): Stream {
    const stream = this.streams[this.head++];
    if (this.head > 64 && this.head * 2 > this.streams.length) {
      this.streams = this.streams.slice(this.head);
      this.head = 0;
    }
    return stream;
  }
}

/**
 * Which stream sends next: weighted fair queueing between the classes (start-time fair queueing, Goyal et al., SIGCOMM
 * 1996), deficit round robin between the streams of a class (Shreedhar and Varghese, SIGCOMM 1995).
 */
export class Scheduler {
  private readonly queues: Record<TrafficClass, ClassQueue> = {
    interactive: new ClassQueue(CLASS_WEIGHT.interactive),
    bulk: new ClassQueue(CLASS_WEIGHT.bulk),
    scavenger: new ClassQueue(CLASS_WEIGHT.scavenger),
  };
  private readonly all = Object.values(this.queues);

  activate(stream: Stream): void {
    if (stream.scheduled) return;
    stream.scheduled = true;
    stream.deficit = QUANTUM_BYTES * stream.weight;
    const queue = this.queues[stream.trafficClass];
    if (queue.empty) queue.virtualTime = Math.max(queue.virtualTime, this.leastVirtualTime());
    queue.push(stream);
  }

  private leastVirtualTime(): number {
    let least = Infinity;
    for (const queue of this.all) if (!queue.empty) least = Math.min(least, queue.virtualTime);
    return least === Infinity ? 0 : least;
  }

  /** The stream to send from, or undefined. One that turns out to have nothing leaves the queue. */
  next(): Stream | undefined {
    for (;;) {
      const queue = this.leastQueue();
      if (queue === undefined) return undefined;
      const stream = queue.first;
      if (stream.hasSegment && !stream.closed) return stream;
      queue.shift().scheduled = false;
    }
  }

  private leastQueue(): ClassQueue | undefined {
    let least: ClassQueue | undefined;
    for (const queue of this.all) {
      if (!queue.empty && (least === undefined || queue.virtualTime < least.virtualTime)) least = queue;
    }
    return least;
  }

  /** `bytes` of `stream`, which {@link next} gave, were put into a packet. */
  charge(stream: Stream, bytes: number): void {
    const queue = this.queues[stream.trafficClass];
    queue.virtualTime += bytes / queue.weight;
    stream.deficit -= bytes;
    if (stream.deficit > 0) return;
    stream.deficit = QUANTUM_BYTES * stream.weight;
    queue.push(queue.shift());
  }

  get idle(): boolean {
    const { interactive, bulk, scavenger } = this.queues;
    return bulk.empty && interactive.empty && scavenger.empty;
  }
}
