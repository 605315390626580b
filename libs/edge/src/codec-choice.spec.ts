import { codecForLink } from './codec-choice.js';

const STATISTICS = {
  rawBytes: 0,
  encodedBytes: 0,
  blocks: { raw: 0, lz4: 0, zstd: 0 },
  compressionNs: 0,
};

/** Bytes per second of so many Mbit/s. */
const mbps = (rate: number): number => (rate * 1e6) / 8;

it.each([
  ['the link takes what comes', 0, mbps(100), 'lz4'],
  ['a slow link has a queue', 1_000_000, mbps(100), 'zstd'],
  ['a fast link has a queue', 1_000_000, mbps(1000), 'lz4'],
  ['nothing is known of the link', 1_000_000, 0, 'lz4'],
])('when %s, the codec follows', (_, backlog, rate, expected) => {
  const choose = codecForLink(
    () => backlog,
    () => rate,
  );
  expect(choose(STATISTICS).codec).toBe(expected);
});
