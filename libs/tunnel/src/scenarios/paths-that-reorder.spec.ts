import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
/** Packets overtake each other by up to 20 ms: some 170 of them at 100 Mbit/s. */
const LINK = { ...linkNamed('mpls-reorder'), rtt_ms: 50, jitter_ms: 10 };

describe('a path on which hundreds of packets overtake each other', () => {
  it.each([
    { profile: 'lossy', seed: 1 },
    { profile: 'lossy', seed: 2 },
    { profile: 'fair', seed: 1 },
  ] as const)('is filled: profile $profile, seed $seed', ({ profile, seed }) => {
    const pair = new Pair({ link: LINK, seed, crypto: 'null', traced: false, peer: { profile } }).connect();
    pair.near.converse(pair.b, { up: 2 ** 31, down: 0 });
    pair.simulation.runFor(5 * SECOND_US);
    const before = pair.far.bytesRead;
    pair.simulation.runFor(5 * SECOND_US);
    expect(((pair.far.bytesRead - before) * 8) / (5 * SECOND_US)).toBeGreaterThan(0.88 * LINK.rate_mbps);
  });
});
