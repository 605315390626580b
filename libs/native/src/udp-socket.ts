import type { NativeHandle, UdpStatistics } from './binding.js';
import { binding } from './implementation.js';
import type { NativePacketCrypto } from './packet-crypto.js';

/** Holds 100 ms at 1 Gbit/s, kernel overhead included; a busy event loop loses nothing. */
const DEFAULT_BUFFER_BYTES = 16 * 1024 * 1024;

export interface UdpSocketOptions {
  /** A literal. '::' takes IPv4 as well. */
  address: string;
  /** 0: any. */
  port: number;
  /** Kernel buffers; beyond the system's limit only with CAP_NET_ADMIN. Default 16 MiB. */
  receiveBufferBytes?: number;
  sendBufferBytes?: number;
  /** SO_MARK, for routing and firewall rules. Needs CAP_NET_ADMIN. */
  mark?: number;
  reusePort?: boolean;
  /** Default: as the kernel offers. */
  gso?: boolean;
  gro?: boolean;
}

/** Datagrams that begin with `firstByte` name their socket by the big-endian 32-bit number at `offset`. */
export interface SteeredField {
  /** 0 to 255. */
  readonly firstByte: number;
  /** Bytes of the payload before the number, 0 to 65,487. */
  readonly offset: number;
}

/** Sockets of a port that share datagrams: `count` (1 to 1,024) of them, in the order of binding, from number `first`. */
export interface SocketSpan {
  readonly first: number;
  readonly count: number;
}

/** Which of the sockets of a port takes which datagrams. */
export interface SteeringPlan {
  /** Takes those that name no socket; 0 takes those that are too short to. */
  readonly door: number;
  /** Takes those whose number has its top bit clear, by the number modulo the span's count. */
  readonly lower: SocketSpan;
  /** The same where the top bit is set. */
  readonly upper: SocketSpan;
}

/** A UDP socket that moves batches of packets between one slab of memory and the kernel. Packets are never fragmented. */
export class UdpSocket {
  readonly port: number;
  private readonly handle: NativeHandle;

  /**
   * @param onReadable called again and again while there are datagrams to receive
   * @throws Error with a `code`, as 'EADDRINUSE'
   */
  constructor(options: UdpSocketOptions, onReadable: () => void) {
    this.handle = binding.udpOpen(
      options.address,
      options.port,
      options.receiveBufferBytes ?? DEFAULT_BUFFER_BYTES,
      options.sendBufferBytes ?? DEFAULT_BUFFER_BYTES,
      options.mark ?? 0,
      options.reusePort ?? false,
      (options.gso ?? true) && binding.gso,
      (options.gro ?? true) && binding.gro,
      onReadable,
    );
    this.port = binding.udpPort(this.handle);
  }

  /**
   * Shares what arrives at this port among the sockets that have bound it with `reusePort`, in this process or another, numbered
   * from 0 in the order of binding. A datagram that begins as one of `fields` (at most 16) goes to the socket that the plan has
   * for its number. Call it on the first socket before the second is bound; it may be called anew, on any of them. When a socket
   * is closed the last takes its number; what would go to a number that no socket has, goes to any. Where runs of datagrams are
   * joined (GRO), one may come along with another of the same sender.
   * @throws Error with a `code`: 'ENOTSUP' without the addon, 'EINVAL' without `reusePort`
   */
  steer({ door, lower, upper }: SteeringPlan, fields: readonly SteeredField[]): void {
    const pairs = fields.flatMap(({ firstByte, offset }) => [firstByte, offset]);
    const plan = Int32Array.of(door, lower.first, lower.count, upper.first, upper.count);
    binding.udpSteer(this.handle, plan, Int32Array.from(pairs));
  }

  /**
   * Receives what is there into `memory[regionOffset, regionOffset + regionLength)`, with a record for each datagram.
   * Sources that came as IPv4-mapped IPv6 have family 4. Empty datagrams are left out.
   * @param regionLength at least 65,536; 1 MiB lets one call of the kernel fetch 16 messages of 64 KiB
   * @param capacity records that `descriptors` has room for, at least 64; 1,024 suit 1 MiB
   * @returns the count of records, 0 when there is nothing
   */
  receive(
    memory: Uint8Array,
    regionOffset: number,
    regionLength: number,
    descriptors: Int32Array,
    capacity: number,
  ): number {
    return binding.udpReceive(this.handle, memory, regionOffset, regionLength, descriptors, capacity);
  }

  /**
   * Seals and sends `count` send records in order; equally long packets in a row to one destination, the last may be
   * shorter, go to the kernel as one. Packets that the kernel refuses are dropped and counted, as if lost on the way.
   * Throws a RangeError for a record that points outside `memory` or names no key; those before it are sent.
   */
  send(memory: Uint8Array, descriptors: Int32Array, count: number, crypto: NativePacketCrypto): void {
    binding.udpSend(this.handle, memory, descriptors, count, crypto.handle);
  }

  get statistics(): UdpStatistics {
    return binding.udpStatistics(this.handle);
  }

  close(): void {
    binding.udpClose(this.handle);
  }
}
