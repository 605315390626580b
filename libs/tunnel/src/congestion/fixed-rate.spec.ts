import { FixedRate } from './fixed-rate.js';
import { FluidRun, type FluidPath } from './testing.js';

const SECOND_US = 1_000_000;
const PATH: FluidPath = { capacity: 12.5, rttUs: 40_000, queueBytes: 500_000, loss: 0 };

describe('FixedRate', () => {
  it('sends at the committed rate from the first round trip on', () => {
    const fluid = new FluidRun(new FixedRate(10, 1472), PATH);
    fluid.run(100_000);
    expect(fluid.rateOver(SECOND_US)).toBeCloseTo(10, 1);
  });

  it('makes up for what the path loses', () => {
    const fluid = new FluidRun(new FixedRate(10, 1472), { ...PATH, loss: 0.1 });
    fluid.run(SECOND_US);
    expect(fluid.rateOver(SECOND_US)).toBeCloseTo(10, 1);
  });

  it('brakes while a queue stands, and never below a quarter', () => {
    const controller = new FixedRate(10, 1472);
    const fluid = new FluidRun(controller, { ...PATH, capacity: 6 });
    fluid.run(20 * SECOND_US);
    expect(controller.state).toBe('fixed-braked');
    expect(fluid.rateOver(2 * SECOND_US)).toBeGreaterThan(5);
    fluid.path = { ...PATH, capacity: 1 };
    fluid.run(60 * SECOND_US);
    expect(controller.pacingRate).toBeGreaterThanOrEqual(2.5);
  });
});
