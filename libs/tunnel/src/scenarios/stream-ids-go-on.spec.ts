import { holdingsOf } from '../simulator/holdings.js';
import { Pair } from '../simulator/pair.js';
import type { SimulatedHost } from '../simulator/host.js';
import { linkNamed } from './links.js';

const LINK = { ...linkNamed('mpls-reorder'), loss_pct: 2 };

/** The next ids of both sides, which no test has the time to count up to. */
interface StreamIds {
  nextLocalId: number;
  nextPeerId: number;
}

function idsOf(host: SimulatedHost, peer: string): StreamIds {
  const { streams } = host.endpoint.transportTo(peer) as unknown as { streams: StreamIds };
  return streams;
}

/** As if both sides had opened streams until their next ids are `base` or one more. */
function skipTo(pair: Pair, base: number): void {
  for (const ids of [idsOf(pair.a, 'b'), idsOf(pair.b, 'a')]) {
    ids.nextLocalId = base + (ids.nextLocalId % 2);
    ids.nextPeerId = base + (ids.nextPeerId % 2);
  }
}

describe('stream ids', () => {
  it.each([2 ** 30, 2 ** 31, 2 ** 32, 2 ** 40])(
    'go on beyond %d, and nothing is lost at the passage',
    (limit) => {
      const pair = new Pair({ link: LINK, seed: 60 }).connect();
      pair.near.converse(pair.b, { up: 2_000_000, down: 0 });
      pair.simulation.runFor(50_000);
      skipTo(pair, limit - 20);
      for (let i = 0; i < 20; i++) {
        pair.near.converse(pair.b, { up: 20_000, down: 5000 });
        pair.far.converse(pair.a, { up: 5000, down: 20_000 });
      }
      expect(idsOf(pair.a, 'b').nextLocalId).toBeGreaterThan(limit);
      expect(pair.finish()).toBe(true);
      expect(holdingsOf(pair.a, pair.b)).toEqual([]);
      expect([pair.near.downs, pair.far.downs]).toEqual([[], []]);
    },
  );
});
