import type { Clock } from '../clock.js';
import type { EventQueue } from '../events.js';
import type { ChunkPool } from '../memory/chunk-pool.js';
import {
  EAGER_ROUNDS,
  EAGER_STREAM_WINDOW,
  MAX_LOCAL_STREAMS,
  MAX_OPEN_PAYLOAD,
  MAX_PEER_STREAMS,
} from '../params.js';
import type { ReceiveRate } from '../path/receive-rate.js';
import type { RttEstimator } from '../recovery/rtt-estimator.js';
import { StreamAbortCode } from '../streams/abort-code.js';
import type { MemoryBudget } from '../streams/memory-budget.js';
import { INITIAL_GRANT } from '../streams/receive-stream.js';
import { Scheduler } from '../streams/scheduler.js';
import { Stream, type StreamHost, type TrafficClass } from '../streams/stream.js';
import type { WaitingWriters } from '../streams/waiting-writers.js';
import type { PacketBuilder } from '../wire/packet-builder.js';

/** What all tunnels of an endpoint share. */
export interface SharedResources {
  readonly clock: Clock;
  readonly events: EventQueue;
  readonly sendPool: ChunkPool;
  readonly receivePool: ChunkPool;
  readonly budget: MemoryBudget;
  readonly waitingWriters: WaitingWriters;
  readonly builder: PacketBuilder;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface StreamTableOptions {
  readonly peerId: string;
  /** Streams opened here have even ids at one side and odd ones at the other. */
  readonly idParity: 0 | 1;
  /** Credit that the peer gives each new stream. */
  readonly peerInitialWindow: number;
}

const EMPTY = new Uint8Array(0);

/** The streams of a tunnel: which there are, which have something to send, and when each is over. */
export class StreamTable implements StreamHost {
  readonly scheduler = new Scheduler();
  /** Streams with frames other than STREAM to send. */
  readonly controlQueue: Stream[] = [];
  unsentAllowance = 0;
  /** Set where the peer broke a rule of streams. */
  violation: string | undefined = undefined;
  private readonly streams = new Map<number, Stream>();
  private last: Stream | undefined = undefined;
  private nextLocalId: number;
  private nextPeerId: number;
  private localCount = 0;
  private peerCount = 0;

  /** `touch` is called when an owner's call may have given the tunnel something to do. */
  constructor(
    private readonly options: StreamTableOptions,
    private readonly shared: SharedResources,
    private readonly rtt: RttEstimator,
    private readonly receiveRate: ReceiveRate,
    private readonly touch: () => void,
  ) {
    this.nextLocalId = options.idParity;
    this.nextPeerId = 1 - options.idParity;
  }

  get peerId(): string {
    return this.options.peerId;
  }

  get sendPool(): ChunkPool {
    return this.shared.sendPool;
  }

  get receivePool(): ChunkPool {
    return this.shared.receivePool;
  }

  get budget(): MemoryBudget {
    return this.shared.budget;
  }

  get nowUs(): number {
    return this.shared.clock.nowUs;
  }

  get smoothedRttUs(): number {
    return this.rtt.smoothedUs;
  }

  get size(): number {
    return this.streams.size;
  }

  /** Most packets carry bytes of the same stream as the one before. */
  get(id: number): Stream | undefined {
    const { last } = this;
    if (last !== undefined && last.id === id) return last;
    const stream = this.streams.get(id);
    if (stream !== undefined) this.last = stream;
    return stream;
  }

  /** Throws when there are too many streams, or no memory that the peer could be promised. */
  open(openPayload: Uint8Array, trafficClass: TrafficClass, weight: number): Stream {
    if (openPayload.length > MAX_OPEN_PAYLOAD)
      throw new RangeError(`an open carries at most ${MAX_OPEN_PAYLOAD} bytes, not ${openPayload.length}`);
    if (!(weight >= 1 && weight <= 100)) throw new RangeError(`a weight is 1 to 100, not ${weight}`);
    if (this.localCount >= MAX_LOCAL_STREAMS)
      throw new Error(`the tunnel already carries ${MAX_LOCAL_STREAMS} streams`);
    if (!this.budget.grant(INITIAL_GRANT)) throw new Error('the memory budget for streams is used up');
    const stream = this.add(this.nextLocalId, true, openPayload, INITIAL_GRANT);
    this.nextLocalId += 2;
    this.localCount++;
    stream.trafficClass = trafficClass;
    stream.weight = weight;
    stream.openEagerly(this.eagerWindow);
    return stream;
  }

