import { numberWithin, parseList, parseTransports, resolveLinks } from './options.js';

describe('options of the lab', () => {
  it('take lists with spaces and repeats', () => {
    expect(parseList('metro, mpls,metro')).toEqual(['metro', 'mpls']);
    expect(resolveLinks(['mpls'], undefined)[0]).toMatchObject({ name: 'mpls', rateMbps: 100 });
  });

  it('say what there is when something is unknown', () => {
    expect(() => parseTransports('cubic,reno')).toThrow(
      /no transport "reno"; there are cubic, bbr, longhaul, kcptun/,
    );
    expect(() => resolveLinks(['mars'], undefined)).toThrow(/no link "mars"; there are/);
    expect(() => parseList(' , ')).toThrow(/at least one/);
  });

  it.each(['', 'ten', '0', '3601', 'NaN'])('refuse %p as a length', (text) => {
    expect(() => numberWithin(0.5, 3600)(text)).toThrow(/number from 0.5 to 3600/);
  });
});
