import { holdingsOf } from '../simulator/holdings.js';
import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;

describe('packet size', () => {
  it.each([1200, 1280, 1372, 1472])(
    'of a path that carries %d bytes is found to within 8',
    (maxUdpPayload) => {
      const pair = new Pair({ link: linkNamed('ll-metro'), faults: { maxUdpPayload } }).connect();
      pair.near.converse(pair.b, { up: 1_000_000, down: 0 });
      expect(pair.finish()).toBe(true);
      pair.simulation.runFor(20 * SECOND_US);
      const mtu = pair.a.endpoint.stats('b')?.mtu ?? 0;
      expect(mtu).toBeLessThanOrEqual(maxUdpPayload);
      expect(mtu).toBeGreaterThan(maxUdpPayload - 8);
    },
  );

  it('goes up to jumbo frames where policy and path let it', () => {
    const pair = new Pair({
      link: linkNamed('ll-metro'),
      faults: { maxUdpPayload: 8972 },
      peer: { maxUdpPayload: 8972 },
    }).connect();
    pair.near.converse(pair.b, { up: 3_000_000, down: 0 });
    expect(pair.finish()).toBe(true);
    expect(pair.a.endpoint.stats('b')?.mtu).toBe(8972);
  });

  it('never exceeds what the peer says it takes', () => {
    const pair = new Pair({ link: linkNamed('ll-metro') });
    pair.simulation.peer(pair.b, pair.a, { maxUdpPayload: 1300 }, false);
    pair.connect().near.converse(pair.b, { up: 300_000, down: 0 });
    expect(pair.finish()).toBe(true);
    expect(pair.a.endpoint.stats('b')?.mtu).toBe(1300);
  });

  it.each([1, 50])('that the path swallows without a word is noticed, with %d streams', (streams) => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 12 }).connect();
    for (let i = 0; i < streams; i++) pair.near.converse(pair.b, { up: 6_000_000 / streams, down: 0 });
    pair.simulation.runFor(SECOND_US / 5);
    expect(pair.a.endpoint.stats('b')?.mtu).toBe(1472);
    pair.simulation.changeLink('a', 'b', { maxUdpPayload: 1300 });
    expect(pair.finish(10 * SECOND_US)).toBe(true);
    expect(pair.a.endpoint.stats('b')?.mtu).toBeLessThanOrEqual(1300);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });

  it('does not fall for loss alone', () => {
    const pair = new Pair({ link: linkNamed('bad'), faults: { loss: 0.1 }, seed: 11 }).connect();
    pair.near.converse(pair.b, { up: 6_000_000, down: 0 });
    let least = Infinity;
    pair.simulation.runFor(SECOND_US);
    const done = (): boolean => {
      least = Math.min(least, pair.a.endpoint.stats('b')?.mtu ?? 0);
      return pair.far.allComplete;
    };
    pair.simulation.runUntil(done, 60 * SECOND_US);
    expect(least).toBe(1472);
  });
});
