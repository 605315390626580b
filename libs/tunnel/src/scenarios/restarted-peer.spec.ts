import { holdingsOf } from '../simulator/holdings.js';
import { POLL_CAPACITY, type SimulatedHost } from '../simulator/host.js';
import type { NodePacketCrypto } from '../simulator/packet-crypto.js';
import { Pair } from '../simulator/pair.js';
import { linkOptions, Simulation } from '../simulator/simulation.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
const LINK = linkNamed('intercontinental');
const RTT_US = 150_000;
/** Enough for a host that carries no streams. */
const LITTLE_MEMORY_BYTES = 6 * 2 ** 20;

describe('a peer that is restarted in the middle of a transfer', () => {
  it.each([
    { who: 'only we begin sessions', bothOpen: false },
    { who: 'both begin sessions', bothOpen: true },
  ])('is noticed within three round trips, where $who', ({ bothOpen }) => {
    const pair = new Pair({ link: { ...LINK, loss_pct: 0 }, bothOpen, seed: 12 }).connect();
    const conversation = pair.near.converse(pair.b, { up: 50_000_000, down: 50_000_000 });
    pair.simulation.runFor(SECOND_US);
    pair.restartB();
    pair.simulation.runFor(3 * RTT_US + 100_000);
    expect(conversation).toMatchObject({ resetCode: 1, closed: true });
    expect(pair.a.endpoint.isUp('b')).toBe(true);
  });

  it('loses no memory, and new streams work at once', () => {
    const pair = new Pair({ link: LINK, seed: 13 }).connect();
    for (let i = 0; i < 20; i++) pair.near.converse(pair.b, { up: 1_000_000, down: 1_000_000 });
    pair.simulation.runFor(SECOND_US);
    pair.restartB();
    pair.simulation.runFor(2 * SECOND_US);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
    const conversation = pair.near.converse(pair.b, { up: 100_000, down: 100_000 });
    pair.simulation.runUntil(() => conversation.complete, pair.simulation.time.nowUs + 2 * SECOND_US);
    expect(conversation.complete).toBe(true);
  });

  it('is found again by the side that cannot be reached', () => {
    const pair = new Pair({ link: LINK, seed: 14 }).connect();
    pair.restartB();
    pair.simulation.runFor(7 * SECOND_US);
    expect([pair.a.endpoint.isUp('b'), pair.b.endpoint.isUp('a')]).toEqual([true, true]);
    const answer = pair.far.converse(pair.a, { up: 1000, down: 1000 });
    pair.simulation.runFor(SECOND_US);
    expect(answer.complete).toBe(true);
  });

  it('that says goodbye is down at once', () => {
    const pair = new Pair({ link: LINK, seed: 15 }).connect();
    const conversation = pair.near.converse(pair.b, { up: 1_000_000, down: 1_000_000, endless: true });
    pair.simulation.runFor(SECOND_US);
    pair.b.close();
    pair.simulation.runFor(RTT_US);
    expect(pair.near.downs).toEqual(['the peer said goodbye: closed by its agent']);
    expect(conversation).toMatchObject({ resetCode: 1, closed: true });
  });

  it('that forgot us by policy is told apart from one that is lost', () => {
    const pair = new Pair({ link: LINK, seed: 16 }).connect();
    pair.b.endpoint.removePeer('a');
    pair.simulation.runFor(RTT_US);
    expect(pair.near.downs).toEqual(['the peer said goodbye: closed by its agent']);
    expect(pair.far.downs).toEqual(['closed']);
  });

  it.each([1, 2, 3])('tells us so although it receives %d times before it sends', (batches) => {
    const pair = new Pair({ link: LINK, seed: 17 }).connect();
    const { endpoint } = pair.b;
    endpoint.removePeer('a');
    for (let i = 0; i < batches; i++) endpoint.receive(new Int32Array(0), 0, pair.simulation.time.nowUs);
    pair.simulation.runFor(RTT_US);
    expect(pair.near.downs).toEqual(['the peer said goodbye: closed by its agent']);
    expect(keysOf(pair.b)).toBe(0);
  });
});

describe('more peers than one turn sends packets', () => {
  /** A hub that is up with more peers than a simulated host describes packets at once. */
  function crowd(): { simulation: Simulation; hub: SimulatedHost; goodbyes: string[] } {
    const simulation = new Simulation(18);
    const goodbyes: string[] = [];
    const hub = simulation.addHost('hub', '192.0.2.100');
    const peers = Array.from({ length: POLL_CAPACITY + 10 }, (_, i) => {
      const events = { tunnelDown: (_peerId: string, reason: string) => goodbyes.push(reason) };
      return simulation.addHost(`peer ${i}`, `192.0.2.${i + 1}`, events, LITTLE_MEMORY_BYTES);
    });
    for (const peer of peers) {
      simulation.connect(hub, peer, linkOptions(LINK));
      simulation.peer(hub, peer);
      simulation.peer(peer, hub, {}, false);
    }
    simulation.runUntil(() => peers.every(({ endpoint }) => endpoint.isUp('hub')), 20 * SECOND_US);
    return { simulation, hub, goodbyes };
  }

  it.each([
    {
      of: 'they are forgotten',
      act: ({ endpoint }: SimulatedHost) => {
        for (let i = 0; i < POLL_CAPACITY + 10; i++) endpoint.removePeer(`peer ${i}`);
      },
    },
    {
      of: 'the hub stops',
      act: (hub: SimulatedHost) => {
        hub.close();
      },
    },
  ])('are all told that $of', ({ act }) => {
    const { simulation, hub, goodbyes } = crowd();
    act(hub);
    simulation.runFor(RTT_US);
    expect(goodbyes).toEqual(
      new Array(POLL_CAPACITY + 10).fill('the peer said goodbye: closed by its agent'),
    );
    expect(keysOf(hub)).toBe(0);
  });
});

/** Keys that a host holds. */
function keysOf({ endpoint }: SimulatedHost): number {
  return (endpoint.crypto as NodePacketCrypto).keyCount;
}
