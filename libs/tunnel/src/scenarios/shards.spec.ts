import { packAddress } from '../io.js';
import { INITIATIONS_PER_SECOND } from '../params.js';
import { Application } from '../simulator/application.js';
import type { SimulatedHost } from '../simulator/host.js';
import { linkOptions, Simulation } from '../simulator/simulation.js';
import { PacketType } from '../wire/packet.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
const LINK = { ...linkNamed('mpls'), loss_pct: 0 };
const HUB = '192.0.2.100';

type Opener = 'peers' | 'hub' | 'both';

/** A hub of three shards and five peers, dealt out in turn. */
class Hub {
  readonly simulation: Simulation;
  shards: SimulatedHost[];
  applications: Application[];
  readonly peers: SimulatedHost[] = [];
  readonly peerApplications: Application[] = [];

  constructor(
    private readonly opens: Opener,
    seed: number,
  ) {
    this.simulation = new Simulation(seed);
    this.applications = [0, 1, 2].map(() => new Application());
    this.shards = this.makeShards();
    for (let i = 0; i < 5; i++) this.addPeer(`peer ${i}`, `192.0.2.${i + 1}`);
    this.introduce();
  }

  private makeShards(privateKey?: Uint8Array): SimulatedHost[] {
    const events = this.applications.map((application) => application.events);
    const shards = this.simulation.addShards('hub', HUB, events, privateKey);
    for (const [index, application] of this.applications.entries()) application.attach(shards[index]);
    return shards;
  }

  private addPeer(name: string, address: string): void {
    const application = new Application();
    const peer = this.simulation.addHost(name, address, application.events);
    application.attach(peer);
    for (const shard of this.shards) this.simulation.connect(peer, shard, linkOptions(LINK));
    this.peers.push(peer);
    this.peerApplications.push(application);
  }

  private introduce(): void {
    for (const peer of this.peers) this.simulation.peer(peer, this.shards[0], {}, this.opens !== 'hub');
    this.introducePeers();
  }

  private introducePeers(): void {
    for (const [index, shard] of this.shards.entries()) {
      for (const peer of this.peers)
        if (this.ownerOf(peer) === index) this.simulation.peer(shard, peer, {}, this.opens !== 'peers');
      shard.endpoint.setPeersElsewhere(
        this.peers
          .filter((peer) => this.ownerOf(peer) !== index)
          .map((peer) => ({ publicKey: peer.endpoint.publicKey, shard: this.ownerOf(peer) })),
      );
    }
  }

  private ownerOf(peer: SimulatedHost): number {
    return this.peers.findIndex(({ name }) => name === peer.name) % this.shards.length;
  }

  /** Peers that are up at their shard, and see the hub up. */
  get up(): number {
    return this.peers.filter(
      (peer) =>
        peer.endpoint.isUp('hub/0') && this.shards[this.ownerOf(peer)].endpoint.isUp(peer.name) === true,
    ).length;
  }

  connect(limitUs = 10 * SECOND_US): this {
    const { simulation, peers } = this;
    simulation.runUntil(() => this.up === peers.length, simulation.time.nowUs + limitUs);
    expect(this.up).toBe(peers.length);
    return this;
  }

  /** Some bytes both ways between each peer and the hub, begun at both ends. */
  converse(bytes: number): void {
    for (const [index, peer] of this.peers.entries()) {
      const owner = this.ownerOf(peer);
      this.peerApplications[index].converse(this.shards[0], { up: bytes, down: bytes });
      this.applications[owner].converse(peer, { up: bytes, down: bytes });
    }
  }

  finish(limitUs = 60 * SECOND_US): boolean {
    const { simulation } = this;
    return simulation.runUntil(
      () => [...this.applications, ...this.peerApplications].every(({ allComplete }) => allComplete),
      simulation.time.nowUs + limitUs,
    );
  }

  get misdirected(): number[] {
    return this.shards.map(({ endpoint }) => endpoint.misdirected);
  }

  /** Kills all shards; others with the same key come up in their place. */
  restart(): void {
    const { privateKey } = this.shards[0];
    for (const shard of this.shards) shard.kill();
    this.applications = this.applications.map(() => new Application());
    this.shards = this.makeShards(privateKey);
    this.introducePeers();
  }

