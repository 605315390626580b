import { holdingsOf } from '../simulator/holdings.js';
import { Pair } from '../simulator/pair.js';
import { SeededRandom } from '../simulator/random.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
const HEADER_BYTES = 9;

/** Changes datagrams that arrive at `b`, as `mangle` likes; with null crypto they pass for authentic. */
function mangling(pair: Pair, mangle: (datagram: Uint8Array) => void): { stop(): void } {
  const receive = pair.b.receive.bind(pair.b);
  pair.b.receive = (datagram, from) => {
    const copy = Uint8Array.from(datagram);
    mangle(copy);
    receive(copy, from);
  };
  return { stop: () => (pair.b.receive = receive) };
}

describe('whatever a peer with the right keys sends', () => {
  it.each([1, 2, 3, 4])('nothing throws, and the tunnel comes up again after it (seed %d)', (seed) => {
    const pair = new Pair({ link: linkNamed('mpls'), crypto: 'null', seed }).connect();
    const random = new SeededRandom(seed);
    const mangler = mangling(pair, (datagram) => {
      if (random.unit() > 0.05) return;
      for (let i = 0; i < 4; i++)
        datagram[random.between(HEADER_BYTES, datagram.length - 1)] = random.between(0, 255);
    });
    pair.near.onAnswer = pair.far.onAnswer = (answer) => (answer.stalled = true);
    for (let i = 0; i < 60; i++) {
      if (pair.a.endpoint.isUp('b'))
        pair.near.converse(pair.b, { up: 1000, down: 0, endless: true }).stalled = true;
      pair.simulation.runFor(SECOND_US / 3);
    }
    mangler.stop();
    expect(pair.far.downs.length).toBeGreaterThan(0);
    pair.simulation.runFor(10 * SECOND_US);
    expect([pair.a.endpoint.isUp('b'), pair.b.endpoint.isUp('a')]).toEqual([true, true]);
  });

  it('datagrams of strangers are dropped, and cost no answer larger than they are', () => {
    const pair = new Pair({ link: linkNamed('mpls') }).connect();
    const random = new SeededRandom(5);
    const stranger = new Int32Array([(4 << 16) | 9, 0x01020304, 0, 0, 0]);
    let sent = 0;
    let answered = 0;
    const { transmit } = pair.b;
    pair.b.transmit = (datagram, to) => {
      if (to[1] === stranger[1]) answered += datagram.length;
      else transmit(datagram, to);
    };
    for (let i = 0; i < 3000; i++) {
      const datagram = random.bytes(random.between(1, 1400));
      datagram[0] = random.between(0, 6);
      sent += datagram.length;
      pair.b.receive(datagram, stranger);
    }
    expect(answered).toBeLessThan(sent / 100);
    pair.near.converse(pair.b, { up: 100_000, down: 100_000 });
    expect(pair.finish()).toBe(true);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });
});
