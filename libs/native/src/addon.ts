import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Something that lives in the addon. Handing one kind to a function of another is a TypeError. */
export type NativeHandle = object & { readonly __native: unique symbol };

export interface SocketAddress {
  /** A literal; IPv4-mapped IPv6 addresses come out as IPv4. */
  address: string;
  port: number;
}

/** Where the fields lie in descriptor records, in ints, as the C code has it. */
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

/** The functions of the addon. Each checks its arguments (TypeError, RangeError); failures of the system carry a `code`. */
export interface Addon {
  readonly gso: boolean;
  readonly gro: boolean;
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

/** The same place seen from src/ and from dist/. */
const path = fileURLToPath(new URL('../build/longhaul_native.node', import.meta.url));

function load(): Addon {
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    throw new Error(
      `the native addon cannot be loaded: run "npm run build --workspace @longhaul/native" (${path})`,
      {
        cause,
      },
    );
  }
}

export const addon: Addon = load();
