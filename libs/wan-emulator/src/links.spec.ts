import { findLink, goodputLimitMbps, loadLinks, parseLink, queueBytes } from './links.js';

const valid = { name: 'mine', title: 'Mine', rate_mbps: 100, rtt_ms: 20, loss_pct: 1, jitter_ms: 2 };

describe('links', () => {
  const { links, reportSeconds } = loadLinks();

  it("holds the report's five links with the report's own seconds", () => {
    const report = links.filter((link) => link.source === 'report').map((link) => link.name);
    expect(report).toEqual(['baseline', 'sonet', 'll-metro', 'metro', 'mpls']);
    expect(Object.keys(reportSeconds.unaccelerated)).toEqual(report);
    expect(Object.keys(reportSeconds.accelerated)).toEqual(report);
  });

  it('queues one bandwidth-delay product, at least 256 kB', () => {
    expect(queueBytes(findLink(links, 'metro'))).toBe(1_500_000);
    expect(queueBytes(findLink(links, 'satellite'))).toBe(3_750_000);
    expect(queueBytes(findLink(links, 'baseline'))).toBe(256_000);
  });

  it('limits goodput to what headers leave', () => {
    expect(goodputLimitMbps(findLink(links, 'baseline'))).toBeCloseTo(965.33, 2);
  });

  it('names the links there are when one is unknown', () => {
    expect(() => findLink(links, 'metor')).toThrow(/no link "metor"; there are baseline, sonet/);
  });

  it.each([
    ['rate_mbps', { ...valid, rate_mbps: 0 }],
    ['rate_mbps', { ...valid, rate_mbps: 'fast' }],
    ['loss_pct', { ...valid, loss_pct: 101 }],
    ['jitter_ms', { ...valid, jitter_ms: 11 }],
    ['jitter_model', { ...valid, jitter_model: 'wild' }],
    ['name', { ...valid, name: 'Not A Name' }],
  ])('refuses a wrong %s and says which field it is', (field, value) => {
    expect(() => parseLink(value)).toThrow(field);
  });

  it('takes a link of the user', () => {
    expect(parseLink(valid)).toMatchObject({
      rateMbps: 100,
      jitterModel: 'wander',
      duplicatePct: 0,
      source: 'custom',
    });
  });
});
