import type { Profile } from '../congestion/controller.js';
import { NodePrimitives } from '../handshake/index.js';
import { formatAddress, type PackedAddress } from '../io.js';
import type { TunnelEvents } from '../events.js';
import type { PeerOptions } from '../tunnel/tunnel.js';
import type { IndexHalf } from '../endpoint.js';
import { namedShard, receiverIndex, type ShardOptions } from '../shards.js';
import { SimulatedHost } from './host.js';
import { Bottleneck, SimulatedLink, type LinkOptions } from './link.js';
import {
  ChecksumPacketCrypto,
  NodePacketCrypto,
  NullPacketCrypto,
  type SimulatedCrypto,
} from './packet-crypto.js';
import { SeededRandom } from './random.js';
import { TraceHash } from './trace-hash.js';
import { VirtualTime } from './virtual-time.js';

/** A link as libs/wan-emulator's links.json writes it: both ways alike. */
export interface LinkDescription {
  readonly rate_mbps: number;
  readonly rtt_ms: number;
  readonly loss_pct: number;
  readonly jitter_ms: number;
  readonly jitter_model?: 'wander' | 'independent';
}

const DEFAULT_MEMORY_BYTES = 96 * 1024 * 1024;
/** From one thread to another. */
const HAND_OVER_US = 20;
/** UDP payload of a 1500-byte path over IPv4. */
const ETHERNET_UDP_PAYLOAD = 1472;

/** One direction of `link`, with `faults` on top of what its description has. */
export function linkOptions(link: LinkDescription, faults: Partial<LinkOptions> = {}): LinkOptions {
  return {
    rateMbps: link.rate_mbps,
    delayUs: (link.rtt_ms * 1000) / 2,
    queueBytes: Math.max(256_000, (link.rate_mbps * link.rtt_ms * 1000) / 8),
    loss: link.loss_pct / 100,
    jitterUs: link.jitter_ms * 1000,
    jitterModel: link.jitter_model ?? 'wander',
    duplication: 0,
    corruption: 0,
    maxUdpPayload: ETHERNET_UDP_PAYLOAD,
    ...faults,
  };
}

export interface SimulationOptions {
  /**
   * `real` seals every packet and proves that no nonce is used twice; `checksum` proves the same and tells changed packets,
   * without encrypting; `null` is for bulk without faults.
   */
  readonly crypto?: keyof typeof CRYPTO;
  /** Whether every datagram goes into the trace; by default it does. */
  readonly traced?: boolean;
  /** See HostOptions.turnUs. */
  readonly turnUs?: number;
  /** See EndpointOptions. */
  readonly rekeyAfterPackets?: number;
}

const CRYPTO = {
  real: () => new NodePacketCrypto(),
  checksum: () => new ChecksumPacketCrypto(),
  null: () => new NullPacketCrypto(),
} satisfies Record<string, () => SimulatedCrypto>;

/** Events of a host; a test gives those that it cares for. */
export type HostEvents = Partial<TunnelEvents>;

/** Hosts, links between every two of them, and a clock. Everything that happens follows from the seed. */
export class Simulation {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly hosts: SimulatedHost[] = [];
  /** Every datagram that was sent, folded into one number. */
  readonly trace = new TraceHash();
  private readonly links = new Map<string, SimulatedLink>();
  private readonly primitives = new NodePrimitives();

  constructor(
    readonly seed: number,
    private readonly options: SimulationOptions = {},
  ) {
    this.random = new SeededRandom(seed);
  }

  addHost(
    name: string,
    address: string,
    events: HostEvents = {},
    memoryBytes = DEFAULT_MEMORY_BYTES,
  ): SimulatedHost {
    const { privateKey } = this.primitives.generateKeyPair((length) => this.random.bytes(length));
    return this.restartHost(name, address, privateKey, events, memoryBytes);
  }

  /** A host with a given key: what comes up after a kill. It takes the place of an earlier one of the same name. */
  restartHost(
    name: string,
    address: string,
    privateKey: Uint8Array,
    events: HostEvents = {},
    memoryBytes = DEFAULT_MEMORY_BYTES,
    { shard, half }: { shard?: ShardOptions; half?: IndexHalf } = {},
  ): SimulatedHost {
    const crypto = CRYPTO[this.options.crypto ?? 'real']();
    const { turnUs = 0, rekeyAfterPackets } = this.options;
    const host = new SimulatedHost(
      { name, address, privateKey, memoryBytes, crypto, turnUs, rekeyAfterPackets, shard, half },
      this.time,
      this.random,
      completeEvents(events),
    );
    const index = this.hosts.findIndex((other) => other.name === name);
    if (index >= 0) this.hosts.splice(index, 1);
    this.hosts.push(host);
    host.transmit = (datagram, to) => this.route(host, datagram, to);
    return host;
  }

