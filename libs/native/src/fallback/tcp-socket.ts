import { Socket } from 'node:net';
import { TcpEvent, type Binding, type NativeHandle, type SocketAddress } from '../binding.js';
import { checkLiteral, unmap } from './addresses.js';
import { checkBoolean, checkFunction, checkHandle, checkInteger, checkSpan, INT32_MAX } from './arguments.js';
import { Readiness } from './readiness.js';
import { codeOf, notSupported, systemError } from './system-error.js';

/** What Node.js may read ahead of the caller, in bytes; the kernel's window closes behind it. */
export const READ_AHEAD_BYTES = 65_536;
/** What may wait in Node.js for room in the kernel, in bytes. */
const WRITE_AHEAD_BYTES = 262_144;
const NOTHING = Buffer.alloc(0);
const MAX_KEEP_ALIVE_SECONDS = 32_767;
const UINT32_MAX = 2 ** 32 - 1;

type OnEvent = (events: number, errorCode: string | undefined) => void;

/** A socket of node:net, asked and not listened to: it reads ahead and queues no more than the bounds above. */
export class FallbackTcpSocket {
  onEvent: OnEvent = () => undefined;
  wanted = 0;
  private local: SocketAddress | undefined;
  private connecting: boolean;
  private ended = false;
  private finished = false;
  private closed = false;
  /** The first error; it stays. */
  private failure: string | undefined;
  private failureTold = false;
  private readonly readiness = new Readiness(
    () => this.pendingEvents() !== 0,
    () => {
      this.tell();
    },
  );

  constructor(
    private readonly socket: Socket,
    private remote: SocketAddress,
  ) {
    this.connecting = socket.connecting;
    if (!this.connecting) this.learnAddresses();
    socket.setNoDelay(true);
    const changed = (): void => {
      this.readiness.changed();
    };
    socket.on('readable', changed);
    socket.on('connect', () => {
      this.connected(undefined);
    });
    socket.on('end', () => {
      this.endTold();
    });
    socket.on('error', (error) => {
      this.failed(codeOf(error));
    });
  }

  get addresses(): { local?: SocketAddress; remote: SocketAddress } {
    const { local, remote } = this;
    return local === undefined ? { remote } : { local, remote };
  }

  /** Accepted or asked for something new: there may be something to tell already. */
  attend(): void {
    this.readiness.changed();
  }

  private learnAddresses(): void {
    const { localAddress, localPort, remoteAddress, remotePort } = this.socket;
    if (localAddress === undefined || remoteAddress === undefined) return;
    this.local = { address: unmap(localAddress), port: localPort ?? 0 };
    this.remote = { address: unmap(remoteAddress), port: remotePort ?? 0 };
  }

  private connected(errorCode: string | undefined): void {
    if (this.closed) return;
    this.connecting = false;
    if (errorCode === undefined) this.learnAddresses();
    this.onEvent(TcpEvent.connected, errorCode);
    this.readiness.changed();
  }

  private failed(errorCode: string): void {
    this.failure ??= errorCode;
    if (this.connecting) {
      this.failureTold = true;
      this.connected(errorCode);
    } else this.readiness.changed();
  }

  /**
   * libuv takes a reset that follows data closely for the end of the stream. Sending nothing makes the kernel say which
   * it was, unless writing has ended or waits for room.
   */
  private endTold(): void {
    const end = (): void => {
      this.ended = true;
      this.readiness.changed();
    };
    if (this.closed || this.finished || this.writeRoom() < WRITE_AHEAD_BYTES) end();
    else
      this.socket.write(NOTHING, (error) => {
        if (error === null || error === undefined) end();
      });
  }

  private pendingEvents(): number {
    if (this.closed || this.connecting) return 0;
    const failed = this.failure !== undefined;
    const readable = failed || this.ended || this.socket.readableLength > 0 ? TcpEvent.readable : 0;
    const writable = failed || this.writeRoom() > 0 ? TcpEvent.writable : 0;
    // A reader reads what came before the failure and then meets it; anyone else has to be told.
    const unaware = failed && !this.failureTold && (this.wanted & TcpEvent.readable) === 0;
    return ((readable | writable) & this.wanted) | (unaware ? TcpEvent.failed : 0);
  }

  private tell(): void {
    const events = this.pendingEvents();
    const failed = (events & TcpEvent.failed) !== 0;
    if (failed) this.failureTold = true;
    this.onEvent(events, failed ? this.failure : undefined);
  }

  private writeRoom(): number {
    return Math.max(0, WRITE_AHEAD_BYTES - this.socket.writableLength);
  }

  private fail(what: string): never {
    // Whoever meets the failure knows of it.
    this.failureTold = true;
    throw systemError(this.failure ?? 'EIO', what);
  }

  private requireOpen(): void {
    if (this.closed) throw systemError('EBADF', 'the socket is closed');
  }

  read(target: Uint8Array): number {
    this.requireOpen();
    const available = Math.min(target.length, this.socket.readableLength);
    const bytes = available > 0 ? (this.socket.read(available) as Buffer | null) : null;
    if (bytes !== null) {
      target.set(bytes);
      // Node.js tells of the end, and reads on, once all was taken and one asks again.
      if (this.socket.readableLength === 0) this.socket.read(0);
      return bytes.length;
    }
    if (this.failure !== undefined) this.fail('the connection failed while reading');
    return this.ended ? 0 : -1;
  }

