import type { Profile } from '../congestion/controller.js';
import { SharedLink } from '../simulator/shared-link.js';
import { linkOptions } from '../simulator/simulation.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;

/** Mbit/s of two tunnels through one bottleneck, between 10 and 30 s after the second began. */
function rates(profile: Profile, secondStartsAfterUs: number): number[] {
  const link = linkOptions({ ...linkNamed('metro'), rate_mbps: 50, loss_pct: 0 }, { queueBytes: 150_000 });
  const shared = new SharedLink({ seed: 9, link, peers: [{ profile }, { profile }] });
  shared.start(0);
  shared.simulation.runFor(secondStartsAfterUs);
  shared.start(1);
  shared.simulation.runFor(10 * SECOND_US);
  return shared.ratesOver(20 * SECOND_US);
}

describe('two tunnels over one link share it 45:55 or closer', () => {
  it.each([
    { profile: 'fair' as const, afterUs: 0 },
    { profile: 'fair' as const, afterUs: 2_300_000 },
    { profile: 'lossy' as const, afterUs: 0 },
    { profile: 'lossy' as const, afterUs: 2_300_000 },
  ])('with profile $profile, the second begun $afterUs us later', ({ profile, afterUs }) => {
    const [first, second] = rates(profile, afterUs);
    const share = first / (first + second);
    expect(share).toBeGreaterThan(0.45);
    expect(share).toBeLessThan(0.55);
    expect(first + second).toBeGreaterThan(46);
  });
});