  /** Hosts that share keys and address, as the workers of one agent do: `name/0` and so on. */
  addShards(
    name: string,
    address: string,
    events: readonly HostEvents[],
    privateKey?: Uint8Array,
  ): SimulatedHost[] {
    const key =
      privateKey ?? this.primitives.generateKeyPair((length) => this.random.bytes(length)).privateKey;
    const nameOf = (index: number): string => `${name}/${index}`;
    const count = events.length;
    return events.map((ofShard, index) => {
      const handOver: ShardOptions['handOver'] = (shard, datagram, record) => {
        this.time.at(this.time.nowUs + HAND_OVER_US, () => {
          this.host(nameOf(shard)).takeOver(datagram, record);
        });
      };
      const shard = { index, count, handOver };
      return this.restartHost(nameOf(index), address, key, ofShard, DEFAULT_MEMORY_BYTES, { shard });
    });
  }

  private route(from: SimulatedHost, datagram: Uint8Array, to: PackedAddress): void {
    if (this.options.traced !== false) this.trace.add(this.time.nowUs, datagram);
    const host = receiverOf(
      datagram,
      this.hosts.filter((candidate) => sameAddress(candidate.address, to)),
    );
    if (host !== undefined) this.links.get(`${from.name}>${host.name}`)?.send(datagram);
  }

  /** Lays a link both ways. */
  connect(a: SimulatedHost, b: SimulatedHost, options: LinkOptions): void {
    this.connectOneWay(a.name, b.name, options);
    this.connectOneWay(b.name, a.name, options);
  }

  private connectOneWay(from: string, to: string, options: LinkOptions): void {
    const link = new SimulatedLink(options, this.time, this.random, (datagram) => {
      this.host(to).receive(datagram, this.host(from).address);
    });
    this.links.set(`${from}>${to}`, link);
  }

  host(name: string): SimulatedHost {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new RangeError(`there is no host ${name}`);
    return host;
  }

  /** The link from one host to another. */
  link(from: string, to: string): SimulatedLink {
    const link = this.links.get(`${from}>${to}`);
    if (link === undefined) throw new RangeError(`there is no link from ${from} to ${to}`);
    return link;
  }

  /** Sends the links `[from, to]` through one queue. */
  shareBottleneck(links: readonly (readonly [string, string])[]): void {
    const bottleneck = new Bottleneck(this.time);
    for (const [from, to] of links) this.link(from, to).bottleneck = bottleneck;
  }

  /** Changes both directions of a link. */
  changeLink(a: string, b: string, change: Partial<LinkOptions>): void {
    for (const link of [this.link(a, b), this.link(b, a)]) link.options = { ...link.options, ...change };
  }

  setOutage(a: string, b: string, out: boolean): void {
    this.link(a, b).out = out;
    this.link(b, a).out = out;
  }

  /** Makes `b` a peer of `a`; it is `a` that opens the tunnel where `opens` says so. */
  peer(a: SimulatedHost, b: SimulatedHost, change: Partial<PeerOptions> = {}, opens = true): void {
    a.endpoint.setPeer({ ...peerOptions(b, opens), ...change });
  }

  /** Runs until `done`, at most to `limitUs` of virtual time. False: the limit came first. */
  runUntil(done: () => boolean, limitUs: number): boolean {
    for (const host of this.hosts) host.pump();
    while (!done()) if (!this.time.step(limitUs)) return done();
    return true;
  }

  /** Lets `durationUs` pass. */
  runFor(durationUs: number): void {
    this.runUntil(() => false, this.time.nowUs + durationUs);
  }
}

/** What a peer of `host` knows of it. */
export function peerOptions(host: SimulatedHost, opens = true, profile: Profile = 'lossy'): PeerOptions {
  const [, address, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(formatAddress(host.address)) ?? [];
  return {
    id: host.name,
    publicKey: host.endpoint.publicKey,
    endpoints: opens ? [{ address, port: Number(port) }] : [],
    profile,
    cipherSuite: 'aes-128-gcm',
    maxUdpPayload: ETHERNET_UDP_PAYLOAD,
  };
}

function completeEvents(events: HostEvents): TunnelEvents {
  const nothing = (): void => undefined;
  return {
    tunnelUp: nothing,
    tunnelDown: nothing,
    streamOpened: nothing,
    streamReadable: nothing,
    streamWritable: nothing,
    streamReset: nothing,
    streamStopped: nothing,
    streamClosed: nothing,
    ...events,
  };
}

/** Which of the hosts behind one address the kernel gives a datagram to. */
function receiverOf(datagram: Uint8Array, sharing: readonly SimulatedHost[]): SimulatedHost | undefined {
  if (!sharing.some(({ half }) => half !== undefined))
    return sharing[namedShard(datagram, 0, datagram.length, Math.max(1, sharing.length))];
  const running = sharing.filter(({ isRunning }) => isRunning);
  const index = receiverIndex(datagram, 0, datagram.length);
  const named = running.find(({ half, isDoor }) => (index === undefined ? isDoor : half === index >>> 31));
  return named ?? running.at(0);
}

function sameAddress(a: PackedAddress, b: PackedAddress): boolean {
  for (let i = 0; i < 5; i++) if (a[i] !== b[i]) return false;
  return true;
}
