import { formatAddress } from '../io.js';
import { Application, type Conversation } from '../simulator/application.js';
import type { SimulatedHost } from '../simulator/host.js';
import { linkOptions, peerOptions, Simulation } from '../simulator/simulation.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
const LINK = { ...linkNamed('mpls'), loss_pct: 0 };
const ADDRESS = '192.0.2.2';

/** One process, its application, and whether it takes over from another. */
interface Process {
  readonly host: SimulatedHost;
  readonly application: Application;
}

/** A site `a`, and a site `b` one process of which takes over from the other. */
class Handover {
  readonly simulation: Simulation;
  readonly near = new Application();
  readonly a: SimulatedHost;
  readonly before: Process;

  constructor(seed: number, bothOpen = true, options: ConstructorParameters<typeof Simulation>[1] = {}) {
    this.simulation = new Simulation(seed, options);
    this.a = this.simulation.addHost('a', '192.0.2.1', this.near.events);
    this.near.attach(this.a);
    const { privateKey } = this.simulation.addHost('b', ADDRESS);
    this.before = this.start('b', privateKey, 0);
    this.simulation.peer(this.a, this.before.host, {}, bothOpen);
    this.simulation.peer(this.before.host, this.a);
    this.runUntil(() => this.a.endpoint.isUp('b') && this.before.host.endpoint.isUp('a'));
  }

  private start(name: string, privateKey: Uint8Array, half: 0 | 1): Process {
    const application = new Application();
    const { simulation } = this;
    const host = simulation.restartHost(name, ADDRESS, privateKey, application.events, undefined, { half });
    application.attach(host);
    simulation.connect(this.a, host, linkOptions(LINK));
    return { host, application };
  }

  runUntil(done: () => boolean, limitUs = 30 * SECOND_US): void {
    expect(this.simulation.runUntil(done, this.simulation.time.nowUs + limitUs)).toBe(true);
  }

  /** Another process comes up beside the one before, and both tunnels are up. */
  begin(name = "b'"): Process {
    const { host } = this.before;
    host.endpoint.setNeighbour(true);
    const [tunnel] = host.endpoint.handOver(true);
    const after = this.start(name, host.privateKey, 1);
    after.host.isDoor = false;
    after.host.endpoint.setNeighbour(true);
    const { id, endpoints, ...rest } = { ...peerOptions(this.a), id: tunnel.peerId };
    expect(formatAddress(tunnel.address)).toBe(`${endpoints[0].address}:${endpoints[0].port}`);
    after.host.endpoint.setPeer({ ...rest, id, endpoints, predecessor: tunnel.incarnation });
    after.host.pump();
    host.pump();
    this.runUntil(() => after.host.endpoint.isUp('a'));
    return after;
  }

  /** What names no session comes to the other process from now on. */
  takeOver(after: Process): void {
    this.before.host.isDoor = false;
    after.host.isDoor = true;
  }

  /** The process that was to take over is no more, and the one before goes on. */
  takeBack(after: Process): void {
    after.host.kill();
    this.before.host.isDoor = true;
    this.before.host.endpoint.setNeighbour(false);
    this.before.host.endpoint.handOver(false);
    this.before.host.pump();
  }
}

const MEGABYTE = 1_000_000;

/** Long conversations that are under way in both directions, begun at both ends. */
function converse(handover: Handover, bytes: number): Conversation[] {
  const { near, before, a } = handover;
  const conversations = [
    near.converse(before.host, { up: bytes, down: bytes }),
    before.application.converse(a, { up: bytes, down: bytes }),
  ];
  handover.simulation.runFor(SECOND_US / 2);
  expect(conversations.some(({ complete }) => complete)).toBe(false);
  return conversations;
}

