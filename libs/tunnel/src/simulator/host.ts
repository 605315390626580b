import { Endpoint, type IndexHalf } from '../endpoint.js';
import { NodePrimitives } from '../handshake/index.js';
import { packAddress, Receive, RECEIVE_STRIDE, Send, SEND_STRIDE, type PackedAddress } from '../io.js';
import type { TunnelEvents } from '../events.js';
import type { ShardOptions } from '../shards.js';
import type { SimulatedCrypto } from './packet-crypto.js';
import type { SeededRandom } from './random.js';
import type { VirtualTime } from './virtual-time.js';

/** Packets that one poll describes, and one call sends. */
export const POLL_CAPACITY = 64;
const RECEIVE_CAPACITY = 64;
/** What a socket holds for a process that does not read: net.core.rmem_default of 208 KiB is some 90 full datagrams. */
const KERNEL_BUFFER_DATAGRAMS = 90;
const RECEIVE_REGION_BYTES = 131_072;
/** What a simulated calendar shows at virtual time 0. */
const EPOCH_MS = 1_790_000_000_000;
/** A turn that takes more polls than this never ends. */
const MAX_POLLS_PER_TURN = 100_000;

export interface HostOptions {
  readonly name: string;
  /** Literal IPv4 or IPv6 address. */
  readonly address: string;
  readonly privateKey: Uint8Array;
  readonly memoryBytes: number;
  readonly crypto: SimulatedCrypto;
  /** How long an event loop lets datagrams gather before it looks at them; 0: it looks at each. */
  readonly turnUs: number;
  readonly rekeyAfterPackets?: number;
  /** One of several that share an address. */
  readonly shard?: ShardOptions;
  /** Of two processes that share an address. */
  readonly half?: IndexHalf;
}

/** What must hold around every poll is checked by somebody else. */
export interface PollWatcher {
  beforePoll(): void;
  afterPoll(): void;
}

interface Arrival {
  readonly datagram: Uint8Array;
  readonly from: PackedAddress;
}

/** An endpoint on a virtual clock, with an address: what libs/edge is on a real machine. */
export class SimulatedHost {
  readonly endpoint: Endpoint;
  readonly name: string;
  /** Changes when a NAT in front of the host rebinds. */
  address: PackedAddress;
  /** Carries a datagram to an address; set by the network. */
  transmit: (datagram: Uint8Array, to: PackedAddress) => void = () => undefined;
  packetsSent = 0;
  /** Of two processes that share an address, whether what names no session goes to this one. */
  isDoor = true;
  /** How far its calendar is off, milliseconds. */
  calendarErrorMs = 0;
  /** Looks at the endpoint before and after each poll. */
  watcher: PollWatcher | undefined = undefined;
  /** Calls of the endpoint's poll: work that was not asked for shows here. */
  polls = 0;
  readonly slab: Uint8Array;
  private readonly sendDescriptors = new Int32Array(POLL_CAPACITY * SEND_STRIDE);
  private readonly receiveDescriptors = new Int32Array(RECEIVE_CAPACITY * RECEIVE_STRIDE);
  private inbox: Arrival[] = [];
  private wakeUs = Infinity;
  private stopped = false;
  private asleepUntilUs = 0;

  constructor(
    private readonly options: HostOptions,
    private readonly time: VirtualTime,
    random: SeededRandom,
    events: TunnelEvents,
  ) {
    this.name = options.name;
    this.address = packAddress(options.address, 4500);
    this.slab = new Uint8Array(options.memoryBytes);
    this.endpoint = new Endpoint(
      {
        privateKey: options.privateKey,
        receiveRegionBytes: RECEIVE_REGION_BYTES,
        rekeyAfterPackets: options.rekeyAfterPackets,
        shard: options.shard,
        half: options.half,
      },
      {
        memory: this.slab,
        crypto: options.crypto,
        noise: new NodePrimitives(),
        random: (length) => random.bytes(length),
        unixTimeMs: () => EPOCH_MS + this.calendarErrorMs + time.nowUs / 1000,
      },
      events,
    );
  }

  get half(): IndexHalf | undefined {
    return this.options.half;
  }

  get privateKey(): Uint8Array {
    return this.options.privateKey;
  }

