import type { ChunkPool } from '../memory/chunk-pool.js';
import { SCARCE_UNSENT_BYTES } from '../params.js';
import type { MemoryBudget } from './memory-budget.js';
import { ReceiveStream } from './receive-stream.js';
import { SendStream } from './send-stream.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/** How streams compete: see scheduler.ts. */
export type TrafficClass = 'interactive' | 'bulk' | 'scavenger';

/** What a stream needs of the tunnel that carries it. */
export interface StreamHost {
  readonly peerId: string;
  readonly sendPool: ChunkPool;
  readonly receivePool: ChunkPool;
  readonly budget: MemoryBudget;
  readonly nowUs: number;
  readonly smoothedRttUs: number;
  /** Bytes that one stream may hold unsent now. */
  readonly unsentAllowance: number;
  /** The stream has bytes, an open or an end to send. */
  activate(stream: Stream): void;
  /** The stream has a frame other than STREAM to send. */
  activateControl(stream: Stream): void;
  /** The owner could not write all that it has: it wants to be told when there is room. */
  awaitRoom(stream: Stream): void;
  /** Something happened by which the stream may be over. */
  settle(stream: Stream): void;
}

/** Share of the allowance that must have become free before a waiting writer is woken. */
const WAKE_SHARE = 1 / 2;
/** … and this much is always enough: what an owner reads from a socket at once. */
const WAKE_BYTES = 65_536;

/** One TCP connection's worth of bytes, both ways. Made by Endpoint.openStream, or by the peer. */
export class Stream {
  readonly send: SendStream;
  readonly receive: ReceiveStream;
  /** Free for the owner. */
  userData: unknown = undefined;
  /** The opener's payload; of a stream that the peer opens, empty until it has arrived. */
  openPayload: Uint8Array;
  trafficClass: TrafficClass = 'bulk';
  weight = 1;
  /** Owned by the scheduler: the queue that the stream is in, -1 for none, and what it may still send in its turn. */
  queue = -1;
  deficit = 0;
  /** Type of service of its packets. */
  tos = 0;
  controlQueued = false;
  readableQueued = false;
  /** Waits for the pool, not for its own acknowledgements. */
  starved = false;

  /** Known to its owner: opened here, or the peer's open has arrived. */
  opened: boolean;
  openWanted = false;
  openSent = false;
  openAcknowledged = false;
  resetCode: number | undefined = undefined;
  resetWanted = false;
  resetAcknowledged = false;
  peerResetCode: number | undefined = undefined;
  peerStopCode: number | undefined = undefined;
  stopCode: number | undefined = undefined;
  stopWanted = false;
  creditWanted = false;
  wantsWritable = false;
  /** A waiting writer need not be thought of before sending has come to this offset. */
  wakeAt = DOUBLE_ZERO;
  /** The owner was called after the last byte and the end had arrived. */
  endTold = false;
  closed = false;

  /** `granted` of the budget is the stream's, 0 for one that will be refused. */
  constructor(
    private readonly host: StreamHost,
    readonly id: number,
    /** Opened at this side. */
    readonly local: boolean,
    openPayload: Uint8Array,
    peerWindow: number,
    granted: number,
  ) {
    this.openPayload = openPayload;
    this.opened = local;
    this.send = new SendStream(host.sendPool, peerWindow);
    this.receive = new ReceiveStream(host.receivePool, host.budget, granted, host.nowUs);
  }

  get peerId(): string {
    return this.host.peerId;
  }

  // Sending

  /** Whether the owner may still write. */
  get writable(): boolean {
    return !this.closed && !this.send.finQueued && this.resetCode === undefined;
  }

  /** Bytes that {@link write} would take now. */
  get writableBytes(): number {
    if (!this.writable) return 0;
    const { send, host } = this;
    const { end } = send.buffer;
    const allowed = Math.min(host.unsentAllowance + send.next, send.credit + SCARCE_UNSENT_BYTES) - end;
    return Math.max(0, Math.min(allowed, send.buffer.room));
  }

  get acknowledgedBytes(): number {
    return this.send.acknowledged;
  }

  get unacknowledgedBytes(): number {
    return this.send.buffer.end - this.send.acknowledged;
  }

  /**
   * Copies bytes in, as many as there is room for, and gives their number. If that is fewer than offered, `streamWritable`
   * follows when there is room again. After finish(), reset() or the end of the stream nothing is taken.
   */
  write(source: Uint8Array, start: number, end: number): number {
    if (!this.writable) return 0;
    const wanted = end - start;
    const taken = this.send.buffer.write(source, start, start + Math.min(wanted, this.writableBytes));
    if (taken < wanted) this.host.awaitRoom(this);
    if (taken > 0) this.flushOpen();
    return taken;
  }

  /** Has `streamWritable` follow when there is room, as a write() does that takes less than it was offered. */
  awaitRoom(): void {
    if (this.writable) this.host.awaitRoom(this);
  }

  /** Whether there is enough room for a waiting writer to be woken. */
  get roomForWriter(): boolean {
    return this.writableBytes >= this.wakeBytes;
  }

