import { TcpListener, type TcpListenerOptions } from '../tcp-listener.js';
import { TcpSocket, type TcpConnectOptions, type TcpEvents } from '../tcp-socket.js';
import { until } from './support.js';

/** Listeners and sockets that a spec made, so that none outlives it. */
export class TcpWorkbench {
  private readonly opened: { close(): void }[] = [];

  listen(
    options: Partial<TcpListenerOptions>,
    onConnection: (socket: TcpSocket) => void = () => undefined,
  ): TcpListener {
    const listener = new TcpListener({ address: '127.0.0.1', port: 0, ...options }, (socket) => {
      this.opened.push(socket);
      onConnection(socket);
    });
    this.opened.push(listener);
    return listener;
  }

  connect(options: TcpConnectOptions, events: Partial<TcpEvents> = {}): TcpSocket {
    const socket = TcpSocket.connect(options, {
      onReadable: () => undefined,
      onWritable: () => undefined,
      ...events,
    });
    this.opened.push(socket);
    return socket;
  }

  /** Both ends of a connection. */
  async pair(
    listen: Partial<TcpListenerOptions> = {},
    connect: Partial<TcpConnectOptions> = {},
  ): Promise<{ client: TcpSocket; server: TcpSocket }> {
    const accepted: TcpSocket[] = [];
    const outcome: (string | undefined)[] = [];
    const listener = this.listen(listen, (socket) => accepted.push(socket));
    const client = this.connect(
      { address: listen.address ?? '127.0.0.1', port: listener.port, ...connect },
      { onConnect: (errorCode) => outcome.push(errorCode) },
    );
    await until(() => accepted.length + outcome.length === 2, 'both ends of a connection');
    listener.close();
    if (outcome[0] !== undefined) throw new Error(`the connection failed: ${outcome[0]}`);
    return { client, server: accepted[0] };
  }

  closeAll(): void {
    for (const one of this.opened.splice(0)) one.close();
  }
}

/** Reads and writes a socket from its events, with small buffers so that both sides block often. */
export class Conversation {
  readonly received: Uint8Array[] = [];
  ended = false;
  errorCode: string | undefined;
  blockedWrites = 0;
  private readonly buffer = new Uint8Array(48 * 1024);
  private unsent: Uint8Array = new Uint8Array(0);
  private finishing = false;
  private finished = false;

  constructor(private readonly socket: TcpSocket) {
    socket.setEvents({
      onReadable: () => {
        this.guard(() => {
          this.readSome();
        });
      },
      onWritable: () => {
        this.guard(() => {
          this.writeSome();
        });
      },
      onError: (errorCode) => {
        this.fail(errorCode);
      },
    });
    socket.wantRead(true);
  }

  send(bytes: Uint8Array): void {
    this.unsent = bytes;
    this.socket.wantWrite(true);
  }

  /** A FIN after what was sent. */
  finish(): void {
    this.finishing = true;
    this.socket.wantWrite(true);
  }

  get sentAll(): boolean {
    return this.unsent.length === 0;
  }

  get sentFin(): boolean {
    return this.finished;
  }

  bytes(): Buffer {
    return Buffer.concat(this.received);
  }

  private readSome(): void {
    const count = this.socket.read(this.buffer, 0, this.buffer.length);
    if (count > 0) this.received.push(this.buffer.slice(0, count));
    if (count !== 0) return;
    this.ended = true;
    this.socket.wantRead(false);
  }

  private writeSome(): void {
    while (this.unsent.length > 0) {
      const taken = this.socket.write(this.unsent, 0, Math.min(this.unsent.length, 256 * 1024));
      if (taken === 0) {
        this.blockedWrites++;
        return;
      }
      this.unsent = this.unsent.subarray(taken);
    }
    this.socket.wantWrite(false);
    if (!this.finishing) return;
    this.socket.shutdownWrite();
    this.finished = true;
  }

  private guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.fail((error as { code: string }).code);
    }
  }

  private fail(errorCode: string): void {
    this.errorCode = errorCode;
    this.socket.wantRead(false);
    this.socket.wantWrite(false);
  }
}