  /** On a path that is known, a stream need not be held up by credit for longer than until its first arrives. */
  private get eagerWindow(): number {
    const { rtt, receiveRate } = this;
    return rtt.hasSample
      ? Math.max(EAGER_STREAM_WINDOW, EAGER_ROUNDS * receiveRate.peak * rtt.smoothedUs)
      : EAGER_STREAM_WINDOW;
  }

  private add(id: number, local: boolean, openPayload: Uint8Array, granted: number): Stream {
    const stream = new Stream(this, id, local, openPayload, this.options.peerInitialWindow, granted);
    this.streams.set(id, stream);
    return stream;
  }

  /** The stream of an arriving frame. Undefined: it is over and the frame late, or see {@link violation}. */
  resolve(id: number): Stream | undefined {
    const stream = this.get(id);
    if (stream !== undefined) return stream;
    if (id % 2 === this.options.idParity) {
      if (id >= this.nextLocalId) this.violation = `stream ${id} was never opened`;
      return undefined;
    }
    return id < this.nextPeerId ? undefined : this.admit(id);
  }

  /** The peer opens ids in order: a frame of one opens, without their payload yet, all before it. */
  private admit(id: number): Stream | undefined {
    const count = (id - this.nextPeerId) / 2 + 1;
    if (this.peerCount + count > MAX_PEER_STREAMS) {
      this.violation = `the peer opens more than ${MAX_PEER_STREAMS} streams`;
      return undefined;
    }
    let stream: Stream;
    do {
      stream = this.admitOne(this.nextPeerId);
      this.nextPeerId += 2;
      this.peerCount++;
    } while (stream.id !== id);
    return stream;
  }

  /** A stream for which there is no memory is refused: it must not hold up the others. */
  private admitOne(id: number): Stream {
    const granted = this.budget.grant(INITIAL_GRANT);
    const stream = this.add(id, false, EMPTY, granted ? INITIAL_GRANT : 0);
    if (granted) stream.openEagerly(this.eagerWindow);
    else stream.refuse(StreamAbortCode.noMemory);
    return stream;
  }

  activate(stream: Stream): void {
    if (!stream.hasSegment) return;
    this.scheduler.activate(stream);
    this.touch();
  }

  activateControl(stream: Stream): void {
    if (stream.controlQueued || !stream.controlWanted) return;
    stream.controlQueued = true;
    this.controlQueue.push(stream);
    this.touch();
  }

  awaitRoom(stream: Stream): void {
    stream.wantsWritable = true;
    stream.wakeAt = stream.nextWithRoom;
    this.awaitPool(stream);
  }

  /** Where it is the pool that has no room, no acknowledgement or credit of the stream's own may ever come to wake its owner. */
  private awaitPool(stream: Stream): void {
    const { waitingWriters } = this.shared;
    if (waitingWriters.poolIsShort) waitingWriters.add(stream);
  }

  /** Bytes of the stream were sent, or credit came: its owner may want to know. */
  wakeWriter(stream: Stream): void {
    if (!stream.wantsWritable || stream.send.next < stream.wakeAt || stream.starved) return;
    if (!stream.roomForWriter) {
      stream.wakeAt = stream.nextWithRoom;
      this.awaitPool(stream);
      return;
    }
    stream.wantsWritable = false;
    this.shared.events.push({ kind: 'writable', stream });
  }

  settle(stream: Stream): void {
    if (stream.closed || !stream.sendOver || !stream.receiveOver) return;
    stream.dispose();
    this.streams.delete(stream.id);
    if (this.last === stream) this.last = undefined;
    if (stream.local) this.localCount--;
    else this.peerCount--;
    if (stream.opened) this.shared.events.push({ kind: 'closed', stream });
  }

  /** Ends every stream as if the peer had reset it. */
  abandon(code: number): void {
    const { events } = this.shared;
    for (const stream of this.streams.values()) {
      stream.dispose();
      if (!stream.opened) continue;
      if (stream.peerResetCode === undefined) events.push({ kind: 'reset', stream, code });
      events.push({ kind: 'closed', stream });
    }
    this.streams.clear();
    this.last = undefined;
    this.controlQueue.length = 0;
  }
}