  private get wakeBytes(): number {
    return Math.min(WAKE_BYTES, this.host.unsentAllowance * WAKE_SHARE);
  }

  /** Where sending has to come to before the allowance has room for a waiting writer. */
  get nextWithRoom(): number {
    return this.send.buffer.end + this.wakeBytes - this.host.unsentAllowance;
  }

  /** Lets the open leave without waiting for data. */
  flushOpen(): void {
    if (this.closed) return;
    this.openWanted = true;
    this.host.activate(this);
  }

  /** Ends our direction behind what was written. */
  finish(): void {
    if (!this.writable) return;
    this.send.finQueued = true;
    this.flushOpen();
  }

  /** Aborts our direction: what was not delivered is dropped, the peer sees `code` (0 to 2^53 - 1). */
  reset(code: number): void {
    if (this.resetCode !== undefined || this.closed || this.sendOver) return;
    this.resetCode = code;
    this.resetWanted = true;
    this.send.clear();
    this.host.activateControl(this);
  }

  // Receiving

  /** Whether the owner may read: neither side has given the peer's direction up. */
  get readable(): boolean {
    return !this.closed && this.stopCode === undefined && this.peerResetCode === undefined;
  }

  /** Bytes that have arrived in order and were not consumed. */
  get readableBytes(): number {
    return this.readable ? this.receive.buffer.end - this.receive.buffer.cursor : 0;
  }

  /** Where in memory the next bytes lie. Only where {@link spanLength} is not 0. */
  get spanOffset(): number {
    return this.receive.buffer.locate(this.receive.buffer.cursor);
  }

  /** How many of them lie together there; 0 when there are none. */
  get spanLength(): number {
    return this.readable ? this.receive.buffer.spanLength : 0;
  }

  /** The peer's end was reached and all before it consumed. */
  get readEnded(): boolean {
    return this.peerResetCode === undefined && this.receive.ended;
  }

  /** Moves the cursor; the bytes stay in memory until {@link release}. */
  consume(bytes: number): void {
    if (this.readable) this.receive.buffer.consume(bytes);
  }

  /** The oldest `bytes` consumed are not needed any more: their memory and credit go back. */
  release(bytes: number): void {
    if (!this.readable) return;
    this.receive.buffer.release(bytes);
    if (this.receive.onReleased()) this.wantCredit();
    if (this.receive.ended) this.host.settle(this);
  }

  /** Bounds what the peer may have in flight to us and not released, in bytes; at least 128 KiB. */
  setReadAhead(bytes: number): void {
    this.receive.setReadAhead(bytes);
  }

  /** We will read no more: what arrives is dropped, the peer is asked to reset its direction. */
  stopSending(code: number): void {
    if (!this.readable || this.receive.ended) return;
    this.stopCode = code;
    this.stopWanted = true;
    this.receive.drop();
    this.host.activateControl(this);
    this.host.settle(this);
  }

  // For the tunnel

  /** The owner was called to read. */
  onReadableTold(): void {
    if (this.closed || !this.receive.allArrived) return;
    this.endTold = true;
    this.host.settle(this);
  }

  /** Raises the window to `window` bytes while memory is plentiful. */
  openEagerly(window: number): void {
    if (this.receive.openEagerly(window)) this.wantCredit();
  }

  /** Bytes of the peer have arrived. */
  onArrived(): void {
    if (this.receive.onArrived(this.host.nowUs, this.host.smoothedRttUs)) this.wantCredit();
  }

  private wantCredit(): void {
    this.creditWanted = true;
    this.host.activateControl(this);
  }

  /** Turns a stream of the peer away before its owner hears of it. */
  refuse(code: number): void {
    this.stopSending(code);
    this.reset(code);
  }

  /** Whether there is a frame other than STREAM to send. Credit for a stream that the peer does not know yet follows its open. */
  get controlWanted(): boolean {
    if (this.closed) return false;
    return this.resetWanted || this.stopWanted || (this.creditWanted && this.knownToPeer);
  }

  /** Whether the peer knows of the stream, or will by what is under way: its own, or opened, or reset before it was opened. */
  get knownToPeer(): boolean {
    return !this.local || this.openSent || this.resetCode !== undefined;
  }

  get hasSegment(): boolean {
    if (this.resetCode !== undefined || this.closed) return false;
    return this.send.hasSegment || (this.openWanted && this.local && !this.openSent);
  }

  /** Whether our direction is over: acknowledged to its end, or its reset is. */
  get sendOver(): boolean {
    if (this.resetCode !== undefined) return this.resetAcknowledged;
    return this.send.complete && (!this.local || this.openAcknowledged);
  }

  /** Whether the peer's direction is over: read to its end and released, reset, or stopped and ended. */
  get receiveOver(): boolean {
    if (this.peerResetCode !== undefined) return true;
    if (this.stopCode !== undefined) return this.receive.finalSize !== Infinity;
    return this.endTold && this.receive.buffer.released === this.receive.finalSize;
  }

  /** Gives back all memory. */
  dispose(): void {
    this.closed = true;
    this.send.clear();
    this.receive.drop();
  }
}