describe('a process that takes over from another', () => {
  it.each([
    { who: 'both sides open tunnels', bothOpen: true },
    { who: 'it alone opens tunnels', bothOpen: false },
  ])('gets the new streams while those before end whole, where $who', ({ bothOpen }) => {
    const handover = new Handover(71, bothOpen);
    const old = converse(handover, 4 * MEGABYTE);
    const after = handover.begin();
    handover.takeOver(after);
    handover.simulation.runFor(SECOND_US / 2);
    const young = [
      handover.near.converse(handover.before.host, { up: MEGABYTE, down: MEGABYTE }),
      after.application.converse(handover.a, { up: MEGABYTE, down: MEGABYTE }),
    ];
    handover.runUntil(() => [...old, ...young].every(({ complete }) => complete), 120 * SECOND_US);
    expect(handover.before.application.conversations).toHaveLength(2);
    expect(after.application.conversations).toHaveLength(2);
    handover.before.host.close();
    after.host.endpoint.setNeighbour(false);
    handover.simulation.runFor(5 * SECOND_US);
    expect([handover.a.endpoint.isUp('b'), after.host.endpoint.isUp('a')]).toEqual([true, true]);
    expect([handover.near.downs, after.application.downs]).toEqual([[], []]);
  });

  it('leaves the one before able to renew its sessions, by packets of either direction', () => {
    const handover = new Handover(72, true, { rekeyAfterPackets: 500 });
    const old = converse(handover, 4 * MEGABYTE);
    const after = handover.begin();
    handover.takeOver(after);
    handover.runUntil(() => old.every(({ complete }) => complete), 120 * SECOND_US);
    expect(handover.near.downs).toEqual([]);
  });

  it('may fail at once: streams of the one before go on, and so do new ones', () => {
    const handover = new Handover(73);
    const old = converse(handover, 4 * MEGABYTE);
    const after = handover.begin();
    handover.takeOver(after);
    handover.simulation.runFor(SECOND_US / 10);
    handover.takeBack(after);
    handover.simulation.runFor(SECOND_US);
    const young = [
      handover.near.converse(handover.before.host, { up: MEGABYTE, down: MEGABYTE }),
      handover.before.application.converse(handover.a, { up: MEGABYTE, down: MEGABYTE }),
    ];
    handover.runUntil(() => [...old, ...young].every(({ complete }) => complete), 120 * SECOND_US);
  });

  it('may fail at once, and the peer, which receives again before it sends, says goodbye to what is over', () => {
    const handover = new Handover(76);
    const { endpoint } = handover.a;
    const receive = endpoint.receive.bind(endpoint);
    endpoint.receive = (descriptors, count, nowUs) => {
      receive(descriptors, count, nowUs);
      receive(descriptors, 0, nowUs);
    };
    const after = handover.begin();
    handover.takeOver(after);
    handover.simulation.runFor(SECOND_US / 10);
    handover.takeBack(after);
    handover.simulation.runFor(SECOND_US);
    const young = handover.near.converse(handover.before.host, { up: MEGABYTE, down: MEGABYTE });
    handover.runUntil(() => young.complete);
  });

  it('may fail unseen: the peer finds the one before again', () => {
    const handover = new Handover(74);
    const old = converse(handover, 20 * MEGABYTE);
    const after = handover.begin();
    handover.takeOver(after);
    after.host.kill();
    handover.simulation.runFor(20 * SECOND_US);
    const young = handover.near.converse(handover.before.host, { up: MEGABYTE, down: MEGABYTE });
    handover.simulation.runFor(SECOND_US);
    handover.takeBack(after);
    handover.runUntil(() => [...old, young].every(({ complete }) => complete), 240 * SECOND_US);
  });

  it('is followed by another that takes over after it has failed', () => {
    const handover = new Handover(75);
    const old = converse(handover, 8 * MEGABYTE);
    handover.takeBack(handover.begin());
    handover.simulation.runFor(SECOND_US);
    const after = handover.begin("b''");
    handover.takeOver(after);
    handover.runUntil(() => old.every(({ complete }) => complete), 120 * SECOND_US);
    handover.before.host.close();
    after.host.endpoint.setNeighbour(false);
    const young = after.application.converse(handover.a, { up: MEGABYTE, down: MEGABYTE });
    handover.runUntil(() => young.complete);
  });
});
