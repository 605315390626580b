import { SoakRun } from '../simulator/soak-run.js';

/** A share of what `npm run soak:tunnel` runs: each some 30,000 packets. */
const SEEDS = Array.from({ length: 10 }, (_, i) => 9000 + i);
const PACKETS = 20_000;

describe('a busy link under all that can happen to one', () => {
  it.each(SEEDS)(
    'seed %d: bytes exact, no nonce twice, never more in flight or held than allowed, no false acknowledgement',
    (seed) => {
      const run = new SoakRun(seed).soak(PACKETS);
      expect(run.problems).toEqual([]);
      expect(run.packets).toBeGreaterThan(PACKETS);
    },
  );
});
