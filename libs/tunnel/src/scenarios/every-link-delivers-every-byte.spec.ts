import { holdingsOf } from '../simulator/holdings.js';
import { Pair } from '../simulator/pair.js';
import { LINKS } from './links.js';

const MEGABYTE = 1_000_000;

describe.each(LINKS)('over $name every byte arrives once and in order', (link) => {
  it('of one stream, both ways', () => {
    const pair = new Pair({ link }).connect();
    pair.near.converse(pair.b, { up: 2 * MEGABYTE, down: MEGABYTE });
    expect(pair.finish()).toBe(true);
    expect(pair.far.bytesRead).toBe(2 * MEGABYTE);
    expect(pair.near.bytesRead).toBe(MEGABYTE);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });

  it('of many streams, opened by both sides', () => {
    const pair = new Pair({ link, seed: 2 }).connect();
    for (let i = 0; i < 40; i++) {
      pair.near.converse(pair.b, { up: 1000 * i, down: 30_000 - 700 * i });
      pair.far.converse(pair.a, { up: 500 * i, down: 20_000 });
    }
    expect(pair.finish()).toBe(true);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });
});
