import type { NativeHandle } from './binding.js';
import { binding } from './implementation.js';
import { TcpSocket } from './tcp-socket.js';

const DEFAULT_BACKLOG = 4096;
/** Connections taken before other events get their turn. */
const ACCEPTS_PER_TURN = 64;
/** Pause when the process has no descriptor left; connections wait in the backlog meanwhile. */
const EXHAUSTED_PAUSE_MS = 100;

export interface TcpListenerOptions {
  /** A literal. '::' takes IPv4 as well. */
  address: string;
  /** 0: any. */
  port: number;
  /** Default 4,096; the system's net.core.somaxconn may be less. */
  backlog?: number;
  reusePort?: boolean;
  /** Accepts connections to addresses that are not this host's (IP_TRANSPARENT). Needs CAP_NET_ADMIN. */
  transparent?: boolean;
  mark?: number;
  /** Fixed kernel buffers of the connections accepted, in bytes. By default the kernel sizes them itself. */
  receiveBufferBytes?: number;
  sendBufferBytes?: number;
  /** Largest segment that peers may send, 88 to 32,767 bytes; by default what the route allows. */
  maxSegmentBytes?: number;
}

/** Listens for TCP connections. An address may be listened on again as soon as its listener is closed. */
export class TcpListener {
  readonly port: number;
  private readonly handle: NativeHandle;
  private readonly onConnection: (socket: TcpSocket) => void;
  private pause: NodeJS.Timeout | undefined;

  /** @throws Error with a `code`, as 'EADDRINUSE' */
  constructor(options: TcpListenerOptions, onConnection: (socket: TcpSocket) => void) {
    this.onConnection = onConnection;
    this.handle = binding.listenerOpen(
      options.address,
      options.port,
      options.backlog ?? DEFAULT_BACKLOG,
      options.reusePort ?? false,
      options.transparent ?? false,
      options.mark ?? 0,
      options.receiveBufferBytes ?? 0,
      options.sendBufferBytes ?? 0,
      options.maxSegmentBytes ?? 0,
      () => {
        this.acceptAll();
      },
    );
    this.port = binding.listenerPort(this.handle);
  }

  /**
   * All connections that come from now on go to one of the listeners that have bound this address with `reusePort`, numbered from
   * 0 in the order of binding; where there is none of that number, to any. When one is closed the last takes its number.
   * @throws Error with a `code`: 'ENOTSUP' without the addon, 'EINVAL' without `reusePort`
   */
  steer(socket: number): void {
    binding.listenerSteer(this.handle, socket);
  }

  close(): void {
    clearTimeout(this.pause);
    binding.listenerClose(this.handle);
  }

  private acceptAll(): void {
    for (let i = 0; i < ACCEPTS_PER_TURN; i++) {
      const socket = this.accept();
      if (socket === undefined) return;
      this.onConnection(socket);
    }
  }

  private accept(): TcpSocket | undefined {
    try {
      return TcpSocket.accept(this.handle);
    } catch {
      this.waitForDescriptors();
      return undefined;
    }
  }

  private waitForDescriptors(): void {
    binding.listenerPoll(this.handle, false);
    this.pause = setTimeout(() => {
      binding.listenerPoll(this.handle, true);
    }, EXHAUSTED_PAUSE_MS);
  }
}
