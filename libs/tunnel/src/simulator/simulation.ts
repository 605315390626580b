import type { PackedAddress } from '../io.js';
import type { Profile } from '../congestion/controller.js';
import { NodePrimitives } from '../handshake/index.js';
import type { PeerOptions, TunnelEvents } from '../tunnel.js';
import { SimulatedHost } from './host.js';
import { SimulatedLink, type LinkOptions } from './link.js';
import { SeededRandom } from './random.js';
import { VirtualTime } from './virtual-time.js';

/** A link as libs/wan-emulator's links.json writes it: both ways alike. */
export interface LinkDescription {
  readonly rate_mbps: number;
  readonly rtt_ms: number;
  readonly loss_pct: number;
  readonly jitter_ms: number;
  readonly jitter_model?: 'wander' | 'independent';
}

/** Faults on top of what a link description has. */
export interface Faults {
  readonly duplication?: number;
  readonly corruption?: number;
  readonly maxUdpPayload?: number;
}

const DEFAULT_MEMORY_BYTES = 96 * 1024 * 1024;

export function linkOptions(link: LinkDescription, faults: Faults = {}): LinkOptions {
  return {
    rateMbps: link.rate_mbps,
    delayUs: (link.rtt_ms * 1000) / 2,
    queueBytes: Math.max(256_000, (link.rate_mbps * link.rtt_ms * 1000) / 8),
    loss: link.loss_pct / 100,
    jitterUs: link.jitter_ms * 1000,
    jitterModel: link.jitter_model ?? 'wander',
    duplication: faults.duplication ?? 0,
    corruption: faults.corruption ?? 0,
    maxUdpPayload: faults.maxUdpPayload ?? 1472,
  };
}

/** Streams events of a host, each may be replaced by a test. */
export type HostEvents = Partial<TunnelEvents>;

/** Hosts, links between every two of them, and a clock. Everything that happens follows from the seed. */
export class Simulation {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly hosts: SimulatedHost[] = [];
  /** By `from>to` host names. */
  readonly links = new Map<string, SimulatedLink>();
  private readonly primitives = new NodePrimitives();

  constructor(readonly seed: number) {
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
  ): SimulatedHost {
    const host = new SimulatedHost(
      name,
      address,
      privateKey,
      memoryBytes,
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

  private route(from: SimulatedHost, datagram: Uint8Array, to: PackedAddress): void {
    const host = this.hosts.find((candidate) => sameAddress(candidate.address, to));
    if (host !== undefined) this.links.get(`${from.name}>${host.name}`)?.send(datagram);
  }

  /** Lays a link both ways. */
  connect(a: SimulatedHost, b: SimulatedHost, options: LinkOptions): void {
    this.connectOneWay(a, b, options);
    this.connectOneWay(b, a, options);
  }

  private connectOneWay(from: SimulatedHost, to: SimulatedHost, options: LinkOptions): void {
    const link = new SimulatedLink(options, this.time, this.random, (datagram) => {
      this.hosts.find((host) => host.name === to.name)?.receive(datagram, from.address);
    });
    this.links.set(`${from.name}>${to.name}`, link);
  }

  /** Changes both directions of a link, or one. */
  changeLink(a: string, b: string, change: Partial<LinkOptions>): void {
    for (const name of [`${a}>${b}`, `${b}>${a}`]) {
      const link = this.links.get(name);
      if (link !== undefined) link.options = { ...link.options, ...change };
    }
  }

  setOutage(a: string, b: string, out: boolean): void {
    for (const name of [`${a}>${b}`, `${b}>${a}`]) {
      const link = this.links.get(name);
      if (link !== undefined) link.out = out;
    }
  }

  /** Makes `b` a peer of `a`; it is `a` that opens the tunnel where `opens` says so. */
  peer(a: SimulatedHost, b: SimulatedHost, profile: Profile, opens = true): void {
    a.endpoint.setPeer(peerOptions(b, profile, opens));
  }

  /** Runs until `done`, at most to `limitUs` of virtual time. False: the limit came first. */
  runUntil(done: () => boolean, limitUs: number): boolean {
    for (const host of this.hosts) host.pump();
    while (!done()) if (!this.time.step(limitUs)) return done();
    return true;
  }
}

export function peerOptions(host: SimulatedHost, profile: Profile, opens = true): PeerOptions {
  const octets = host.address[1] >>> 0;
  const address = [24, 16, 8, 0].map((shift) => (octets >>> shift) & 255).join('.');
  return {
    id: host.name,
    publicKey: host.endpoint.keys.publicKey,
    endpoints: opens ? [{ address, port: host.address[0] & 0xffff }] : [],
    profile,
    cipherSuite: 'aes-128-gcm',
    maxUdpPayload: 1472,
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

function sameAddress(a: PackedAddress, b: PackedAddress): boolean {
  return a.every((word, index) => word === b[index]);
}
