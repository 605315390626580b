import type { TcpSocket } from '@longhaul/native';
import { Gate, type ConnectionLimit } from '../rate-limit/rate-limits.js';
import { systemErrorCode } from '../system-error.js';
import type { Flow } from './flow.js';
import type { WorkSpace } from './work-space.js';

/** Bytes read at once. */
const READ_BYTES = 65_536;

/** One direction between two sockets: holds back at most one read's bytes. */
class RelayDirection {
  ended = false;
  private pending: Uint8Array | undefined;

  constructor(
    private readonly from: TcpSocket,
    private readonly to: TcpSocket,
    private readonly space: WorkSpace,
    private readonly gate: Gate,
    private readonly count: (bytes: number) => void,
  ) {}

  run(): void {
    if (this.ended || !this.drain()) return;
    if (!this.gate.admits()) {
      this.from.wantRead(false);
      return;
    }
    const count = this.from.read(this.space.read, 0, Math.min(READ_BYTES, this.gate.burstBytes));
    if (count === 0) this.finish();
    if (count > 0) this.pass(count);
    this.from.wantRead(!this.ended && this.pending === undefined);
  }

  private pass(count: number): void {
    this.count(count);
    this.gate.take(count);
    const written = this.to.write(this.space.read, 0, count);
    if (written === count) return;
    this.pending = this.space.read.slice(written, count);
    this.to.wantWrite(true);
  }

  private drain(): boolean {
    const { pending, to } = this;
    if (pending === undefined) return true;
    const written = to.write(pending, 0, pending.length);
    this.pending = written < pending.length ? pending.subarray(written) : undefined;
    to.wantWrite(this.pending !== undefined);
    return this.pending === undefined;
  }

  private finish(): void {
    this.ended = true;
    this.to.shutdownWrite();
  }
}

/** A connection that goes straight to its destination: two sockets joined, half-closes and resets carried over. */
export class Relay {
  private readonly up: RelayDirection;
  private readonly down: RelayDirection;
  private over = false;

  /** Both sockets are connected; `near` is the application's. */
  constructor(
    private readonly near: TcpSocket,
    private readonly far: TcpSocket,
    space: WorkSpace,
    private readonly flow: Flow,
    limit: ConnectionLimit,
    private readonly onClosed: (relay: Relay) => void,
  ) {
    const upGate = new Gate(limit.up, () => {
      this.run(this.up);
    });
    const downGate = new Gate(limit.down, () => {
      this.run(this.down);
    });
    this.up = new RelayDirection(near, far, space, upGate, (bytes) => {
      flow.countSent(bytes, 0);
    });
    this.down = new RelayDirection(far, near, space, downGate, (bytes) => {
      flow.countReceived(bytes, 0);
    });
  }

  start(): void {
    this.listen(this.near, this.up, this.down);
    this.listen(this.far, this.down, this.up);
    this.run(this.up);
    this.run(this.down);
  }

  private listen(socket: TcpSocket, reading: RelayDirection, writing: RelayDirection): void {
    socket.setEvents({
      onReadable: () => {
        this.run(reading);
      },
      onWritable: () => {
        this.run(writing);
      },
      onError: (code) => {
        this.abort(`the connection failed: ${code}`);
      },
    });
  }

  private run(direction: RelayDirection): void {
    if (this.over) return;
    try {
      direction.run();
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === undefined) throw error;
      this.abort(`the connection was reset (${code})`);
      return;
    }
    if (this.up.ended && this.down.ended) this.close();
  }

  private close(): void {
    this.over = true;
    this.near.close();
    this.far.close();
    this.flow.finish('closed', null);
    this.onClosed(this);
  }

  /** Resets both sockets. */
  abort(reason: string, ended: 'reset' | 'agent-stopped' = 'reset'): void {
    if (this.over) return;
    this.over = true;
    this.near.reset();
    this.far.reset();
    this.flow.finish(ended, reason);
    this.onClosed(this);
  }
}
