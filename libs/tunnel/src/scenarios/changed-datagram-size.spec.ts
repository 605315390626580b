import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
const SIZES = { before: 1472, after: 1300 };

/** The largest datagram that `b` sends within the next second of a transfer. */
function largestFromB(pair: Pair): number {
  let largest = 0;
  const { transmit } = pair.b;
  pair.b.transmit = (datagram, to) => {
    largest = Math.max(largest, datagram.length);
    transmit(datagram, to);
  };
  pair.simulation.runFor(SECOND_US);
  pair.b.transmit = transmit;
  return largest;
}

describe('the largest datagram that policy lets a side take', () => {
  it.each([
    { role: 'began the session', bothOpen: false },
    { role: 'began it, and may be called by the other', bothOpen: true },
  ])('is told to the peer as it changes, by the side that $role', ({ bothOpen }) => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 40, bothOpen, crypto: 'null' }).connect();
    const conversation = pair.near.converse(pair.b, { up: 0, down: 2 ** 31 });
    expect(largestFromB(pair)).toBe(SIZES.before);
    pair.simulation.peer(pair.a, pair.b, { maxUdpPayload: SIZES.after });
    // A handshake, and what was sent before its end.
    pair.simulation.runFor(SECOND_US / 5);
    expect(largestFromB(pair)).toBe(SIZES.after);
    pair.simulation.peer(pair.a, pair.b, { maxUdpPayload: SIZES.before });
    pair.simulation.runFor(SECOND_US / 5);
    expect(largestFromB(pair)).toBe(SIZES.before);
    expect([pair.near.downs, pair.far.downs, conversation.resetCode]).toEqual([[], [], undefined]);
  });

  it('is told to the peer by the side that has answered it', () => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 41, crypto: 'null' }).connect();
    pair.near.converse(pair.b, { up: 2 ** 31, down: 0 });
    pair.simulation.runFor(SECOND_US);
    pair.simulation.peer(pair.b, pair.a, { maxUdpPayload: SIZES.after }, false);
    pair.simulation.runFor(SECOND_US / 5);
    expect(pair.a.endpoint.stats('b')?.mtu).toBe(SIZES.after);
  });
});
