import { decodeOpen, encodeOpen, OpenFormatError, type StreamOpen } from './open-payload.js';

const OPEN: StreamOpen = {
  flowId: '01234567-89ab-4cde-8f01-23456789abcd',
  source: { address: '10.0.0.1', port: 40_000 },
  destination: { address: '10.1.255.7', port: 443 },
  class: 'interactive',
  weight: 77,
  compression: 'strongest',
};

const IPV6_OPEN: StreamOpen = {
  ...OPEN,
  source: { address: 'fd00:0:0:1:2:3:4:5', port: 1 },
  destination: { address: 'fd00:0:0:ffff:0:0:0:1', port: 65_535 },
};

it.each([
  ['IPv4', OPEN],
  ['IPv6', IPV6_OPEN],
  ['both', { ...OPEN, destination: IPV6_OPEN.destination }],
])('an open says what it was given: %s', (_, open) => {
  expect(decodeOpen(encodeOpen(open))).toEqual(open);
});

it('fields of versions to come are skipped', () => {
  expect(decodeOpen(Buffer.concat([encodeOpen(OPEN), Buffer.from('more')]))).toEqual(OPEN);
});

it('what is cut short anywhere is refused', () => {
  const payload = encodeOpen(IPV6_OPEN);
  for (let length = 0; length < payload.length; length++) {
    expect(() => decodeOpen(payload.subarray(0, length))).toThrow(OpenFormatError);
  }
});

it.each([
  ['version', 0, 2],
  ['class', 2, 3],
  ['weight', 3, 0],
  ['weight', 3, 101],
  ['compression', 4, 3],
])('a %s out of range is refused', (_, at, value) => {
  const payload = encodeOpen(OPEN);
  payload[at] = value;
  expect(() => decodeOpen(payload)).toThrow(OpenFormatError);
});
