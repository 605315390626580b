import { Pair } from '../simulator/pair.js';
import { linkNamed } from '../scenarios/links.js';
import type { PeerOptions } from '../tunnel/tunnel.js';

const SECOND_US = 1_000_000;
const ENDLESS = 100_000_000;

const CLASSES = [{ class: 'interactive' }, { class: 'bulk' }, { class: 'scavenger' }] as const;

/** What each of some endless transfers has carried in two seconds that begin after one; `change` comes before. */
function transferring(
  scripts: readonly { class?: 'interactive' | 'bulk' | 'scavenger'; weight?: number }[],
  change: (pair: Pair) => void = () => undefined,
  peer: Partial<PeerOptions> = {},
): number[] {
  const pair = new Pair({ link: { ...linkNamed('mpls'), loss_pct: 0 }, crypto: 'null', peer }).connect();
  for (const script of scripts) pair.near.converse(pair.b, { up: ENDLESS, down: 0, ...script });
  pair.simulation.runFor(SECOND_US);
  change(pair);
  const before = pair.far.conversations.map(({ read }) => read);
  pair.simulation.runFor(2 * SECOND_US);
  return pair.far.conversations.map(({ read }, i) => read - before[i]);
}

function shares(bytes: readonly number[]): number[] {
  const total = bytes.reduce((sum, value) => sum + value, 0);
  return bytes.map((value) => value / total);
}

describe('streams share the tunnel', () => {
  it('evenly within a class', () => {
    for (const share of shares(transferring([{}, {}, {}, {}]))) expect(share).toBeCloseTo(0.25, 1);
  });

  it('by weight', () => {
    const [light, heavy] = shares(transferring([{ weight: 1 }, { weight: 4 }]));
    expect(heavy / light).toBeGreaterThan(3.2);
    expect(heavy / light).toBeLessThan(4.8);
  });

  it('by class: 16, 4 and 1', () => {
    const [interactive, bulk, scavenger] = shares(transferring(CLASSES));
    expect(interactive / bulk).toBeCloseTo(4, 0);
    expect(bulk / scavenger).toBeCloseTo(4, 0);
  });

  it('by class as policy weighs them, from the first stream on', () => {
    const classWeights = { interactive: 2, bulk: 6, scavenger: 2 };
    const [interactive, bulk, scavenger] = shares(transferring(CLASSES, undefined, { classWeights }));
    expect(bulk / interactive).toBeCloseTo(3, 0);
    expect(interactive / scavenger).toBeCloseTo(1, 0);
  });

  it('by other weights as soon as policy changes them on a running tunnel, and as before when it takes them back', () => {
    let pair: Pair | undefined;
    const weigh = (classWeights?: PeerOptions['classWeights']) => (running: Pair) => {
      pair = running;
      running.simulation.peer(running.a, running.b, { classWeights });
    };
    const turned = transferring(CLASSES, weigh({ interactive: 1, bulk: 1, scavenger: 8 }));
    const [interactive, bulk, scavenger] = shares(turned);
    expect(scavenger / bulk).toBeGreaterThan(5);
    expect(interactive / bulk).toBeCloseTo(1, 0);
    expect([pair?.near.downs, pair?.far.downs]).toEqual([[], []]);
    const [first, second] = shares(transferring(CLASSES, weigh(undefined)));
    expect(first / second).toBeCloseTo(4, 0);
  });

  it('so that a class gets what it has however many streams another has', () => {
    const bytes = transferring([{ class: 'interactive' }, ...new Array<object>(30).fill({})]);
    expect(shares(bytes)[0]).toBeGreaterThan(0.7);
  });
});
