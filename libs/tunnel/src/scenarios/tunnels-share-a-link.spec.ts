import { Application } from '../simulator/application.js';
import { linkOptions, Simulation } from '../simulator/simulation.js';
import type { Profile } from '../congestion/controller.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;

/** Bytes that two tunnels through one bottleneck deliver, between 10 and 30 s. */
function delivered(profile: Profile, secondStartsAfterUs: number): number[] {
  const simulation = new Simulation(9, { crypto: 'null' });
  const options = linkOptions({ ...linkNamed('metro'), rate_mbps: 50, loss_pct: 0 }, { queueBytes: 150_000 });
  const senders = [1, 2].map((i) => {
    const near = new Application();
    const far = new Application();
    const a = simulation.addHost(`a${i}`, `192.0.2.${i}`, near.events);
    const b = simulation.addHost(`b${i}`, `198.51.100.${i}`, far.events);
    near.attach(a);
    far.attach(b);
    simulation.connect(a, b, options);
    simulation.peer(a, b, { profile });
    simulation.peer(b, a, { profile }, false);
    return { near, far, a, b };
  });
  simulation.shareBottleneck([
    ['a1', 'b1'],
    ['a2', 'b2'],
  ]);
  simulation.runFor(SECOND_US);
  const [first, second] = senders;
  first.near.converse(first.b, { up: 2 ** 31, down: 0 });
  simulation.runFor(secondStartsAfterUs);
  second.near.converse(second.b, { up: 2 ** 31, down: 0 });
  simulation.runFor(10 * SECOND_US);
  const before = senders.map(({ far }) => far.bytesRead);
  simulation.runFor(20 * SECOND_US);
  return senders.map(({ far }, i) => far.bytesRead - before[i]);
}

describe('two tunnels over one link share it 45:55 or closer', () => {
  it.each([
    { profile: 'fair' as const, afterUs: 0 },
    { profile: 'fair' as const, afterUs: 2_300_000 },
    { profile: 'lossy' as const, afterUs: 0 },
    { profile: 'lossy' as const, afterUs: 2_300_000 },
  ])('with profile $profile, the second begun $afterUs us later', ({ profile, afterUs }) => {
    const [first, second] = delivered(profile, afterUs);
    const share = first / (first + second);
    expect(share).toBeGreaterThan(0.45);
    expect(share).toBeLessThan(0.55);
    expect(((first + second) * 8) / 20 / 1e6).toBeGreaterThan(46);
  });
});
