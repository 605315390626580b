import { holdingsOf } from '../simulator/holdings.js';
import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
const LINK = linkNamed('intercontinental');
const RTT_US = 150_000;

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
});
