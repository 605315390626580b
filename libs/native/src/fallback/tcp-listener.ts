import * as net from 'node:net';
import type { Binding, NativeHandle } from '../binding.js';
import { checkLiteral, unmap } from './addresses.js';
import { checkBoolean, checkFunction, checkHandle, checkInteger, INT32_MAX } from './arguments.js';
import { Readiness } from './readiness.js';
import { errorOfNumber, notSupported } from './system-error.js';
import { FallbackTcpSocket, READ_AHEAD_BYTES } from './tcp-socket.js';

/** As the addon has it. */
const MAX_STEERED_SOCKETS = 1024;
/** The largest segment that TCP_MAXSEG takes. */
const MAX_SEGMENT = 32_767;

/** A bound descriptor of Node.js' own. */
interface BoundHandle {
  /** 0 or a negative errno. */
  listen(backlog: number): number;
  close(): void;
}

/**
 * What node:cluster binds with. It is not documented, and the only way to learn at once of an address in use:
 * `server.listen` looks even literal addresses up, in a later turn.
 */
type CreateServerHandle = (
  address: string,
  port: number,
  family: 4 | 6,
  fd: undefined,
  flags: number,
) => BoundHandle | number;

function bind(address: string, port: number, family: 4 | 6, backlog: number): BoundHandle {
  const { _createServerHandle: create } = net as unknown as { _createServerHandle?: CreateServerHandle };
  if (create === undefined) throw notSupported(`listening on Node.js ${process.version}`);
  const handle = create(address, port, family, undefined, 0);
  if (typeof handle === 'number') throw errorOfNumber(handle, 'the address cannot be listened on');
  const errno = handle.listen(backlog);
  if (errno === 0) return handle;
  handle.close();
  throw errorOfNumber(errno, 'the address cannot be listened on');
}

/** A server of node:net whose connections wait to be accepted. */
class FallbackTcpListener {
  readonly port: number;
  private readonly server: net.Server;
  private readonly waiting: FallbackTcpSocket[] = [];
  private polled = true;
  private closed = false;
  private readonly readiness: Readiness;

  constructor(handle: BoundHandle, backlog: number, onReadable: () => void) {
    this.readiness = new Readiness(() => this.polled && !this.closed && this.waiting.length > 0, onReadable);
    this.server = net.createServer({ allowHalfOpen: true, highWaterMark: READ_AHEAD_BYTES }, (socket) => {
      const remote = { address: unmap(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
      this.waiting.push(new FallbackTcpSocket(socket, remote));
      this.readiness.changed();
    });
    this.server.on('error', () => undefined);
    this.server.listen({ _handle: handle }, backlog);
    this.port = (this.server.address() as net.AddressInfo).port;
  }

  accept(): FallbackTcpSocket | undefined {
    return this.waiting.shift();
  }

  poll(on: boolean): void {
    this.polled = on;
    this.readiness.changed();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.readiness.stop();
    this.server.close();
    for (const socket of this.waiting.splice(0)) socket.close(true);
  }
}

const listenerOf = (handle: NativeHandle): FallbackTcpListener =>
  checkHandle(handle, FallbackTcpListener, 'listener');

export const tcpListenerFunctions: Pick<Binding, Extract<keyof Binding, `listener${string}`>> = {
  listenerOpen(
    address,
    port,
    backlog,
    reusePort,
    transparent,
    mark,
    receiveBufferBytes,
    sendBufferBytes,
    maxSegmentBytes,
    onReadable,
  ) {
    const family = checkLiteral(address, 'address');
    checkInteger(port, 'port', 0, 65_535);
    checkInteger(backlog, 'backlog', 1, INT32_MAX);
    if (checkBoolean(reusePort, 'reusePort')) throw notSupported('a port that several listeners share');
    if (checkBoolean(transparent, 'transparent')) throw notSupported('a transparent socket');
    if (checkInteger(mark, 'mark', 0, 2 ** 32 - 1) !== 0) throw notSupported('a mark on connections');
    checkInteger(receiveBufferBytes, 'receiveBufferBytes', 0, INT32_MAX);
    checkInteger(sendBufferBytes, 'sendBufferBytes', 0, INT32_MAX);
    checkInteger(maxSegmentBytes, 'maxSegmentBytes', 0, MAX_SEGMENT);
    checkFunction(onReadable, 'onReadable');
    if (receiveBufferBytes > 0 || sendBufferBytes > 0) throw notSupported('a fixed kernel buffer');
    if (maxSegmentBytes > 0) throw notSupported('a largest segment');
    const handle = bind(address, port, family, backlog);
    return new FallbackTcpListener(handle, backlog, onReadable) as unknown as NativeHandle;
  },

  listenerAccept(handle, onEvent) {
    const listener = listenerOf(handle);
    checkFunction(onEvent, 'onEvent');
    const socket = listener.accept();
    if (socket === undefined) return undefined;
    socket.onEvent = onEvent;
    socket.attend();
    return socket as unknown as NativeHandle;
  },

  listenerPoll(handle, on) {
    listenerOf(handle).poll(checkBoolean(on, 'on'));
  },

  listenerSteer(handle, socket) {
    listenerOf(handle);
    checkInteger(socket, 'socket', 0, MAX_STEERED_SOCKETS);
    throw notSupported('a port that several listeners share');
  },

  listenerPort: (handle) => listenerOf(handle).port,

  listenerClose(handle) {
    listenerOf(handle).close();
  },
};
