import type { Stream, TrafficClass } from './stream.js';

const CLASSES: readonly TrafficClass[] = ['interactive', 'bulk', 'scavenger'];
/** Shares of the classes against each other while all have something to send. */
const CLASS_WEIGHT: Record<TrafficClass, number> = { interactive: 16, bulk: 4, scavenger: 1 };
/**
 * Type of service of the classes' packets, DSCP shifted left by two: low-latency data (AF21, RFC 4594 section 4.7), the
 * default, and lower effort (LE, RFC 8622).
 */
const CLASS_TOS: Record<TrafficClass, number> = { interactive: 18 << 2, bulk: 0, scavenger: 1 << 2 };
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
  private readonly queues = CLASSES.map((name) => new ClassQueue(CLASS_WEIGHT[name]));
  private waiting = 0;

  activate(stream: Stream): void {
    if (stream.queue >= 0) return;
    stream.queue = CLASSES.indexOf(stream.trafficClass);
    stream.tos = CLASS_TOS[stream.trafficClass];
    stream.deficit = QUANTUM_BYTES * stream.weight;
    const queue = this.queues[stream.queue];
    if (queue.empty) queue.virtualTime = Math.max(queue.virtualTime, this.leastVirtualTime());
    queue.push(stream);
    this.waiting++;
  }

  private leastVirtualTime(): number {
    return this.leastQueue()?.virtualTime ?? 0;
  }

  /** The stream to send from, or undefined. One that turns out to have nothing leaves the queue. */
  next(): Stream | undefined {
    for (;;) {
      const queue = this.leastQueue();
      if (queue === undefined) return undefined;
      const stream = queue.first;
      if (stream.hasSegment) return stream;
      queue.shift().queue = -1;
      this.waiting--;
    }
  }

  private leastQueue(): ClassQueue | undefined {
    if (this.waiting === 0) return undefined;
    let least: ClassQueue | undefined = undefined;
    for (const queue of this.queues) {
      if (!queue.empty && (least === undefined || queue.virtualTime < least.virtualTime)) least = queue;
    }
    return least;
  }

  /** `bytes` of `stream`, which {@link next} gave, were put into a packet. */
  charge(stream: Stream, bytes: number): void {
    const queue = this.queues[stream.queue];
    queue.virtualTime += bytes / queue.weight;
    stream.deficit -= bytes;
    if (stream.deficit > 0) return;
    stream.deficit = QUANTUM_BYTES * stream.weight;
    queue.push(queue.shift());
  }

  /** No stream has anything to send, as far as is known. */
  get idle(): boolean {
    return this.waiting === 0;
  }
}
