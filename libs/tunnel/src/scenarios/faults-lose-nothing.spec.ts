import { holdingsOf } from '../simulator/holdings.js';
import type { LinkOptions } from '../simulator/link.js';
import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

const FAULTS: readonly { name: string; faults: Partial<LinkOptions> }[] = [
  { name: 'every packet is displaced', faults: { jitterUs: 12_000, jitterModel: 'independent' } },
  { name: 'a tenth of the packets comes twice', faults: { duplication: 0.1 } },
  { name: 'a tenth of the packets is changed on the way', faults: { corruption: 0.1 } },
  { name: 'a quarter of the packets is lost', faults: { loss: 0.25 } },
  { name: 'the queue holds ten packets', faults: { queueBytes: 15_000 } },
  {
    name: 'all of that happens at once',
    faults: {
      jitterUs: 12_000,
      jitterModel: 'independent',
      duplication: 0.05,
      corruption: 0.05,
      loss: 0.1,
      queueBytes: 60_000,
    },
  },
];

describe.each(FAULTS)('while $name', ({ faults }) => {
  it('every byte arrives once and in order, both ways', () => {
    const pair = new Pair({ link: linkNamed('mpls'), faults, seed: 3 }).connect();
    for (let i = 0; i < 5; i++) pair.near.converse(pair.b, { up: 300_000, down: 200_000 });
    expect(pair.finish(120_000_000)).toBe(true);
    expect(pair.far.bytesRead).toBe(1_500_000);
    expect(pair.near.bytesRead).toBe(1_000_000);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });
});
