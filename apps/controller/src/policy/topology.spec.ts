import { Topology } from './topology.js';

interface Site {
  readonly id: string;
  readonly hubSiteIds?: readonly string[];
}

const neighbours = (sites: readonly Site[]): Record<string, string> => {
  const topology = new Topology(sites);
  return Object.fromEntries(
    sites.map((site) => [
      site.id,
      topology
        .neighboursOf(site)
        .map(({ id }) => id)
        .join(''),
    ]),
  );
};

describe('the topology of a fleet', () => {
  it('is a full mesh while nobody names hubs', () => {
    expect(neighbours([{ id: 'a' }, { id: 'b', hubSiteIds: [] }, { id: 'c' }])).toEqual({
      a: 'bc',
      b: 'ac',
      c: 'ab',
    });
  });

  it('links a spoke to its hubs only, and hubs to each other', () => {
    const sites = [
      { id: 'd', hubSiteIds: ['b'] },
      { id: 'a' },
      { id: 'b' },
      { id: 'c', hubSiteIds: ['a', 'b'] },
    ];
    expect(neighbours(sites)).toEqual({ d: 'b', a: 'bc', b: 'dac', c: 'ab' });
  });

  it('links a spoke that is itself a hub to both sides, and nobody twice', () => {
    const sites = [
      { id: 'a' },
      { id: 'b', hubSiteIds: ['a'] },
      { id: 'c', hubSiteIds: ['b'] },
      { id: 'd', hubSiteIds: ['e'] },
      { id: 'e', hubSiteIds: ['d'] },
    ];
    expect(neighbours(sites)).toEqual({ a: 'b', b: 'ac', c: 'b', d: 'e', e: 'd' });
  });

  it('does without a hub that is gone', () => {
    expect(neighbours([{ id: 'a' }, { id: 'b', hubSiteIds: ['x'] }])).toEqual({ a: '', b: '' });
  });

  it('names each pair once, and both ways of asking agree', () => {
    const sites = Array.from({ length: 40 }, (_, i) => ({
      id: `s${String(i).padStart(2, '0')}`,
      hubSiteIds: i < 4 ? [] : [`s0${String(i % 4)}`, ...(i % 7 === 0 ? [`s0${String((i + 1) % 4)}`] : [])],
    }));
    const topology = new Topology(sites);
    const pairs = [...topology.pairs()].map(([a, b]) => `${a.id} ${b.id}`);
    const asked = sites.flatMap((site) =>
      topology.neighboursOf(site).map(({ id }) => [site.id, id].sort().join(' ')),
    );
    expect(new Set(pairs).size).toBe(pairs.length);
    expect([...asked].sort()).toEqual([...pairs, ...pairs].sort());
    expect(pairs).toHaveLength(6 + 36 + 5);
  });
});
