import { intersectPrefixes, outermost, Prefix } from './prefix.js';

const parse = (...texts: string[]): Prefix[] => texts.map((text) => Prefix.parse(text));
const texts = (prefixes: readonly Prefix[]): string[] => prefixes.map(String);

test.each([
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['192.0.2.1/32', '192.0.2.1/32'],
  ['::/0', '::/0'],
  ['2001:DB8:0:0::/64', '2001:db8::/64'],
  ['2001:db8:0:0:1:0:0:0/80', '2001:db8:0:0:1::/80'],
  ['fd00:0:0:1:0:0:0:1/128', 'fd00:0:0:1::1/128'],
  ['::ffff:10.0.0.1/128', '::ffff:a00:1/128'],
  ['1:2:3:4:5:6:7:8/128', '1:2:3:4:5:6:7:8/128'],
])('%s is written %s', (text, canonical) => {
  expect(String(Prefix.parse(text))).toBe(canonical);
});

test.each([
  '',
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0/8',
  '256.0.0.0/8',
  '::/129',
  'example.com/24',
  '10.0.0.0/8/8',
])('"%s" is refused', (text) => {
  expect(() => Prefix.parse(text)).toThrow('is not an address block');
});

test('host bits are refused with what to write', () => {
  expect(() => Prefix.parse('10.1.2.3/16')).toThrow('write 10.1.0.0/16');
  expect(() => Prefix.parse('2001:db8::1/32')).toThrow('write 2001:db8::/32');
});

test('the intersection takes the smaller of nested blocks and nothing of disjoint ones', () => {
  expect(
    texts(intersectPrefixes(parse('10.0.0.0/8', 'fd00::/8'), parse('10.1.0.0/16', '192.0.2.0/24'))),
  ).toEqual(['10.1.0.0/16']);
  expect(intersectPrefixes(parse('10.0.0.0/9'), parse('10.128.0.0/9'))).toEqual([]);
  expect(intersectPrefixes(parse('0.0.0.0/0'), parse('::/0'))).toEqual([]);
});

test('covered and repeated blocks are left out', () => {
  expect(texts(outermost(parse('10.1.0.0/16', '10.0.0.0/8', '10.0.0.0/8', '192.0.2.0/24')))).toEqual([
    '10.0.0.0/8',
    '192.0.2.0/24',
  ]);
});
