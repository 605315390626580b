import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

/**
 * Goodput of one stream over a cold tunnel, profile `lossy`, in virtual time, counted at the receiver: Mbit/s over the
 * whole run, from the first byte, and over its second half. The link's limit is in links.json; runs are short where a
 * virtual second is expensive, so that the first round trips weigh more than in the published figures.
 */
interface Expectation {
  readonly name: string;
  readonly seconds: number;
  /** At least, Mbit/s. */
  readonly whole: number;
  readonly steady: number;
  /** At most: the mean queue at the bottleneck over the second half, milliseconds. */
  readonly queueMs: number;
}

const EXPECTATIONS: readonly Expectation[] = [
  // A quarter of the queue of 256 kB, of 625 kB; then 3 ms, and a quarter of the round trip.
  { name: 'baseline', seconds: 2, whole: 940, steady: 945, queueMs: 0.5 },
  { name: 'sonet', seconds: 2, whole: 930, steady: 945, queueMs: 1.25 },
  { name: 'll-metro', seconds: 2, whole: 930, steady: 945, queueMs: 1.25 },
  { name: 'metro', seconds: 4, whole: 925, steady: 940, queueMs: 3 },
  { name: 'mpls', seconds: 30, whole: 93, steady: 93.5, queueMs: 6.25 },
  { name: 'mpls-reorder', seconds: 30, whole: 94, steady: 94, queueMs: 6.25 },
  { name: 'intercontinental', seconds: 20, whole: 178, steady: 187, queueMs: 37 },
  { name: 'satellite', seconds: 30, whole: 41, steady: 45, queueMs: 150 },
  { name: 'lossy', seconds: 5, whole: 893, steady: 928, queueMs: 7.5 },
  { name: 'bad', seconds: 20, whole: 89, steady: 90.5, queueMs: 20 },
];

const SECOND_US = 1_000_000;
const MEMORY_BYTES = 192 * 2 ** 20;

function mbps(bytes: number, seconds: number): number {
  return (bytes * 8) / seconds / 1e6;
}

describe.each(EXPECTATIONS)('over $name', ({ name, seconds, whole, steady, queueMs }) => {
  it(`one stream gets ${whole} Mbit/s from its first byte, ${steady} when it is steady, and keeps the queue short`, () => {
    const link = linkNamed(name);
    const pair = new Pair({ link, seed: 7, crypto: 'null', memoryBytes: MEMORY_BYTES }).connect();
    const { simulation } = pair;
    simulation.runFor(2 * SECOND_US);
    pair.near.converse(pair.b, { up: 2 ** 31, down: 0 });
    simulation.runFor((seconds / 2) * SECOND_US);
    const half = pair.far.bytesRead;
    const { bottleneck } = simulation.link('a', 'b');
    bottleneck.resetStatistics();
    simulation.runFor((seconds / 2) * SECOND_US);
    const { bytesRead } = pair.far;
    const stats = pair.a.endpoint.stats('b');
    expect(mbps(bytesRead, seconds)).toBeGreaterThan(whole);
    expect(mbps(bytesRead - half, seconds / 2)).toBeGreaterThan(steady);
    expect(mbps(bytesRead - half, seconds / 2)).toBeLessThan(link.rate_mbps);
    expect((bottleneck.statistics.meanBytes * 8) / link.rate_mbps / 1000).toBeLessThan(queueMs);
    // Sent again without need: under 1 %.
    expect(stats?.packetsSpurious).toBeLessThan((stats?.packetsSent ?? 0) / 100);
  });
});
