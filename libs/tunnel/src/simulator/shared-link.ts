import type { PeerOptions } from '../tunnel/tunnel.js';
import { Application } from './application.js';
import type { SimulatedHost } from './host.js';
import type { LinkOptions } from './link.js';
import { Simulation, type SimulationOptions } from './simulation.js';

/** More than any run sends. */
const WITHOUT_END_BYTES = 2 ** 31;
const CONNECT_US = 1_000_000;

/** One of the tunnels, with hosts of its own. */
interface SharingTunnel {
  readonly near: Application;
  readonly far: Application;
  readonly a: SimulatedHost;
  readonly b: SimulatedHost;
}

export interface SharedLinkOptions extends SimulationOptions {
  readonly seed: number;
  readonly link: LinkOptions;
  /** What policy says at both ends of each tunnel; there are as many tunnels as entries. */
  readonly peers: readonly Partial<PeerOptions>[];
}

/** Tunnels whose data go through one queue; acknowledgements go back by ways of their own. */
export class SharedLink {
  readonly simulation: Simulation;
  readonly tunnels: readonly SharingTunnel[];

  /** The tunnels are up when it returns, at 1 s of virtual time. */
  constructor({ seed, link, peers, ...options }: SharedLinkOptions) {
    const simulation = new Simulation(seed, { crypto: 'null', ...options });
    this.simulation = simulation;
    this.tunnels = peers.map((peer, i) => {
      const near = new Application();
      const far = new Application();
      const a = simulation.addHost(`a${i + 1}`, `192.0.2.${i + 1}`, near.events);
      const b = simulation.addHost(`b${i + 1}`, `198.51.100.${i + 1}`, far.events);
      near.attach(a);
      far.attach(b);
      simulation.connect(a, b, link);
      simulation.peer(a, b, peer);
      simulation.peer(b, a, peer, false);
      return { near, far, a, b };
    });
    simulation.shareBottleneck(this.tunnels.map(({ a, b }) => [a.name, b.name] as const));
    simulation.runFor(CONNECT_US);
  }

  /** Tunnel `i` begins to send, and does not end. */
  start(i: number): void {
    const { near, b } = this.tunnels[i];
    near.converse(b, { up: WITHOUT_END_BYTES, down: 0 });
  }

  /** Mbit/s that each tunnel's reader is given over the next `durationUs`. */
  ratesOver(durationUs: number): number[] {
    const before = this.tunnels.map(({ far }) => far.bytesRead);
    this.simulation.runFor(durationUs);
    return this.tunnels.map(({ far }, i) => ((far.bytesRead - before[i]) * 8) / durationUs);
  }
}
