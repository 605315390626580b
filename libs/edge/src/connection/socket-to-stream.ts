import { encodedBound, MAX_BLOCK_BYTES, type BlockEncoder } from '@longhaul/block-codec';
import type { TcpSocket } from '@longhaul/native';
import type { Stream } from '@longhaul/tunnel';
import type { Gate } from '../rate-limit/rate-limits.js';
import type { Flow } from './flow.js';
import type { WorkSpace } from './work-space.js';

/** Blocks read in one turn of the event loop: more would make other connections wait. */
const BLOCKS_PER_TURN = 4;
/** What framing adds to a block that goes as it is. */
const BLOCK_OVERHEAD_BYTES = encodedBound(1) - 1;
/** With less room than this in the stream a busy connection waits, so that blocks stay worth their work. */
const LEAST_ROOM_BYTES = 16_384;

/**
 * The direction from a TCP socket into a stream. A block is what one read gives: few bytes of a quiet connection, which
 * leave at once; up to 256 KiB of a busy one, whose bytes queue in the kernel while the stream has no room.
 */
export class SocketToStream {
  /** The socket's end was read and passed on. */
  ended = false;
  /** Encoded bytes that the stream had no room for; at most one block. */
  private pending: Uint8Array | undefined;
  private endRead = false;

  constructor(
    private readonly socket: TcpSocket,
    private readonly stream: Stream,
    private readonly encoder: BlockEncoder,
    private readonly space: WorkSpace,
    private readonly flow: Flow,
    private readonly gate: Gate,
  ) {}

  /** Moves what can be moved now. @throws what the socket throws */
  run(): void {
    if (this.ended) return;
    for (let turn = 0; turn < BLOCKS_PER_TURN; turn++) {
      if (!this.flushPending()) return;
      if (this.endRead) {
        this.finish();
        return;
      }
      const room = this.room();
      if (room === 0) {
        this.waitForRoom();
        return;
      }
      if (!this.gate.admits()) {
        this.socket.wantRead(false);
        return;
      }
      const wanted = Math.min(room, this.gate.burstBytes);
      const count = this.socket.read(this.space.read, 0, wanted);
      if (count === 0) this.endRead = true;
      else if (count > 0) this.take(count);
      if (count > 0 && count < wanted) break;
      if (count < 0) break;
    }
    this.socket.wantRead(true);
  }

  /** Bytes to read such that their block fits the stream, or 0: wait. */
  private room(): number {
    const writable = Math.floor(this.stream.writableBytes);
    return writable < LEAST_ROOM_BYTES ? 0 : Math.min(MAX_BLOCK_BYTES, writable - BLOCK_OVERHEAD_BYTES);
  }

  private take(count: number): void {
    const { space, stream } = this;
    const length = this.encoder.encode(space.read, 0, count, space.encoded);
    this.flow.countSent(count, length);
    this.gate.take(count);
    const taken = stream.write(space.encoded, 0, length);
    if (taken < length) this.pending = space.encoded.slice(taken, length);
  }

  private flushPending(): boolean {
    const { pending, stream } = this;
    if (pending === undefined) return true;
    const taken = stream.write(pending, 0, pending.length);
    this.pending = taken < pending.length ? pending.subarray(taken) : undefined;
    if (this.pending !== undefined) this.waitForRoom();
    return this.pending === undefined;
  }

  /** The stream tells when there is room. */
  private waitForRoom(): void {
    this.socket.wantRead(false);
    this.stream.awaitRoom();
  }

  private finish(): void {
    this.ended = true;
    this.socket.wantRead(false);
    this.stream.finish();
  }
}
