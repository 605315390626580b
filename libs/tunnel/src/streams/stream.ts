import type { ChunkPool } from '../memory/chunk-pool.js';
import type { MemoryBudget } from './memory-budget.js';
import { ReceiveStream } from './receive-stream.js';
import { SendStream } from './send-stream.js';

/** How streams compete: see scheduler.ts. */
export type TrafficClass = 'interactive' | 'bulk' | 'scavenger';

/** What a stream needs of the tunnel that carries it. */
export interface StreamHost {
  readonly peerId: string;
  readonly pool: ChunkPool;
  readonly budget: MemoryBudget;
  readonly nowUs: number;
  readonly smoothedRttUs: number;
  /** Bytes that one stream may hold for sending now. */
  readonly sendBufferLimit: number;
  /** The stream has bytes, an open or an end to send. */
  activate(stream: Stream): void;
  /** The stream has a frame other than STREAM to send. */
  activateControl(stream: Stream): void;
  /** Something happened by which the stream may be over. */
  settle(stream: Stream): void;
}

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
  /** Owned by the scheduler. */
  scheduled = false;
  deficit = 0;
  controlQueued = false;
  readableQueued = false;

  opened: boolean;
  openWanted = false;
  openSent = false;
  openAcknowledged = false;
  resetCode: number | undefined;
  resetWanted = false;
  resetAcknowledged = false;
  peerResetCode: number | undefined;
  peerStopCode: number | undefined;
  stopCode: number | undefined;
  stopWanted = false;
  creditWanted = false;
  wantsWritable = false;
  closed = false;

  constructor(
    private readonly host: StreamHost,
    readonly id: number,
    /** Opened at this side. */
    readonly local: boolean,
    openPayload: Uint8Array,
    peerWindow: number,
  ) {
    this.openPayload = openPayload;
    this.opened = local;
    this.send = new SendStream(host.pool, peerWindow);
    this.receive = new ReceiveStream(host.pool, host.budget, host.nowUs);
  }

  get peerId(): string {
    return this.host.peerId;
  }

  // Sending

  /** Bytes that {@link write} would take now. */
  get writableBytes(): number {
    if (this.send.finQueued || this.resetCode !== undefined) return 0;
    return Math.max(0, this.host.sendBufferLimit - this.unacknowledgedBytes);
  }

  get acknowledgedBytes(): number {
    return this.send.acknowledged;
  }

  get unacknowledgedBytes(): number {
    return this.send.buffer.end - this.send.acknowledged;
  }

  /**
   * Copies bytes in, as many as there is room for, and gives their number. If that is fewer than offered, `streamWritable`
   * follows when there is room again. After finish() or reset() nothing is taken.
   */
  write(source: Uint8Array, start: number, end: number): number {
    const wanted = end - start;
    const taken = this.send.buffer.write(source, start, start + Math.min(wanted, this.writableBytes));
    if (taken < wanted) this.wantsWritable = true;
    if (taken > 0) this.flushOpen();
    return taken;
  }

  /** Lets the open leave without waiting for data. */
  flushOpen(): void {
    this.openWanted = true;
    this.host.activate(this);
  }

  /** Ends our direction behind what was written. */
  finish(): void {
    if (this.send.finQueued || this.resetCode !== undefined) return;
    this.send.finQueued = true;
    this.flushOpen();
  }

  /** Aborts our direction: what was not delivered is dropped, the peer sees `code` (0 to 2^32 - 1). */
  reset(code: number): void {
    if (this.resetCode !== undefined || this.send.complete || this.closed) return;
    this.resetCode = code;
    this.resetWanted = true;
    this.send.clear();
    this.host.activateControl(this);
  }

  // Receiving

  /** Bytes that have arrived in order and were not consumed. */
  get readableBytes(): number {
    return this.receive.buffer.end - this.receive.buffer.cursor;
  }

  /** Where in memory the next bytes lie. */
  get spanOffset(): number {
    return this.receive.buffer.locate(this.receive.buffer.cursor);
  }

  /** How many of them lie together there; 0 when there are none. */
  get spanLength(): number {
    return this.receive.buffer.spanLength;
  }

  /** The peer's end was reached and all before it consumed. */
  get readEnded(): boolean {
    return this.receive.ended;
  }

  /** Moves the cursor; the bytes stay in memory until {@link release}. */
  consume(bytes: number): void {
    this.receive.buffer.consume(bytes);
  }

  /** The oldest `bytes` consumed are not needed any more: their memory and credit go back. */
  release(bytes: number): void {
    if (this.closed || this.stopCode !== undefined || this.peerResetCode !== undefined) return;
    this.receive.buffer.release(bytes);
    if (this.receive.onReleased(this.host.nowUs, this.host.smoothedRttUs)) this.wantCredit();
    if (this.receive.ended) this.host.settle(this);
  }

  /** Bounds what the peer may have in flight to us and not released, in bytes; at least 128 KiB. */
  setReadAhead(bytes: number): void {
    this.receive.setReadAhead(bytes);
  }

  /** We will read no more: what arrives is dropped, the peer is asked to reset its direction. */
  stopSending(code: number): void {
    if (this.stopCode !== undefined || this.peerResetCode !== undefined || this.receive.ended || this.closed)
      return;
    this.stopCode = code;
    this.stopWanted = true;
    this.receive.buffer.clear();
    this.host.activateControl(this);
    this.host.settle(this);
  }

  // For the tunnel

  /** Raises the window while memory is plentiful. */
  openEagerly(): void {
    if (this.receive.openEagerly()) this.wantCredit();
  }

  private wantCredit(): void {
    this.creditWanted = true;
    this.host.activateControl(this);
  }

  /** Whether the owner may read: neither side has given the peer's direction up. */
  get readable(): boolean {
    return !this.closed && this.stopCode === undefined && this.peerResetCode === undefined;
  }

  get hasSegment(): boolean {
    if (this.resetCode !== undefined) return false;
    return this.send.hasSegment || (this.openWanted && !this.openSent);
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
    return this.receive.ended && this.receive.buffer.released === this.receive.finalSize;
  }

  /** Gives back all memory. */
  dispose(): void {
    this.closed = true;
    this.send.clear();
    this.receive.close();
  }
}