  write(source: Uint8Array): number {
    this.requireOpen();
    if (this.failure !== undefined) this.fail('the connection failed while writing');
    if (this.finished) throw systemError('EPIPE', 'the connection takes no more data');
    const taken = this.connecting ? 0 : Math.min(source.length, this.writeRoom());
    if (taken === 0) return 0;
    this.socket.write(Buffer.from(source.subarray(0, taken)), () => {
      if (this.closed) this.destroyIfSent();
      else this.readiness.changed();
    });
    return taken;
  }

  shutdownWrite(): void {
    if (this.closed) return;
    this.finished = true;
    this.socket.end();
  }

  close(withReset: boolean): void {
    if (this.closed) return;
    this.closed = true;
    this.readiness.stop();
    const { socket } = this;
    // As the kernel does it: closing over data that nobody read is a reset.
    const reset = withReset || socket.readableLength > 0;
    if (!this.connecting && !socket.destroyed && reset) socket.resetAndDestroy();
    else this.destroyIfSent();
  }

  /** Without a FIN of its own before: the kernel decides between that and a reset. */
  private destroyIfSent(): void {
    if (this.connecting || this.socket.writableLength === 0) this.socket.destroy();
  }

  /** Bytes that the kernel has not taken. */
  get unsent(): number {
    return this.closed ? 0 : this.socket.writableLength;
  }

  setNoDelay(on: boolean): void {
    this.socket.setNoDelay(on);
  }

  setKeepAlive(seconds: number): void {
    this.socket.setKeepAlive(seconds > 0, seconds * 1000);
  }
}

const socketOf = (handle: NativeHandle): FallbackTcpSocket =>
  checkHandle(handle, FallbackTcpSocket, 'socket');

function checkTuning(handle: NativeHandle, value: number, name: string, least: number, most: number): void {
  socketOf(handle);
  checkInteger(value, name, least, most);
}

export const tcpSocketFunctions: Pick<Binding, Extract<keyof Binding, `tcp${string}`>> = {
  tcpConnect(address, port, localAddress, localPort, mark, transparent, onEvent) {
    const family = checkLiteral(address, 'address');
    checkInteger(port, 'port', 0, 65_535);
    const fromLocal = localAddress !== '';
    if (fromLocal) {
      checkLiteral(localAddress, 'localAddress');
      checkInteger(localPort, 'port', 0, 65_535);
    }
    if (checkInteger(mark, 'mark', 0, UINT32_MAX) !== 0) throw notSupported('a mark on connections');
    if (checkBoolean(transparent, 'transparent')) throw notSupported('a transparent socket');
    checkFunction(onEvent, 'onEvent');
    const socket = new Socket({ allowHalfOpen: true, ...{ highWaterMark: READ_AHEAD_BYTES } });
    const from = fromLocal ? { localAddress, localPort: localPort === 0 ? undefined : localPort } : {};
    socket.connect({ host: address, port, family, ...from });
    const created = new FallbackTcpSocket(socket, { address: unmap(address), port });
    created.onEvent = onEvent;
    return created as unknown as NativeHandle;
  },

  tcpWant(handle, wanted) {
    const socket = socketOf(handle);
    socket.wanted = checkInteger(wanted, 'wanted', 0, TcpEvent.readable | TcpEvent.writable);
    socket.attend();
  },

  tcpRead: (handle, target, offset, length) =>
    socketOf(handle).read(checkSpan(target, offset, length, 'memory', 1)),

  tcpWrite: (handle, source, offset, length) =>
    socketOf(handle).write(checkSpan(source, offset, length, 'memory')),

  tcpShutdownWrite(handle) {
    socketOf(handle).shutdownWrite();
  },

  tcpClose(handle, withReset) {
    socketOf(handle).close(checkBoolean(withReset, 'withReset'));
  },

  tcpAddresses: (handle) => socketOf(handle).addresses,
  tcpUnsent: (handle) => socketOf(handle).unsent,

  tcpSetNoDelay(handle, on) {
    socketOf(handle).setNoDelay(checkBoolean(on, 'noDelay'));
  },

  tcpSetKeepAlive(handle, seconds) {
    socketOf(handle).setKeepAlive(checkInteger(seconds, 'keepAliveSeconds', 0, MAX_KEEP_ALIVE_SECONDS));
  },

  tcpOriginalDestination(handle) {
    socketOf(handle);
    throw notSupported('the original destination of a redirected connection');
  },

  tcpCongestion(handle) {
    socketOf(handle);
    throw notSupported("a connection's congestion control");
  },

  tcpSetCongestion(handle) {
    socketOf(handle);
    throw notSupported("a connection's congestion control");
  },

  tcpSetUserTimeout(handle, milliseconds) {
    checkTuning(handle, milliseconds, 'userTimeoutMs', 0, INT32_MAX);
    throw notSupported('a user timeout');
  },

  tcpSetUnsentLowWater(handle, bytes) {
    checkTuning(handle, bytes, 'unsentLowWaterBytes', 1, INT32_MAX);
    throw notSupported('an unsent low water mark');
  },

  tcpSetBuffers(handle, receiveBufferBytes, sendBufferBytes) {
    checkTuning(handle, receiveBufferBytes, 'receiveBufferBytes', 0, INT32_MAX);
    checkInteger(sendBufferBytes, 'sendBufferBytes', 0, INT32_MAX);
    if (receiveBufferBytes > 0 || sendBufferBytes > 0) throw notSupported('a fixed kernel buffer');
  },
};
