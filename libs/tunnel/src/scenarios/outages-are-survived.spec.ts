import { holdingsOf } from '../simulator/holdings.js';
import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;

/** A transfer that is under way both ways. */
function startedPair(seed = 4): Pair {
  const pair = new Pair({ link: linkNamed('mpls'), seed }).connect();
  pair.near.converse(pair.b, { up: 4_000_000, down: 4_000_000 });
  pair.simulation.runFor(SECOND_US / 5);
  return pair;
}

describe('an outage', () => {
  it.each([0.3, 3, 20, 100])(
    'of %d s loses nothing, and the tunnel goes on within 1.5 s of its end',
    (seconds) => {
      const pair = startedPair();
      pair.simulation.setOutage('a', 'b', true);
      pair.simulation.runFor(seconds * SECOND_US);
      const before = pair.far.bytesRead;
      pair.simulation.setOutage('a', 'b', false);
      pair.simulation.runFor(1.5 * SECOND_US);
      expect(pair.far.bytesRead).toBeGreaterThan(before);
      expect(pair.a.endpoint.isUp('b') && pair.b.endpoint.isUp('a')).toBe(true);
      expect(pair.finish()).toBe(true);
      expect(holdingsOf(pair.a, pair.b)).toEqual([]);
    },
  );

  it.each([
    ['a', 'b'],
    ['b', 'a'],
  ])('of the way from %s to %s alone loses nothing', (from, to) => {
    const pair = startedPair(5);
    pair.simulation.link(from, to).out = true;
    pair.simulation.runFor(10 * SECOND_US);
    pair.simulation.link(from, to).out = false;
    expect(pair.finish()).toBe(true);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });

  it('is told within two seconds, and its end too', () => {
    const pair = startedPair(6);
    pair.simulation.setOutage('a', 'b', true);
    pair.simulation.runFor(2 * SECOND_US);
    expect([pair.a.endpoint.isUp('b'), pair.b.endpoint.isUp('a')]).toEqual([false, false]);
    pair.simulation.runFor(5 * SECOND_US);
    pair.simulation.setOutage('a', 'b', false);
    pair.simulation.runFor(2 * SECOND_US);
    expect([pair.near.ups, pair.near.downs]).toEqual([['b', 'b'], ['the peer does not answer']]);
    expect([pair.far.ups, pair.far.downs]).toEqual([['a', 'a'], ['the peer does not answer']]);
  });

  it('of one way does not make the tunnel flap', () => {
    const pair = startedPair(7);
    pair.simulation.link('a', 'b').out = true;
    pair.simulation.runFor(30 * SECOND_US);
    expect(pair.near.downs).toEqual(['the peer does not answer']);
    expect(pair.near.ups).toEqual(['b']);
  });

  it('of more than two minutes resets the streams, and new ones work after it', () => {
    const pair = startedPair(8);
    pair.simulation.setOutage('a', 'b', true);
    pair.simulation.runFor(130 * SECOND_US);
    expect(pair.near.conversations[0]).toMatchObject({ resetCode: 1, closed: true });
    expect(pair.far.conversations[0]).toMatchObject({ resetCode: 1, closed: true });
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
    pair.simulation.setOutage('a', 'b', false);
    pair.connect(10 * SECOND_US);
    const conversation = pair.near.converse(pair.b, { up: 100_000, down: 100_000 });
    pair.simulation.runFor(SECOND_US);
    expect(conversation.complete).toBe(true);
  });

  it('costs few packets while it lasts', () => {
    const pair = startedPair(9);
    pair.simulation.setOutage('a', 'b', true);
    pair.simulation.runFor(5 * SECOND_US);
    const before = pair.a.packetsSent;
    pair.simulation.runFor(30 * SECOND_US);
    expect(pair.a.packetsSent - before).toBeLessThan(150);
  });
});
