import { packAddress } from '../io.js';
import { holdingsOf } from '../simulator/holdings.js';
import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;

describe('a peer whose address changes', () => {
  it.each([
    { how: 'another port of its NAT', address: '192.0.2.1', port: 61_000 },
    { how: 'another address', address: '198.51.100.9', port: 4500 },
    { how: 'an IPv6 address', address: '2001:db8::9', port: 4500 },
  ])('to $how is followed, and no byte is lost', ({ address, port }) => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 40 }).connect();
    pair.near.converse(pair.b, { up: 4_000_000, down: 4_000_000 });
    pair.simulation.runFor(SECOND_US / 5);
    pair.a.address = packAddress(address, port);
    const before = pair.near.bytesRead;
    pair.simulation.runFor(SECOND_US / 2);
    expect(pair.near.bytesRead).toBeGreaterThan(before + 200_000);
    expect(pair.finish()).toBe(true);
    expect(pair.near.downs).toEqual([]);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });

  it('gets no data there before it has answered a challenge', () => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 41 }).connect();
    const conversation = pair.near.converse(pair.b, { up: 4_000_000, down: 4_000_000 });
    pair.simulation.runFor(SECOND_US / 5);
    const elsewhere = packAddress('203.0.113.5', 9);
    const sizes: number[] = [];
    const { transmit } = pair.b;
    pair.b.transmit = (datagram, to) => {
      if (to[1] === elsewhere[1]) sizes.push(datagram.length);
      else transmit(datagram, to);
    };
    // Somebody on the way sends some of our packets on from an address of his own, and so gets there first.
    const copy = pair.a.transmit;
    let forged = 0;
    pair.a.transmit = (datagram, to) => {
      if (forged++ % 3 === 0) pair.b.receive(Uint8Array.from(datagram), elsewhere);
      copy(datagram, to);
    };
    expect(pair.finish()).toBe(true);
    expect(conversation.complete).toBe(true);
    expect(forged).toBeGreaterThan(500);
    expect(sizes.length).toBeGreaterThan(0);
    expect(Math.max(...sizes)).toBeLessThan(64);
  });
});
