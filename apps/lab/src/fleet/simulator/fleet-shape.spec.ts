import { counterpartOf, hubCount, hubOf, lanPrefixOf, SPOKES_PER_HUB } from './fleet-shape.js';

describe.each([2, 50, 501, 502, 1000, 10_000])('a fleet of %i sites', (sites) => {
  const numbers = Array.from({ length: sites }, (_, i) => i);

  it('has hubs with no more spokes than are allowed, and every other site is a spoke of one', () => {
    const spokes = new Map<number, number>();
    for (const number of numbers) {
      const hub = hubOf(number, sites);
      if (number < hubCount(sites)) expect(hub).toBeUndefined();
      else spokes.set(hub ?? -1, (spokes.get(hub ?? -1) ?? 0) + 1);
    }
    expect([...spokes.keys()].every((hub) => hub >= 0 && hub < hubCount(sites))).toBe(true);
    expect(Math.max(...spokes.values())).toBeLessThanOrEqual(SPOKES_PER_HUB);
  });

  it('has connections over links that there are', () => {
    for (const number of numbers) {
      const peer = counterpartOf(number, sites);
      expect(peer).toBeLessThan(sites);
      expect(hubOf(number, sites) === peer || hubOf(peer, sites) === number).toBe(true);
    }
  });

  it('gives each address to one site', () => {
    expect(new Set(numbers.map(lanPrefixOf)).size).toBe(sites);
  });
});
