import { MtuDiscovery } from './mtu-discovery.js';

/** Probes a path that carries `limit` bytes until there is nothing left to probe; gives the sizes tried. */
function search(mtu: MtuDiscovery, limit: number): number[] {
  const tried: number[] = [];
  for (let size = mtu.probeDue(0); size !== 0; size = mtu.probeDue(0)) {
    tried.push(size);
    mtu.onProbeSent();
    expect(mtu.probeDue(0)).toBe(0);
    if (size <= limit) mtu.onProbeAcknowledged(size);
    else mtu.onProbeLost(size);
  }
  return tried;
}

describe('MtuDiscovery (RFC 8899)', () => {
  it('needs one probe on a path that carries the ceiling', () => {
    const mtu = new MtuDiscovery(1472);
    expect([search(mtu, 9000), mtu.current]).toEqual([[1472], 1472]);
  });

  it.each([1200, 1201, 1300, 1400, 1471])(
    'finds %d to within 8, and tries no size more than three times',
    (limit) => {
      const mtu = new MtuDiscovery(1472);
      const tried = search(mtu, limit);
      expect(mtu.current).toBeLessThanOrEqual(limit);
      expect(mtu.current).toBeGreaterThan(limit - 8);
      for (const size of tried) expect(tried.filter((other) => other === size).length).toBeLessThanOrEqual(3);
    },
  );

  it('looks again after ten minutes', () => {
    const mtu = new MtuDiscovery(1472);
    search(mtu, 1300);
    expect([mtu.probeDue(599_000_000), mtu.probeDue(601_000_000)]).toEqual([0, 1472]);
  });

  it('probes another path although a probe of the one before was never answered', () => {
    const mtu = new MtuDiscovery(1472);
    mtu.probeDue(0);
    mtu.onProbeSent();
    mtu.restart(1472);
    expect([search(mtu, 1472), mtu.current]).toEqual([[1472], 1472]);
  });

  it('falls back when full packets vanish, and begins anew', () => {
    const mtu = new MtuDiscovery(1472);
    search(mtu, 9000);
    for (let number = 10; number < 16; number++) mtu.onPacketLost(number, 1472);
    expect([mtu.current, mtu.probeDue(0)]).toEqual([1200, 1472]);
  });

  it('is not misled by a burst of losses before a full packet that arrived', () => {
    const mtu = new MtuDiscovery(1472);
    search(mtu, 9000);
    mtu.onPacketAcknowledged(100, 1472);
    for (let number = 10; number < 90; number++) mtu.onPacketLost(number, 1472);
    expect(mtu.current).toBe(1472);
  });

  it('lets no late fate of a probe disturb a search that began anew', () => {
    const mtu = new MtuDiscovery(1472);
    const size = mtu.probeDue(0);
    mtu.onProbeSent();
    mtu.restart(1400);
    mtu.onProbeAcknowledged(size);
    expect(mtu.current).toBe(1200);
    expect(search(mtu, 9000)).toEqual([1400]);
  });
});
