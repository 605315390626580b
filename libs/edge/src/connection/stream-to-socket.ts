import { BlockDecoder, type BlockSink } from '@longhaul/block-codec';
import type { TcpSocket } from '@longhaul/native';
import type { Stream } from '@longhaul/tunnel';
import type { Gate } from '../rate-limit/rate-limits.js';
import type { Flow } from './flow.js';
import type { WorkSpace } from './work-space.js';

/** Bytes that the socket has not taken yet. */
interface Leftover {
  readonly buffer: Uint8Array;
  offset: number;
  readonly end: number;
}

/**
 * The direction from a stream into a TCP socket. Raw bytes are written straight from the stream's memory. While the
 * socket takes nothing, or a rate limit holds it up, no more is read than a span and a decoded block, and no credit is given.
 */
export class StreamToSocket implements BlockSink {
  /** The stream's end was reached and passed on. */
  ended = false;
  private readonly decoder: BlockDecoder;
  private readonly leftovers: Leftover[] = [];
  /** Bytes of the stream whose content the socket has not wholly taken. */
  private unreleased = 0;
  private wasBlocked = false;
  /** The decoder holds a block that had nowhere to go. */
  private blockWaits = false;

  constructor(
    private readonly socket: TcpSocket,
    private readonly stream: Stream,
    private readonly space: WorkSpace,
    private readonly flow: Flow,
    private readonly gate: Gate,
  ) {
    this.decoder = new BlockDecoder(space.compressor);
  }

  /** Moves what can be moved now. @throws what the socket throws, or BlockFormatError */
  run(): void {
    if (this.ended || !this.drain()) return;
    const { stream } = this;
    while (this.blockWaits || stream.spanLength > 0) {
      if (!this.gate.admits()) return;
      this.takeSpan();
      if (this.leftovers.length > 0) {
        this.socket.wantWrite(true);
        return;
      }
      this.release();
    }
    if (stream.readEnded) this.finish();
  }

  /** Whether the socket or a rate limit takes nothing, now and at the last call: it is slower than the stream. */
  checkBlocked(): boolean {
    const { wasBlocked } = this;
    this.wasBlocked = this.leftovers.length > 0 || this.gate.waits;
    return wasBlocked && this.wasBlocked;
  }

  private takeSpan(): void {
    const { stream } = this;
    const length = stream.spanLength;
    const at = length === 0 ? 0 : stream.spanOffset;
    this.blockWaits = false;
    const stopped = this.decoder.push(this.space.memory, at, at + length, this);
    stream.consume(stopped - at);
    this.unreleased += stopped - at;
    this.flow.countReceived(0, stopped - at);
  }

  private release(): void {
    if (this.unreleased === 0) return;
    this.stream.release(this.unreleased);
    this.unreleased = 0;
  }

  /** Writes what was left over. False: the socket still takes no more. */
  private drain(): boolean {
    while (this.leftovers.length > 0) {
      const first = this.leftovers[0];
      first.offset += this.socket.write(first.buffer, first.offset, first.end - first.offset);
      if (first.offset < first.end) {
        this.socket.wantWrite(true);
        return false;
      }
      this.leftovers.shift();
    }
    this.socket.wantWrite(false);
    this.release();
    return true;
  }

  private finish(): void {
    this.decoder.finish();
    this.ended = true;
    this.socket.shutdownWrite();
  }

  // What the decoder brings forth

  raw(start: number, end: number): void {
    this.count(end - start);
    const written = this.write(this.space.memory, start, end);
    if (written < end - start) {
      this.leftovers.push({ buffer: this.space.memory, offset: start + written, end });
    }
  }

  acquire(): Uint8Array | undefined {
    this.blockWaits = this.leftovers.length > 0 || !this.gate.admits();
    return this.blockWaits ? undefined : this.space.decoded;
  }

  decoded(buffer: Uint8Array, length: number): void {
    this.count(length);
    const written = this.write(buffer, 0, length);
    if (written === length) return;
    const rest = buffer.slice(written, length);
    this.leftovers.push({ buffer: rest, offset: 0, end: rest.length });
  }

  private count(bytes: number): void {
    this.flow.countReceived(bytes, 0);
    this.gate.take(bytes);
  }

  /** Bytes taken; none while others wait before them. */
  private write(buffer: Uint8Array, start: number, end: number): number {
    return this.leftovers.length > 0 ? 0 : this.socket.write(buffer, start, end - start);
  }
}