  restartPeer(index: number): void {
    const { name, privateKey } = this.peers[index];
    this.peers[index].kill();
    this.peerApplications[index] = new Application();
    const { events } = this.peerApplications[index];
    this.peers[index] = this.simulation.restartHost(name, `192.0.2.${index + 1}`, privateKey, events);
    this.peerApplications[index].attach(this.peers[index]);
    this.simulation.peer(this.peers[index], this.shards[0], {}, this.opens !== 'hub');
  }
}

describe('an agent of three shards behind one address', () => {
  it.each(['peers', 'hub', 'both'] as const)(
    'carries every byte with each of five peers, where sessions are begun by: %s; and no datagram goes astray',
    (opens) => {
      const hub = new Hub(opens, 51).connect();
      hub.converse(300_000);
      expect(hub.finish()).toBe(true);
      expect(hub.misdirected).toEqual([0, 0, 0]);
      const links = hub.shards.map((shard) =>
        hub.peers.filter((peer) => shard.endpoint.stats(peer.name)).map(({ name }) => name),
      );
      expect(links).toEqual([['peer 0', 'peer 3'], ['peer 1', 'peer 4'], ['peer 2']]);
    },
  );

  it('that is restarted is noticed by all peers at once', () => {
    const hub = new Hub('peers', 52).connect();
    hub.converse(50_000_000);
    hub.simulation.runFor(SECOND_US / 2);
    hub.restart();
    hub.simulation.runFor(SECOND_US / 2);
    expect(hub.up).toBe(5);
  });

  it.each([1, 3])('notices at once that peer %d was restarted, whose notice names no shard', (index) => {
    const hub = new Hub('hub', 53).connect();
    hub.converse(50_000_000);
    hub.simulation.runFor(SECOND_US / 2);
    const down = hub.applications[index % 3].downs;
    hub.restartPeer(index);
    hub.simulation.runFor(SECOND_US / 2);
    expect([hub.up, down]).toEqual([5, []]);
  });

  it('follows peers that move', () => {
    const hub = new Hub('both', 54).connect();
    hub.converse(1_000_000);
    hub.simulation.runFor(SECOND_US / 5);
    for (const [index, peer] of hub.peers.entries())
      peer.address = packAddress(`198.51.100.${index + 1}`, 61_000);
    expect(hub.finish()).toBe(true);
    expect(hub.misdirected).toEqual([0, 0, 0]);
  });

  it('asks for cookies under load, and lets those in who bring them, at whatever shard they are', () => {
    const hub = new Hub('peers', 55);
    const cookieReplies = new Set<string>();
    const [door] = hub.shards;
    const { transmit } = door;
    door.transmit = (datagram, to) => {
      if (datagram[0] === PacketType.cookieReply) cookieReplies.add(to.join());
      transmit(datagram, to);
    };
    // The load: initiations of somebody who knows the hub's key and nothing else of it.
    const stranger = hub.simulation.addHost('stranger', '203.0.113.9');
    hub.simulation.connect(stranger, door, linkOptions(LINK));
    const send = stranger.transmit;
    stranger.transmit = (datagram, to) => {
      for (let i = 0; i < 2 * INITIATIONS_PER_SECOND; i++) send(datagram, to);
    };
    hub.simulation.peer(stranger, door);
    stranger.pump();
    hub.simulation.time.step(SECOND_US);
    hub.connect(3 * SECOND_US);
    for (const peer of hub.peers) expect(cookieReplies).toContain(peer.address.join());
  });

  it('hands over what came to the wrong shard, and counts it', () => {
    const hub = new Hub('peers', 56).connect();
    const [door, second] = hub.shards;
    const receive = second.receive.bind(second);
    let astray = 0;
    second.receive = (datagram, from) => {
      if (++astray % 10 === 0) door.receive(datagram, from);
      else receive(datagram, from);
    };
    hub.converse(300_000);
    expect(hub.finish()).toBe(true);
    expect(hub.misdirected).toEqual([Math.floor(astray / 10), 0, 0]);
    expect(second.endpoint.stats('peer 1')?.packetsLost).toBe(0);
    expect(astray).toBeGreaterThan(100);
  });
});

it('there is no such thing as one shard of one', () => {
  expect(() => new Simulation(57).addShards('hub', HUB, [{}])).toThrow('at least two shards');
});
