import { clientOf, RateLimit } from './rate-limit.js';
import { tunnelEndpoints } from './endpoints.js';

describe('the rate limit', () => {
  it('lets a burst through, then one request per interval, and tells how long to wait', () => {
    let now = 0;
    const limit = new RateLimit({ perSecond: 0.5, burst: 3 }, () => now);
    expect([1, 2, 3].map(() => limit.take('192.0.2.1'))).toEqual([0, 0, 0]);
    expect(limit.take('192.0.2.1')).toBe(2);
    expect(limit.take('192.0.2.2')).toBe(0);
    now = 2000;
    expect(limit.take('192.0.2.1')).toBe(0);
    expect(limit.take('192.0.2.1')).toBe(2);
  });

  it('forgets whoever rests longest when there are too many clients', () => {
    const limit = new RateLimit({ perSecond: 0.001, burst: 1, maxClients: 2 }, () => 0);
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) expect(limit.take(address)).toBe(0);
    expect(limit.take('192.0.2.3')).toBeGreaterThan(0);
    expect(limit.take('192.0.2.1')).toBe(0);
  });

  it('takes a /64 of IPv6 for one client, and a mapped address for the IPv4 one', () => {
    expect(clientOf('2001:db8:0:1::1')).toBe(clientOf('2001:db8::1:ffff:0:0:2'));
    expect(clientOf('2001:db8:0:1::1')).not.toBe(clientOf('2001:db8:0:2::1'));
    expect(clientOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
  });
});

describe('tunnel endpoints', () => {
  it('adds the address that an agent was seen from when it is global or the only one', () => {
    expect(tunnelEndpoints(['10.0.0.5'], '::ffff:10.78.0.2', 4810)).toEqual(['10.0.0.5:4810']);
    expect(tunnelEndpoints(['10.0.0.5'], '::ffff:198.51.100.7', 4810)).toEqual([
      '10.0.0.5:4810',
      '198.51.100.7:4810',
    ]);
    expect(tunnelEndpoints([], '127.0.0.1', 4810)).toEqual(['127.0.0.1:4810']);
    expect(tunnelEndpoints(['not an address', 'fd00::1'], '2001:db8::9', 1)).toEqual([
      '[fd00::1]:1',
      '[2001:db8::9]:1',
    ]);
  });
});
