import type { Stream, TrafficClass } from './stream.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

const CLASSES: readonly TrafficClass[] = ['interactive', 'bulk', 'scavenger'];
/** Shares of the classes of a tunnel against each other while all have something to send, each more than 0. */
export type ClassWeights = Readonly<Record<TrafficClass, number>>;
/** Chosen: each class four times the next, so that none starves. */
export const DEFAULT_CLASS_WEIGHTS: ClassWeights = { interactive: 16, bulk: 4, scavenger: 1 };
/**
 * Type of service of the classes' packets, DSCP shifted left by two: low-latency data (AF21, RFC 4594 section 4.7), the
 * default, and lower effort (LE, RFC 8622).
 */
const CLASS_TOS: Record<TrafficClass, number> = { interactive: 18 << 2, bulk: 0, scavenger: 1 << 2 };
/** Bytes that a stream of weight 1 sends before the next of its class: one GSO batch, so that batches stay whole. */
const QUANTUM_BYTES = 65_536;

/** What a stream that had nothing to send before may send ahead of those that had: an open, a request, a keystroke. */
const FRESH_BYTES = 16_384;

/** A queue whose head moves through an array. */
class StreamQueue {
  private streams: Stream[] = [];
  private head = 0;

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

/** The streams of one class that have something to send. */
class ClassQueue {
  /** Bytes sent over weight: the class with the least goes next. */
  virtualTime = DOUBLE_ZERO;
  /** Those that had nothing before go first, and once through the other queue before they may do so again (RFC 8290 section 4.1.2). */
  readonly fresh = new StreamQueue();
  readonly old = new StreamQueue();

  constructor(public weight: number) {}

  get empty(): boolean {
    return this.fresh.empty && this.old.empty;
  }
}

/**
 * Which stream sends next: weighted fair queueing between the classes (start-time fair queueing, Goyal et al., SIGCOMM
 * 1996), deficit round robin between the streams of a class (Shreedhar and Varghese, SIGCOMM 1995), with those that begin to
 * send ahead of those that do so all the time (RFC 8290).
 */
export class Scheduler {
  private readonly queues = CLASSES.map((name) => new ClassQueue(DEFAULT_CLASS_WEIGHTS[name]));
  private waiting = 0;

  /** From the next packet on; what was sent before counts as it was shared then. */
  setWeights(weights: ClassWeights): void {
    for (const [index, name] of CLASSES.entries()) this.queues[index].weight = weights[name];
  }

  activate(stream: Stream): void {
    if (stream.queue >= 0) return;
    stream.queue = CLASSES.indexOf(stream.trafficClass);
    stream.tos = CLASS_TOS[stream.trafficClass];
    stream.deficit = FRESH_BYTES * stream.weight;
    const queue = this.queues[stream.queue];
    if (queue.empty) queue.virtualTime = Math.max(queue.virtualTime, this.leastVirtualTime());
    queue.fresh.push(stream);
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
      const { fresh, old } = queue;
      const stream = (fresh.empty ? old : fresh).first;
      if (stream.hasSegment) return stream;
      if (!fresh.empty) this.age(queue);
      else {
        old.shift().queue = -1;
        this.waiting--;
      }
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
    if (!queue.fresh.empty) this.age(queue);
    else {
      stream.deficit = QUANTUM_BYTES * stream.weight;
      queue.old.push(queue.old.shift());
    }
  }

  /** The first of the fresh streams takes its turn behind the old ones. */
  private age({ fresh, old }: ClassQueue): void {
    const stream = fresh.shift();
    stream.deficit = QUANTUM_BYTES * stream.weight;
    old.push(stream);
  }

  /** No stream has anything to send, as far as is known. */
  get idle(): boolean {
    return this.waiting === 0;
  }
}
