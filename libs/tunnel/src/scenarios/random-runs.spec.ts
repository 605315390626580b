import { RandomRun } from '../simulator/random-run.js';

const SEEDS = Array.from({ length: 24 }, (_, i) => 1000 + i);

describe('whatever a seed does to two sites', () => {
  it.each(SEEDS)(
    'seed %d: no byte is lost or comes twice, nothing is held at the end, no timer runs wild',
    (seed) => {
      expect(new RandomRun(seed).play(40).problems).toEqual([]);
    },
  );
});