  /** A datagram has arrived. */
  receive(datagram: Uint8Array, from: PackedAddress): void {
    if (this.stopped) return;
    this.inbox.push({ datagram, from });
    if (this.time.nowUs < this.asleepUntilUs) return;
    if (this.options.turnUs === 0) this.turn();
    else if (this.inbox.length === 1) this.time.at(this.time.nowUs + this.options.turnUs, () => this.turn());
  }

  private turn(): void {
    if (this.stopped || this.time.nowUs < this.asleepUntilUs) return;
    const arrivals = this.inbox;
    this.inbox = [];
    for (let done = 0; done < arrivals.length;) done += this.receiveSome(arrivals, done);
    this.pump();
  }

  /** Hands as many arrivals from `first` on to the endpoint as its receive region holds; gives their number. */
  private receiveSome(arrivals: readonly Arrival[], first: number): number {
    const descriptors = this.receiveDescriptors;
    let count = 0;
    let offset = 0;
    while (first + count < arrivals.length && count < RECEIVE_CAPACITY) {
      const { datagram, from } = arrivals[first + count];
      if (offset + datagram.length > RECEIVE_REGION_BYTES) break;
      const at = count * RECEIVE_STRIDE;
      this.slab.set(datagram, offset);
      descriptors[at + Receive.offset] = offset;
      descriptors[at + Receive.waitedUs] = 0;
      descriptors[at + Receive.length] = datagram.length;
      for (let i = 0; i < 5; i++) descriptors[at + Receive.familyPort + i] = from[i];
      offset += datagram.length;
      count++;
    }
    this.endpoint.receive(descriptors, count, this.time.nowUs);
    return count;
  }

  /** Another shard has handed a datagram over. */
  takeOver(datagram: Uint8Array, record: Int32Array): void {
    if (this.stopped) return;
    this.slab.set(datagram, 0);
    this.receiveDescriptors.set(record);
    this.receiveDescriptors[Receive.offset] = 0;
    this.endpoint.receive(this.receiveDescriptors, 1, this.time.nowUs, true);
    this.pump();
  }

  /** Sends all that may leave now and asks to be woken for the rest. */
  pump(): void {
    if (this.stopped || this.time.nowUs < this.asleepUntilUs) return;
    for (let turns = 0; ; turns++) {
      if (turns > MAX_POLLS_PER_TURN) throw new Error(`${this.name}: poll() never comes to an end`);
      this.polls++;
      this.watcher?.beforePoll();
      const count = this.endpoint.poll(this.sendDescriptors, POLL_CAPACITY, this.time.nowUs);
      this.watcher?.afterPoll();
      if (count === 0) break;
      this.transmitAll(count);
    }
    this.sleep();
  }

  private transmitAll(count: number): void {
    for (let i = 0; i < count; i++) {
      const datagram = this.options.crypto.seal(this.slab, this.sendDescriptors, i);
      const at = i * SEND_STRIDE + Send.familyPort;
      this.packetsSent++;
      this.transmit(datagram, this.sendDescriptors.subarray(at, at + 5));
    }
  }

  private sleep(): void {
    const dueUs = this.endpoint.nextTimeoutUs();
    if (dueUs === Infinity || dueUs >= this.wakeUs) return;
    const wakeUs = Math.max(dueUs, this.time.nowUs + 1);
    if (wakeUs >= this.wakeUs) return;
    this.wakeUs = wakeUs;
    this.time.at(wakeUs, () => {
      if (this.wakeUs !== wakeUs) return;
      this.wakeUs = Infinity;
      this.pump();
    });
  }

  /** Its machine stands still: the clock is found to have jumped when it goes on. The kernel keeps what fits its buffer. */
  suspend(durationUs: number): void {
    this.asleepUntilUs = this.time.nowUs + durationUs;
    this.time.at(this.asleepUntilUs, () => {
      this.inbox.length = Math.min(this.inbox.length, KERNEL_BUFFER_DATAGRAMS);
      this.turn();
    });
  }

  get isRunning(): boolean {
    return !this.stopped;
  }

  /** As if killed: it neither receives nor sends any more. */
  kill(): void {
    this.stopped = true;
  }

  /** Says goodbye to its peers and stops. */
  close(): void {
    this.endpoint.close();
    this.pump();
    this.stopped = true;
  }
}
