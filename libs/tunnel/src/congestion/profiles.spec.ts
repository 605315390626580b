import { SharedLink } from '../simulator/shared-link.js';
import { linkOptions } from '../simulator/simulation.js';
import { Bbr, FAIR_TUNING, LOSSY_TUNING } from './bbr/bbr.js';
import type { CongestionController, Profile } from './controller.js';
import { FixedRate } from './fixed-rate.js';
import { FluidRun, type FluidPath } from './testing.js';

/** 100 Mbit/s and 40 ms: 500 kB in the pipe, and as much in the queue. */
const PATH: FluidPath = { capacity: 12.5, rttUs: 40_000, queueBytes: 500_000, loss: 0 };
const PIPE_BYTES = PATH.capacity * PATH.rttUs;
const SECOND_US = 1_000_000;

const PROFILES: readonly { readonly name: Profile; make(): CongestionController }[] = [
  { name: 'fair', make: () => new Bbr(FAIR_TUNING, 1472, () => 0.5) },
  { name: 'lossy', make: () => new Bbr(LOSSY_TUNING, 1472, () => 0.5) },
  { name: 'fixed', make: () => new FixedRate(PATH.capacity, 1472) },
];

/** One line for each round trip: milliseconds, state, Mbit/s delivered, and window and queue in bandwidth-delay products. */
function series(fluid: FluidRun, rounds: number): string {
  const lines: string[] = [];
  for (let i = 0; i < rounds; i++) {
    const rate = fluid.rateOver(PATH.rttUs) * 8;
    const { state, congestionWindow } = fluid.controller;
    const pipes = (bytes: number): string => (bytes / PIPE_BYTES).toFixed(2);
    lines.push(
      [
        (fluid.nowUs / 1000).toFixed(0).padStart(6),
        state.padEnd(16),
        rate.toFixed(0).padStart(4),
        pipes(congestionWindow).padStart(6),
        pipes(fluid.queued).padStart(6),
      ].join(' '),
    );
  }
  return lines.join('\n');
}

/** The same, but only those lines in which the state is another than in the one before. */
function changes(fluid: FluidRun, rounds: number): string {
  let before = '';
  return series(fluid, rounds)
    .split('\n')
    .filter((line) => {
      const state = line.trim().split(/ +/)[1];
      const changed = state !== before;
      before = state;
      return changed;
    })
    .join('\n');
}

/** Percent of the link that each of two tunnels gets, second for second; the second begins 3 s after the first. */
function sharing(profile: Profile, seconds: number): string {
  const peer = { profile, rateMbps: profile === 'fixed' ? 10 : undefined };
  const link = linkOptions({ rate_mbps: 20, rtt_ms: 20, loss_pct: 0, jitter_ms: 0 });
  const shared = new SharedLink({ seed: 9, link, peers: [peer, peer] });
  const lines: string[] = [];
  for (let second = 1; second <= seconds; second++) {
    if (second === 1) shared.start(0);
    if (second === 4) shared.start(1);
    const percent = shared.ratesOver(SECOND_US).map((rate) => String(Math.round(rate * 5)).padStart(4));
    lines.push(`${String(second).padStart(3)} s ${percent.join('')}`);
  }
  return lines.join('\n');
}

describe.each(PROFILES)('profile $name', ({ name, make }) => {
  it('startup, drain and the first probes', () => {
    expect(series(new FluidRun(make(), PATH), 50)).toMatchSnapshot();
  });

  it('cruise and probes for bandwidth over half a minute', () => {
    expect(changes(new FluidRun(make(), PATH), 750)).toMatchSnapshot();
  });

  it('a path that has become longer: the least round trip is looked for anew', () => {
    const fluid = new FluidRun(make(), PATH).run(2 * SECOND_US);
    fluid.path = { ...PATH, rttUs: 60_000 };
    expect(changes(fluid, 400)).toMatchSnapshot();
  });

  it('5 % of loss that begins and ends', () => {
    const fluid = new FluidRun(make(), PATH).run(2 * SECOND_US);
    fluid.path = { ...PATH, loss: 0.05 };
    const during = series(fluid, 25);
    fluid.path = PATH;
    expect(`${during}\n   the loss has ended\n${series(fluid, 25)}`).toMatchSnapshot();
  });

  it('a path of which half is taken away', () => {
    const fluid = new FluidRun(make(), PATH).run(2 * SECOND_US);
    fluid.path = { ...PATH, capacity: PATH.capacity / 2 };
    expect(series(fluid, 60)).toMatchSnapshot();
  });

  it('two tunnels that share a link', () => {
    expect(sharing(name, 20)).toMatchSnapshot();
  });
});
