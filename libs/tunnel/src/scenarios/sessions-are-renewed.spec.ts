import { REJECT_AFTER_PACKETS } from '../params.js';
import { holdingsOf } from '../simulator/holdings.js';
import type { SimulatedHost } from '../simulator/host.js';
import { Pair } from '../simulator/pair.js';
import { PacketType } from '../wire/packet.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;

/** Types of all datagrams that `a` sends, counted. */
function countInitiations(pair: Pair): { initiations: number } {
  const counter = { initiations: 0 };
  for (const host of [pair.a, pair.b]) {
    const { transmit } = host;
    host.transmit = (datagram, to) => {
      if (datagram[0] === 1) counter.initiations++;
      transmit(datagram, to);
    };
  }
  return counter;
}

/** Makes the sessions of a host look as if they had sent all that they may. */
function wear({ endpoint }: SimulatedHost): void {
  const sessions = Reflect.get(endpoint, 'sessions') as Map<number, { firstPacket: number }>;
  for (const session of sessions.values()) session.firstPacket -= REJECT_AFTER_PACKETS;
}

describe('a session', () => {
  it('is replaced after two minutes, and streams notice nothing', () => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 20 }).connect();
    const counter = countInitiations(pair);
    const conversation = pair.near.converse(pair.b, { up: 1000, down: 1000, endless: true });
    for (let minute = 0; minute < 10; minute++) {
      pair.simulation.runFor(60 * SECOND_US);
      pair.near.converse(pair.b, { up: 100_000, down: 100_000 });
    }
    pair.simulation.runFor(5 * SECOND_US);
    expect(counter.initiations).toBe(5);
    expect(conversation).toMatchObject({ resetCode: undefined, read: 1000 });
    expect(pair.near.conversations.filter(({ complete }) => complete)).toHaveLength(10);
    expect(pair.near.downs).toEqual([]);
  });

  it('is replaced after its share of packets, in the middle of a transfer over a bad link', () => {
    const pair = new Pair({ link: linkNamed('bad'), seed: 21, rekeyAfterPackets: 1000 }).connect();
    const counter = countInitiations(pair);
    pair.near.converse(pair.b, { up: 12_000_000, down: 12_000_000 });
    expect(pair.finish()).toBe(true);
    expect(counter.initiations).toBeGreaterThanOrEqual(2);
    expect(pair.near.downs).toEqual([]);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });

  it.each([30, 31, 32, 33, 34])('begun by both sides at the same moment is one session (seed %d)', (seed) => {
    const pair = new Pair({ link: linkNamed('intercontinental'), bothOpen: true, seed });
    const counter = countInitiations(pair);
    pair.connect();
    pair.near.converse(pair.b, { up: 500_000, down: 500_000 });
    pair.far.converse(pair.a, { up: 500_000, down: 500_000 });
    expect(pair.finish()).toBe(true);
    pair.simulation.runFor(10 * SECOND_US);
    expect(counter.initiations).toBeLessThanOrEqual(4);
    expect([pair.near.downs, pair.far.downs]).toEqual([[], []]);
  });

  it('begun by both sides again and again stays alive for an hour', () => {
    const pair = new Pair({ link: linkNamed('intercontinental'), bothOpen: true, seed: 35 }).connect();
    const conversation = pair.near.converse(pair.b, { up: 1000, down: 1000, endless: true });
    for (let i = 0; i < 60; i++) {
      pair.simulation.runFor(60 * SECOND_US);
      pair.far.converse(pair.a, { up: 10_000, down: 10_000 });
    }
    pair.simulation.runFor(5 * SECOND_US);
    expect([pair.near.downs, pair.far.downs]).toEqual([[], []]);
    expect(conversation.resetCode).toBeUndefined();
    expect(pair.far.conversations.filter(({ complete }) => complete)).toHaveLength(60);
  });

  it('comes about over a path whose round trip is longer than the first wait for an answer', () => {
    const pair = new Pair({ link: { ...linkNamed('satellite'), rtt_ms: 2500, loss_pct: 0 } }).connect();
    pair.near.converse(pair.b, { up: 50_000, down: 50_000 });
    expect(pair.finish()).toBe(true);
  });

  it('is replaced although the clock of who begins it was set back', () => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 36 }).connect();
    const counter = countInitiations(pair);
    pair.a.calendarErrorMs -= 60_000;
    pair.simulation.peer(pair.a, pair.b, { cipherSuite: 'aes-256-gcm' });
    pair.simulation.runFor(20 * SECOND_US);
    expect(counter.initiations).toBe(1);
  });

  it('that is worn and cannot be replaced sends nothing, costs no work, and is given up after two minutes', () => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 37 }).connect();
    const conversation = pair.near.converse(pair.b, { up: 1000, down: 1000, endless: true });
    pair.simulation.runFor(SECOND_US);
    const { transmit } = pair.a;
    let packets = 0;
    pair.a.transmit = (datagram) => {
      if (datagram[0] === PacketType.data) packets++;
    };
    wear(pair.a);
    conversation.stream.write(new Uint8Array(1000), 0, 1000);
    const { polls } = pair.a;
    pair.simulation.runFor(SECOND_US / 10);
    expect(pair.a.polls - polls).toBeLessThan(10);
    pair.simulation.runFor(118 * SECOND_US);
    expect(pair.near.downs).toEqual([]);
    pair.simulation.runFor(2 * SECOND_US);
    expect(pair.near.downs).toEqual(['the session was not replaced']);
    expect(conversation).toMatchObject({ resetCode: 1, closed: true });
    expect(packets).toBe(0);
    pair.a.transmit = transmit;
    pair.connect();
    pair.near.converse(pair.b, { up: 1000, down: 1000 });
    expect(pair.simulation.runUntil(() => pair.near.conversations[1].complete, 200 * SECOND_US)).toBe(true);
  });

  it('that is worn sends again once it is replaced', () => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 38 }).connect();
    wear(pair.a);
    pair.near.converse(pair.b, { up: 100_000, down: 100_000 });
    expect(pair.finish(2 * SECOND_US)).toBe(true);
  });

  it('needs the pre-shared key that policy has set', () => {
    const presharedKey = new Uint8Array(32).fill(7);
    const pair = new Pair({ link: linkNamed('mpls'), peer: { presharedKey } });
    pair.simulation.peer(pair.b, pair.a, { presharedKey: new Uint8Array(32).fill(8) }, false);
    expect(() => pair.connect(5 * SECOND_US)).toThrow('no tunnel');
    pair.simulation.peer(pair.b, pair.a, { presharedKey }, false);
    expect(() => pair.connect(10 * SECOND_US)).not.toThrow();
  });

  it.each(['aes-256-gcm', 'chacha20-poly1305'] as const)(
    'works with %s, also when policy changes to it',
    (cipherSuite) => {
      const pair = new Pair({ link: linkNamed('mpls') }).connect();
      const counter = countInitiations(pair);
      pair.near.converse(pair.b, { up: 1_000_000, down: 1_000_000 });
      pair.simulation.runFor(SECOND_US / 10);
      pair.simulation.peer(pair.a, pair.b, { cipherSuite });
      expect(pair.finish()).toBe(true);
      expect(counter.initiations).toBe(1);
    },
  );
});
