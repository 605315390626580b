/**
 * The border between the classes of this package and what does the work below them: the addon in C, or the fallback in
 * JavaScript. Bytes cross it in slabs, packets as records of an Int32Array.
 */

/** Something that lives below the border. Handing one kind to a function of another is a TypeError. */
export type NativeHandle = object & { readonly __native: unique symbol };

export interface SocketAddress {
  /** A literal; IPv4-mapped IPv6 addresses come out as IPv4. */
  address: string;
  port: number;
}

/** Where the fields lie in descriptor records, in ints, as they cross the border. */
export interface DescriptorLayout {
  receiveStride: number;
  sendStride: number;
  sendFlagMtuProbe: number;
  receive: Record<
    | 'offset'
    | 'length'
    | 'familyPort'
    | 'address'
    | 'ecn'
    | 'headerLength'
    | 'keyId'
    | 'packetNumberLow'
    | 'packetNumberHigh'
    | 'result'
    | 'waitedUs',
    number
  >;
  send: Record<
    | 'headerOffset'
    | 'headerLength'
    | 'prefixLength'
    | 'piece1Offset'
    | 'piece1Length'
    | 'piece2Offset'
    | 'piece2Length'
    | 'keyId'
    | 'packetNumberLow'
    | 'packetNumberHigh'
    | 'familyPort'
    | 'address'
    | 'flags'
    | 'tos',
    number
  >;
}

export interface UdpStatistics {
  /** Calls of the kernel; one carries up to 64 packets of a run, and several runs. */
  sendCalls: number;
  packetsSent: number;
  /** Packets that the kernel refused. */
  sendErrors: number;
  /** Code of the last refusal, as 'ENOBUFS'. */
  lastSendError?: string;
  receiveCalls: number;
  packetsReceived: number;
  /** Datagrams for which the caller had no record left. */
  receiveDrops: number;
}

/** Bits of what a TCP socket tells. */
export const TcpEvent = { readable: 1, writable: 2, connected: 4, failed: 8 } as const;

type BlockFunction = (
  source: Uint8Array,
  sourceOffset: number,
  sourceLength: number,
  destination: Uint8Array,
  destinationOffset: number,
  destinationLength: number,
) => number;

type TcpCallback = (events: number, errorCode: string | undefined) => void;

/**
 * What an implementation can do beyond the least that all can. What one cannot do is an Error with code 'ENOTSUP' where it
 * is asked for, unless said otherwise.
 */
export interface Capabilities {
  /** SO_MARK. */
  readonly marks: boolean;
  /** Transparent sockets, and original destinations of redirected connections. */
  readonly interception: boolean;
  readonly reusePort: boolean;
  /** Fixed kernel buffers, largest segment, user timeout, unsent low water and congestion control of TCP sockets. */
  readonly tcpTuning: boolean;
  /** A connection that is reset after its end was read, or while more than 64 KiB wait to be read, tells of it. */
  readonly idleResets: boolean;
  /** Unsent bytes include what the kernel holds; else only what it has not taken. */
  readonly kernelQueues: boolean;
  /** Service classes and ECN bits of datagrams. Where not, they leave as 0 and arrive as 0. */
  readonly datagramMarks: boolean;
  /** Datagrams that are not fragmented whatever their length. Where not, probes of the path's MTU are refused with EMSGSIZE. */
  readonly mtuProbes: boolean;
  /** Compression by zstd; every implementation decompresses it. */
  readonly zstdCompression: boolean;
}

/** Each function checks its arguments (TypeError, RangeError); failures of the system carry a `code`. */
export interface Binding {
  readonly capabilities: Capabilities;

  readonly gso: boolean;
  readonly gro: boolean;
  readonly steering: boolean;
  readonly opensslVersion: string;
  readonly lz4Version: string;
  readonly zstdVersion: string;
  readonly descriptorLayout: DescriptorLayout;

  allocateSlab(bytes: number): ArrayBuffer;
  nowMicroseconds(): number;

