import { FluidRun, type FluidPath } from '../testing.js';
import { Bbr, FAIR_TUNING, LOSSY_TUNING, type BbrTuning } from './bbr.js';

const SECOND_US = 1_000_000;
/** 100 Mbit/s and 40 ms: 500 kB in the pipe, and as much in the queue. */
const PATH: FluidPath = { capacity: 12.5, rttUs: 40_000, queueBytes: 500_000, loss: 0 };

function run(tuning: BbrTuning, path: Partial<FluidPath> = {}): { bbr: Bbr; fluid: FluidRun } {
  const bbr = new Bbr(tuning, 1472, () => 0.5);
  return { bbr, fluid: new FluidRun(bbr, { ...PATH, ...path }) };
}

/** States that are passed through within `durationUs`, in order. */
function statesOf(bbr: Bbr, fluid: FluidRun, durationUs: number): string[] {
  const states: string[] = [];
  for (const untilUs = fluid.nowUs + durationUs; fluid.nowUs < untilUs; fluid.run(500))
    if (states.at(-1) !== bbr.state) states.push(bbr.state);
  return states;
}

describe.each([
  { name: 'fair', tuning: FAIR_TUNING },
  { name: 'lossy', tuning: LOSSY_TUNING },
])('BBR, profile $name', ({ tuning }) => {
  it('doubles each round trip until the pipe is full, drains what it has queued, then holds the rate', () => {
    const { bbr, fluid } = run(tuning);
    expect(statesOf(bbr, fluid, 1.5 * SECOND_US).slice(0, 4)).toEqual([
      'startup',
      'drain',
      'probe-bw-down',
      'probe-bw-cruise',
    ]);
    expect(bbr.bandwidth / PATH.capacity).toBeCloseTo(1, 1);
    expect(fluid.rateOver(SECOND_US) / PATH.capacity).toBeGreaterThan(0.95);
  });

  it('begins alike in the middle of a transport, after a change of path or profile', () => {
    const first = run(tuning).fluid;
    const later = run(tuning).fluid;
    later.delivered = 1e9;
    for (let round = 0; round < 10; round++) {
      const windows = [first, later].map((fluid) => fluid.run(PATH.rttUs).controller.congestionWindow);
      expect(windows[1]).toBeCloseTo(windows[0], 3);
    }
  });

  it('looks for more by refill and up, every few seconds', () => {
    const { bbr, fluid } = run(tuning);
    fluid.run(2 * SECOND_US);
    const states = statesOf(bbr, fluid, 8 * SECOND_US).join(' ');
    expect(states).toContain('probe-bw-cruise probe-bw-refill probe-bw-up probe-bw-down');
  });

  it('finds capacity that is added, and gives back what is taken away', () => {
    const { fluid } = run(tuning);
    fluid.run(5 * SECOND_US);
    fluid.path = { ...PATH, capacity: 25 };
    fluid.run(30 * SECOND_US);
    expect(fluid.rateOver(SECOND_US) / 25).toBeGreaterThan(0.9);
    fluid.path = { ...PATH, capacity: 5 };
    fluid.run(15 * SECOND_US);
    expect(fluid.rateOver(SECOND_US) / 5).toBeGreaterThan(0.9);
    expect(fluid.queued).toBeLessThan(PATH.queueBytes / 2);
  });

  it('loses no rate to 1 % of random loss', () => {
    const { fluid } = run(tuning, { loss: 0.01 });
    fluid.run(3 * SECOND_US);
    expect(fluid.rateOver(5 * SECOND_US) / PATH.capacity).toBeGreaterThan(0.93);
  });

  it('empties the pipe for a moment when the least round trip was not seen for long', () => {
    const { bbr, fluid } = run({ ...tuning, delayBrake: false });
    fluid.run(2 * SECOND_US);
    fluid.path = { ...PATH, rttUs: 55_000 };
    expect(statesOf(bbr, fluid, 12 * SECOND_US)).toContain('probe-rtt');
  });
});

describe('BBR, profile lossy', () => {
  it('loses no rate to 10 % of random loss, where fair gives way', () => {
    const lossy = run(LOSSY_TUNING, { loss: 0.1 }).fluid.run(10 * SECOND_US);
    const fair = run(FAIR_TUNING, { loss: 0.1 }).fluid.run(10 * SECOND_US);
    expect(lossy.rateOver(5 * SECOND_US) / PATH.capacity).toBeGreaterThan(0.85);
    expect(fair.rateOver(5 * SECOND_US) / PATH.capacity).toBeLessThan(0.5);
  });

  it('keeps a shorter queue than fair', () => {
    const mean = ({ fluid }: { fluid: FluidRun }): number => {
      fluid.run(3 * SECOND_US);
      let sum = 0;
      for (let i = 0; i < 1000; i++) sum += fluid.run(5000).queued;
      return sum / 1000;
    };
    const lossy = mean(run(LOSSY_TUNING));
    expect(lossy).toBeLessThan(0.1 * PATH.queueBytes);
    expect(lossy).toBeLessThan(mean(run(FAIR_TUNING)));
  });

  it('loses next to nothing at startup to a queue of one bandwidth-delay product', () => {
    const { bbr, fluid } = run(LOSSY_TUNING);
    while (bbr.state === 'startup') fluid.run(500);
    fluid.run(SECOND_US);
    expect(fluid.lost).toBeLessThan(0.1 * PATH.queueBytes);
  });

  it('begins with no more than 10 Mbit/s', () => {
    const { bbr, fluid } = run(LOSSY_TUNING);
    fluid.run(45_000);
    expect(bbr.congestionWindow).toBeLessThanOrEqual(2 * 1.25 * 40_000);
  });
});
