import { TcpEvent, type NativeHandle, type SocketAddress } from './binding.js';
import { binding } from './implementation.js';

export interface TcpConnectOptions {
  /** A literal IPv4 or IPv6 address. */
  address: string;
  port: number;
  /** SO_MARK. Needs CAP_NET_ADMIN. */
  mark?: number;
  localAddress?: string;
  /** 0 or absent: any. */
  localPort?: number;
  /** `localAddress` need not be this host's (IP_TRANSPARENT). Needs CAP_NET_ADMIN. */
  transparent?: boolean;
  /** After this time the connect fails with 'ETIMEDOUT'; without it, when the kernel gives up (about two minutes). */
  timeoutMs?: number;
}

export interface TcpEvents {
  /** The outcome of {@link TcpSocket.connect}, never before it returns. With an error code, as 'ECONNREFUSED', the socket is closed. */
  onConnect?(errorCode: string | undefined): void;
  /** While `wantRead` is on and there is data, the end of the stream, or a failure: `read` tells which. */
  onReadable(): void;
  /** While `wantWrite` is on and there is room, or a failure: `write` tells which. */
  onWritable(): void;
  /**
   * Once, when the connection fails while `wantRead` is off; a reader learns it from `read`. A reset is 'ECONNRESET', or
   * 'EPIPE' when it comes after the far end's FIN.
   */
  onError?(errorCode: string): void;
}

export interface TcpSocketOptions {
  /** Default on. */
  noDelay?: boolean;
  /** Idle time after which the kernel asks whether the far end is alive; twice that time until it gives up. 0: never. */
  keepAliveSeconds?: number;
  /** How long written data may stay unacknowledged before the connection fails with 'ETIMEDOUT'. 0: the system's default. */
  userTimeoutMs?: number;
  /** `onWritable` waits until fewer bytes than this are unsent. */
  unsentLowWaterBytes?: number;
  receiveBufferBytes?: number;
  sendBufferBytes?: number;
}

const NO_EVENTS: TcpEvents = { onReadable: () => undefined, onWritable: () => undefined };

/**
 * A TCP connection without buffers of its own: bytes that `write` did not take are still the caller's, and bytes that
 * were not read hold the sender back. Urgent data stays in the stream.
 */
export class TcpSocket {
  private handle: NativeHandle | undefined;
  private events: TcpEvents;
  private wanted = 0;
  private closed = false;
  private timeout: NodeJS.Timeout | undefined;
  private addresses: { local?: SocketAddress; remote: SocketAddress } | undefined;

  private constructor(events: TcpEvents) {
    this.events = events;
  }

  /**
   * Begins to connect. Failures, those at once included, come to `events.onConnect`.
   * @throws RangeError for an address that is no literal; Error with a `code` when there is no descriptor left
   */
  static connect(options: TcpConnectOptions, events: TcpEvents): TcpSocket {
    const socket = new TcpSocket(events);
    socket.handle = binding.tcpConnect(
      options.address,
      options.port,
      options.localAddress ?? '',
      options.localPort ?? 0,
      options.mark ?? 0,
      options.transparent ?? false,
      (bits, errorCode) => {
        socket.dispatch(bits, errorCode);
      },
    );
    if (options.timeoutMs !== undefined) {
      socket.timeout = setTimeout(() => {
        socket.finishConnect('ETIMEDOUT');
      }, options.timeoutMs);
    }
    return socket;
  }

  /** The next connection of a listener; for {@link TcpListener}. */
  static accept(listener: NativeHandle): TcpSocket | undefined {
    const socket = new TcpSocket(NO_EVENTS);
    socket.handle = binding.listenerAccept(listener, (bits, errorCode) => {
      socket.dispatch(bits, errorCode);
    });
    return socket.handle === undefined ? undefined : socket;
  }

  setEvents(events: TcpEvents): void {
    this.events = events;
  }

  /** Whether to be told of data to read, again and again while there is some. Off at first. */
  wantRead(on: boolean): void {
    this.want(TcpEvent.readable, on);
  }

  /** Whether to be told of room to write, again and again while there is some. Off at first. */
  wantWrite(on: boolean): void {
    this.want(TcpEvent.writable, on);
  }

