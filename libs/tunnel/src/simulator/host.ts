import { Endpoint } from '../endpoint.js';
import { NodePrimitives } from '../handshake/index.js';
import { packAddress, Receive, RECEIVE_STRIDE, Send, SEND_STRIDE, type PackedAddress } from '../io.js';
import type { TunnelEvents } from '../tunnel.js';
import { NodePacketCrypto } from './node-crypto.js';
import type { SeededRandom } from './random.js';
import type { VirtualTime } from './virtual-time.js';

const POLL_CAPACITY = 64;
const RECEIVE_REGION_BYTES = 65_536;
/** What a simulated calendar shows at virtual time 0. */
const EPOCH_MS = 1_790_000_000_000;

/** An endpoint on a virtual clock, with an address. */
export class SimulatedHost {
  readonly endpoint: Endpoint;
  readonly address: PackedAddress;
  /** Carries a datagram to another host; set by the network. */
  transmit: (datagram: Uint8Array, to: PackedAddress) => void = () => undefined;
  packetsSent = 0;
  private readonly crypto = new NodePacketCrypto();
  private readonly memory: Uint8Array;
  private readonly sendDescriptors = new Int32Array(POLL_CAPACITY * SEND_STRIDE);
  private readonly receiveDescriptors = new Int32Array(RECEIVE_STRIDE);
  private wakeUs = Infinity;
  private stopped = false;

  constructor(
    readonly name: string,
    address: string,
    readonly privateKey: Uint8Array,
    memoryBytes: number,
    private readonly time: VirtualTime,
    random: SeededRandom,
    events: TunnelEvents,
  ) {
    this.address = packAddress(address, 4500);
    this.memory = new Uint8Array(memoryBytes);
    this.endpoint = new Endpoint(
      { privateKey, receiveRegionBytes: RECEIVE_REGION_BYTES },
      {
        memory: this.memory,
        crypto: this.crypto,
        noise: new NodePrimitives(),
        random: (length) => random.bytes(length),
        unixTimeMs: () => EPOCH_MS + time.nowUs / 1000,
      },
      events,
    );
  }

  get slab(): Uint8Array {
    return this.memory;
  }

  receive(datagram: Uint8Array, from: PackedAddress): void {
    if (this.stopped) return;
    const descriptors = this.receiveDescriptors;
    this.memory.set(datagram, 0);
    descriptors.fill(0);
    descriptors[Receive.length] = datagram.length;
    descriptors.set(from, Receive.familyPort);
    this.endpoint.receive(descriptors, 1, this.time.nowUs);
    this.pump();
  }

  /** Sends all that may leave now and asks to be woken for the rest. */
  pump(): void {
    for (;;) {
      const count = this.endpoint.poll(this.sendDescriptors, POLL_CAPACITY, this.time.nowUs);
      if (count === 0) break;
      this.transmitAll(count);
    }
    this.sleep();
  }

  private transmitAll(count: number): void {
    for (let i = 0; i < count; i++) {
      const datagram = this.crypto.seal(this.memory, this.sendDescriptors, i);
      const at = i * SEND_STRIDE + Send.familyPort;
      this.packetsSent++;
      this.transmit(datagram, this.sendDescriptors.slice(at, at + 5));
    }
  }

  private sleep(): void {
    const dueUs = this.endpoint.nextTimeoutUs();
    if (dueUs === Infinity || dueUs >= this.wakeUs) return;
    const wakeUs = Math.max(dueUs, this.time.nowUs + 1);
    this.wakeUs = wakeUs;
    this.time.at(wakeUs, () => {
      if (this.wakeUs !== wakeUs || this.stopped) return;
      this.wakeUs = Infinity;
      this.pump();
    });
  }

  /** As if killed: it neither receives nor sends any more. */
  kill(): void {
    this.stopped = true;
  }

  /** Says goodbye to its peers and stops. */
  close(): void {
    this.transmitAll(this.endpoint.close(this.sendDescriptors, POLL_CAPACITY, this.time.nowUs));
    this.stopped = true;
  }
}
