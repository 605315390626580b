import type { PathMemory } from '../path/path-memory.js';
import type { PeerOptions } from '../tunnel/tunnel.js';
import { Application } from './application.js';
import type { SimulatedHost } from './host.js';
import { linkOptions, Simulation, type LinkDescription, type SimulationOptions } from './simulation.js';
import type { LinkOptions } from './link.js';

export interface PairOptions extends SimulationOptions {
  readonly seed?: number;
  readonly link: LinkDescription;
  readonly faults?: Partial<LinkOptions>;
  readonly peer?: Partial<PeerOptions>;
  /** Whether `b` may begin sessions too. */
  readonly bothOpen?: boolean;
  readonly memoryBytes?: number;
}

/** Two sites with an application each, and a link between them. */
export class Pair {
  readonly simulation: Simulation;
  readonly near = new Application();
  far = new Application();
  readonly a: SimulatedHost;
  b: SimulatedHost;

  constructor(private readonly options: PairOptions) {
    const { seed = 1, link, faults, memoryBytes } = options;
    this.simulation = new Simulation(seed, options);
    this.a = this.simulation.addHost('a', '192.0.2.1', this.near.events, memoryBytes);
    this.b = this.simulation.addHost('b', '192.0.2.2', this.far.events, memoryBytes);
    this.near.attach(this.a);
    this.far.attach(this.b);
    this.simulation.connect(this.a, this.b, linkOptions(link, faults));
    this.introduce();
  }

  private introduce(): void {
    const { simulation, options } = this;
    simulation.peer(this.a, this.b, options.peer);
    simulation.peer(this.b, this.a, options.peer, options.bothOpen ?? false);
  }

  /** Waits for the tunnel. Throws when it is not up at both sides after `limitUs`. */
  connect(limitUs = 20_000_000): this {
    const { a, b, simulation } = this;
    const up = simulation.runUntil(
      () => a.endpoint.isUp('b') && b.endpoint.isUp('a'),
      simulation.time.nowUs + limitUs,
    );
    if (!up) throw new Error(`no tunnel after ${limitUs} us`);
    return this;
  }

  /** Kills `b`; another process with the same key comes up in its place, knowing nothing but what is `remembered`. */
  restartB(memoryBytes = this.options.memoryBytes, remembered?: PathMemory): void {
    const { simulation, b } = this;
    b.kill();
    this.far = new Application();
    this.b = simulation.restartHost('b', '192.0.2.2', b.privateKey, this.far.events, memoryBytes);
    this.far.attach(this.b);
    simulation.peer(this.b, this.a, { ...this.options.peer, remembered }, this.options.bothOpen ?? false);
  }

  /** Runs until both applications are through with all that was begun. False: the limit came first. */
  finish(limitUs = 60_000_000): boolean {
    const { simulation, near, far } = this;
    return simulation.runUntil(() => near.allComplete && far.allComplete, simulation.time.nowUs + limitUs);
  }
}
