import { randomBytes } from 'node:crypto';
import { NativePacketCrypto, nowMicroseconds, Timer, UdpSocket } from '@longhaul/native';
import {
  Endpoint,
  MAX_POLL_PACKETS,
  NodePrimitives,
  Receive,
  RECEIVE_STRIDE,
  RECEIVER_INDEX_FIELDS,
  SEND_STRIDE,
  type ShardOptions,
  type TunnelEvents,
} from '@longhaul/tunnel';
import { steeringPlan, type Handover } from './handover.js';
import type { SocketAddress } from './policy/addresses.js';
import { ReceiveModeration } from './receive-moderation.js';
import { agentMark, bindAny, bindAs, type PortUse } from './sockets.js';

/** Room that the kernel's datagrams are received into: some thirty GRO packets of 64 KiB at once. */
export const RECEIVE_REGION_BYTES = 2_097_152;
/** Datagrams that one receive call gives. */
const RECEIVE_CAPACITY = 1024;
/** With fewer than this the socket was emptied. */
const RECEIVE_FULL = RECEIVE_CAPACITY / 2;
/** Receive calls in a row before packets are sent and other sockets are served. */
const RECEIVE_ROUNDS = 4;
/** A socket that was replaced still receives for so long: until the peers have begun new sessions at the new one. */
const RETIRED_SOCKET_MS = 300_000;

/** What happens in each turn besides the protocol. */
export interface DriverTasks {
  /** Acts on what the protocol has told. It may call the protocol freely. */
  serve(): void;
  /** Whether {@link serve} has something to do. */
  hasWork(): boolean;
  /** When {@link serve} will have something to do by time; Infinity: never. */
  nextTaskUs(): number;
}

/** Where a driver is one of several: threads of one process, or processes of which one takes over from the other. */
export interface DriverPlace {
  readonly shard?: ShardOptions;
  readonly handover?: Handover;
}

/**
 * Runs a tunnel endpoint on real sockets, memory and time. Per wake-up: receive, open, seal-and-send, each one native
 * call over a batch.
 */
export class EndpointDriver {
  readonly endpoint: Endpoint;
  private readonly crypto = new NativePacketCrypto();
  private readonly sendDescriptors = new Int32Array(MAX_POLL_PACKETS * SEND_STRIDE);
  private readonly receiveDescriptors = new Int32Array(RECEIVE_CAPACITY * RECEIVE_STRIDE);
  private readonly timer: Timer;
  private readonly moderation = new ReceiveModeration();
  private readonly retired = new Map<UdpSocket, NodeJS.Timeout>();
  private wakeAtUs = Infinity;
  private immediate: NodeJS.Immediate | undefined;
  private turning = false;
  private closed = false;

  constructor(
    privateKey: Uint8Array,
    private readonly memory: Uint8Array,
    private socket: DriverSocket,
    events: TunnelEvents,
    private readonly tasks: DriverTasks,
    { shard, handover }: DriverPlace = {},
  ) {
    this.endpoint = new Endpoint(
      { privateKey, receiveRegionBytes: RECEIVE_REGION_BYTES, shard, half: handover?.half },
      {
        memory,
        crypto: this.crypto,
        noise: new NodePrimitives(),
        random: (length) => randomBytes(length),
        unixTimeMs: () => Date.now(),
      },
      events,
    );
    this.timer = new Timer(() => {
      this.wakeAtUs = Infinity;
      this.turn();
    });
    socket.onReadable = (readable) => {
      this.receive(readable);
    };
  }

  get port(): number {
    return this.socket.udp.port;
  }

  get udpStatistics(): UdpSocket['statistics'] {
    return this.socket.udp.statistics;
  }

  /** Has the kernel share the port's datagrams as the handover stands now. */
  steer(): void {
    this.socket.steer();
  }

  /** Sends from `socket` from now on; peers that answer to the old one are heard for a while. */
  replaceSocket(socket: DriverSocket): void {
    const old = this.socket;
    socket.onReadable = old.onReadable;
    this.socket = socket;
    const expiry = setTimeout(() => {
      this.retired.delete(old.udp);
      old.udp.close();
    }, RETIRED_SOCKET_MS);
    expiry.unref();
    this.retired.set(old.udp, expiry);
  }