  aeadCreate(): NativeHandle;
  aeadAddKey(aead: NativeHandle, suite: string, key: Uint8Array, iv: Uint8Array): number;
  aeadRemoveKey(aead: NativeHandle, id: number): void;
  aeadOpen(aead: NativeHandle, memory: Uint8Array, descriptors: Int32Array, count: number): void;
  aeadSealInto(
    aead: NativeHandle,
    memory: Uint8Array,
    descriptors: Int32Array,
    count: number,
    out: Uint8Array,
    outLengths: Int32Array,
  ): number;

  timerOpen(onFire: () => void): NativeHandle;
  timerSet(timer: NativeHandle, microseconds: number): void;
  timerClose(timer: NativeHandle): void;

  udpOpen(
    address: string,
    port: number,
    receiveBufferBytes: number,
    sendBufferBytes: number,
    mark: number,
    reusePort: boolean,
    gso: boolean,
    gro: boolean,
    onReadable: () => void,
  ): NativeHandle;
  udpPort(udp: NativeHandle): number;
  /** `fields`: pairs of a first byte and an offset. */
  udpSteer(udp: NativeHandle, plan: Int32Array, fields: Int32Array): void;
  udpReceive(
    udp: NativeHandle,
    memory: Uint8Array,
    regionOffset: number,
    regionLength: number,
    descriptors: Int32Array,
    capacity: number,
  ): number;
  udpSend(
    udp: NativeHandle,
    memory: Uint8Array,
    descriptors: Int32Array,
    count: number,
    aead: NativeHandle,
  ): void;
  udpStatistics(udp: NativeHandle): UdpStatistics;
  udpClose(udp: NativeHandle): void;

  listenerOpen(
    address: string,
    port: number,
    backlog: number,
    reusePort: boolean,
    transparent: boolean,
    mark: number,
    receiveBufferBytes: number,
    sendBufferBytes: number,
    maxSegmentBytes: number,
    onReadable: () => void,
  ): NativeHandle;
  listenerAccept(listener: NativeHandle, onEvent: TcpCallback): NativeHandle | undefined;
  listenerPoll(listener: NativeHandle, on: boolean): void;
  listenerSteer(listener: NativeHandle, socket: number): void;
  listenerPort(listener: NativeHandle): number;
  listenerClose(listener: NativeHandle): void;

  tcpConnect(
    address: string,
    port: number,
    localAddress: string,
    localPort: number,
    mark: number,
    transparent: boolean,
    onEvent: TcpCallback,
  ): NativeHandle;
  tcpWant(socket: NativeHandle, wanted: number): void;
  tcpRead(socket: NativeHandle, target: Uint8Array, offset: number, length: number): number;
  tcpWrite(socket: NativeHandle, source: Uint8Array, offset: number, length: number): number;
  tcpShutdownWrite(socket: NativeHandle): void;
  tcpClose(socket: NativeHandle, withReset: boolean): void;
  tcpAddresses(socket: NativeHandle): { local?: SocketAddress; remote: SocketAddress };
  tcpOriginalDestination(socket: NativeHandle): SocketAddress | undefined;
  tcpCongestion(socket: NativeHandle): string;
  tcpSetCongestion(socket: NativeHandle, name: string): void;
  tcpUnsent(socket: NativeHandle): number;
  tcpSetNoDelay(socket: NativeHandle, on: boolean): void;
  tcpSetKeepAlive(socket: NativeHandle, seconds: number): void;
  tcpSetUserTimeout(socket: NativeHandle, milliseconds: number): void;
  tcpSetUnsentLowWater(socket: NativeHandle, bytes: number): void;
  tcpSetBuffers(socket: NativeHandle, receiveBufferBytes: number, sendBufferBytes: number): void;

  lz4Compress: BlockFunction;
  lz4Decompress: BlockFunction;
  zstdCompress(...args: [...Parameters<BlockFunction>, level: number]): number;
  zstdDecompress: BlockFunction;
}
