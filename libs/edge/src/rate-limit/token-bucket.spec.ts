import { BUCKET_BYTES, TokenBucket } from './token-bucket.js';

/** 100 Mbit/s. */
const BYTES_PER_US = 12.5;
const START_US = 1_000_000;

function bucket(memory = new SharedArrayBuffer(BUCKET_BYTES)): TokenBucket {
  const made = new TokenBucket(memory);
  made.setRate(BYTES_PER_US * 8);
  return made;
}

/** Takes bursts whenever something is ready, looking every `everyUs`; gives the bytes of one second. */
function greedy(buckets: readonly TokenBucket[], everyUs: number): number {
  let bytes = 0;
  for (let now = START_US; now < START_US + 1_000_000; now += everyUs) {
    for (const each of buckets) {
      while (each.readyUs <= now) {
        each.take(each.burstBytes, now);
        bytes += each.burstBytes;
      }
    }
  }
  return bytes;
}

describe('a token bucket', () => {
  it.each([100, 5000, 20_000])(
    'gives its rate to who looks every %d us, and a burst or two more',
    (everyUs) => {
      const given = greedy([bucket()], everyUs);
      expect(given).toBeGreaterThanOrEqual(0.97 * BYTES_PER_US * 1_000_000);
      expect(given).toBeLessThanOrEqual(BYTES_PER_US * 1_000_000 + 2 * bucket().burstBytes);
    },
  );

  it('shares one rate among those that share its memory', () => {
    const memory = new SharedArrayBuffer(BUCKET_BYTES);
    const given = greedy([bucket(memory), bucket(memory), bucket(memory)], 1000);
    expect(given).toBeLessThanOrEqual(BYTES_PER_US * 1_000_000 + 2 * bucket().burstBytes);
  });

  it('makes up for what was taken beyond what there was, and forgets it at another rate', () => {
    const indebted = bucket();
    indebted.take(BYTES_PER_US * 500_000, START_US);
    expect(indebted.readyUs).toBeGreaterThan(START_US + 400_000);
    indebted.setRate(BYTES_PER_US * 8);
    expect(indebted.readyUs).toBeGreaterThan(START_US + 400_000);
    indebted.setRate(1000);
    expect(indebted.readyUs).toBeLessThan(START_US);
  });

  it('of a low rate lets through blocks that are worth compressing', () => {
    const slow = bucket();
    slow.setRate(0.1);
    expect(slow.burstBytes).toBe(16_384);
  });
});