  /** Something may be ready to leave: sends it before the event loop waits again. */
  wake(): void {
    if (this.closed || this.turning) return;
    this.immediate ??= setImmediate(() => {
      this.immediate = undefined;
      this.turn();
    });
  }

  private receive(udp: UdpSocket): void {
    if (this.closed) return;
    const { memory, receiveDescriptors, endpoint, moderation } = this;
    let received = 0;
    moderation.gather();
    for (let round = 0; round < RECEIVE_ROUNDS; round++) {
      const count = udp.receive(memory, 0, RECEIVE_REGION_BYTES, receiveDescriptors, RECEIVE_CAPACITY);
      received += count;
      if (count > 0) endpoint.receive(receiveDescriptors, count, nowMicroseconds());
      this.tasks.serve();
      if (count < RECEIVE_FULL) break;
    }
    moderation.took(received);
    this.wake();
  }

  /** Takes a datagram that another shard has received; see {@link ShardOptions.handOver}. */
  takeOver(datagram: Uint8Array, record: Int32Array): void {
    if (this.closed) return;
    this.memory.set(datagram, 0);
    this.receiveDescriptors.set(record);
    this.receiveDescriptors[Receive.offset] = 0;
    this.endpoint.receive(this.receiveDescriptors, 1, nowMicroseconds(), true);
    this.tasks.serve();
    this.wake();
  }

  /** Sends all that may leave now and asks to be woken for the rest. */
  private turn(): void {
    if (this.closed) return;
    const { endpoint, sendDescriptors, socket, memory, tasks } = this;
    this.turning = true;
    for (;;) {
      tasks.serve();
      const count = endpoint.poll(sendDescriptors, MAX_POLL_PACKETS, nowMicroseconds());
      if (count > 0) socket.udp.send(memory, sendDescriptors, count, this.crypto);
      else if (!tasks.hasWork()) break;
    }
    this.turning = false;
    this.sleep();
  }

  private sleep(): void {
    const dueUs = Math.min(this.endpoint.nextTimeoutUs(), this.tasks.nextTaskUs());
    if (dueUs >= this.wakeAtUs) return;
    const nowUs = nowMicroseconds();
    this.wakeAtUs = Math.max(dueUs, nowUs + 1);
    this.timer.set(this.wakeAtUs - nowUs);
  }

  /** Says goodbye to the peers and frees everything; all streams are reset before. */
  close(): void {
    if (this.closed) return;
    this.turn();
    this.endpoint.close();
    this.turn();
    this.closed = true;
    if (this.immediate !== undefined) clearImmediate(this.immediate);
    this.timer.close();
    this.socket.udp.close();
    for (const [udp, expiry] of this.retired) {
      clearTimeout(expiry);
      udp.close();
    }
  }
}

/** The tunnel's UDP socket, bound before anybody listens to it. */
export class DriverSocket {
  readonly udp: UdpSocket;
  onReadable: (udp: UdpSocket) => void = () => undefined;

  /**
   * @param place whose socket it is, where several share the port: the first is bound first, and the others in their order
   * @throws what binding throws, for example EADDRINUSE
   */
  constructor(
    readonly address: SocketAddress,
    private readonly place: DriverPlace & { receiveBufferBytes?: number } = {},
  ) {
    const { receiveBufferBytes } = place;
    this.udp = bindAny(address.address, (literal) => {
      const options = { address: literal, port: address.port, mark: agentMark(), receiveBufferBytes };
      return bindAs(portUseOf(place), options, (shared) => {
        return new UdpSocket(shared, () => {
          this.onReadable(this.udp);
        });
      });
    });
    const { shard, handover } = place;
    const isFirst = shard === undefined ? handover !== undefined : shard.index === 0;
    if (isFirst) this.steer();
  }

  /** Lets the kernel choose shard and process by the session that a datagram names. */
  steer(): void {
    const { shard, handover } = this.place;
    try {
      this.udp.steer(steeringPlan(shard?.count ?? 1, handover), RECEIVER_INDEX_FIELDS);
    } catch (error) {
      this.udp.close();
      throw error;
    }
  }
}

function portUseOf({ shard, handover }: DriverPlace): PortUse {
  if (handover?.predecessor !== undefined) return 'joined';
  if (shard === undefined) return handover === undefined ? 'alone' : 'shared';
  return shard.index === 0 ? 'shared' : 'joined';
}