  /**
   * @param length at least 1
   * @returns bytes read into `target` at `offset`; 0 at the end of the stream; -1 when nothing is there yet
   * @throws Error with a `code`: 'ECONNRESET', 'ETIMEDOUT', …, and 'EBADF' when closed
   */
  read(target: Uint8Array, offset: number, length: number): number {
    return binding.tcpRead(this.opened(), target, offset, length);
  }

  /**
   * @returns bytes taken from `source` at `offset`; 0 when there is no room
   * @throws Error with a `code`: 'ECONNRESET', 'EPIPE', …, and 'EBADF' when closed
   */
  write(source: Uint8Array, offset: number, length: number): number {
    return binding.tcpWrite(this.opened(), source, offset, length);
  }

  /** Ends the outgoing stream after what was written (FIN). Reading goes on. */
  shutdownWrite(): void {
    binding.tcpShutdownWrite(this.opened());
  }

  /** Breaks the connection (RST): the far end sees 'ECONNRESET'. */
  reset(): void {
    this.release(true);
  }

  /** Closes. What was written is still delivered; data that arrived and was not read makes the kernel send a reset. */
  close(): void {
    this.release(false);
  }

  /** Addresses are those of the connection, and stay after it. Before it is made, the local ones are '' and 0. */
  get localAddress(): string {
    return this.endpoints().local?.address ?? '';
  }

  get localPort(): number {
    return this.endpoints().local?.port ?? 0;
  }

  get remoteAddress(): string {
    return this.endpoints().remote.address;
  }

  get remotePort(): number {
    return this.endpoints().remote.port;
  }

  /** Where the client was going before a firewall rule redirected it here; undefined when the kernel knows of none. */
  originalDestination(): SocketAddress | undefined {
    return binding.tcpOriginalDestination(this.opened());
  }

  /** The kernel's congestion control of this connection, as 'cubic'. */
  get congestionControl(): string {
    return binding.tcpCongestion(this.opened());
  }

  /** @throws Error with code 'ENOENT' or 'EPERM' when it is not to be had */
  setCongestionControl(name: string): void {
    binding.tcpSetCongestion(this.opened(), name);
  }

  setOptions(options: TcpSocketOptions): void {
    const handle = this.opened();
    if (options.noDelay !== undefined) binding.tcpSetNoDelay(handle, options.noDelay);
    if (options.keepAliveSeconds !== undefined) binding.tcpSetKeepAlive(handle, options.keepAliveSeconds);
    if (options.userTimeoutMs !== undefined) binding.tcpSetUserTimeout(handle, options.userTimeoutMs);
    if (options.unsentLowWaterBytes !== undefined) {
      binding.tcpSetUnsentLowWater(handle, options.unsentLowWaterBytes);
    }
    binding.tcpSetBuffers(handle, options.receiveBufferBytes ?? 0, options.sendBufferBytes ?? 0);
  }

  /** Bytes written that the far kernel has not acknowledged; 0 when closed. */
  unsentBytes(): number {
    return binding.tcpUnsent(this.opened());
  }

  private want(event: number, on: boolean): void {
    const wanted = on ? this.wanted | event : this.wanted & ~event;
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    binding.tcpWant(this.opened(), wanted);
  }

  private dispatch(bits: number, errorCode: string | undefined): void {
    if ((bits & TcpEvent.connected) !== 0) {
      this.finishConnect(errorCode);
      return;
    }
    if ((bits & TcpEvent.failed) !== 0 && errorCode !== undefined) this.events.onError?.(errorCode);
    if ((bits & this.wanted & TcpEvent.readable) !== 0 && !this.closed) this.events.onReadable();
    if ((bits & this.wanted & TcpEvent.writable) !== 0 && !this.closed) this.events.onWritable();
  }

  private finishConnect(errorCode: string | undefined): void {
    clearTimeout(this.timeout);
    this.addresses = undefined;
    if (errorCode !== undefined) this.release(false);
    this.events.onConnect?.(errorCode);
  }

  private release(withReset: boolean): void {
    clearTimeout(this.timeout);
    this.closed = true;
    binding.tcpClose(this.opened(), withReset);
  }

  private endpoints(): { local?: SocketAddress; remote: SocketAddress } {
    this.addresses ??= binding.tcpAddresses(this.opened());
    return this.addresses;
  }

  private opened(): NativeHandle {
    if (this.handle === undefined) throw new Error('the socket has not been made');
    return this.handle;
  }
}
