import { Pair } from '../simulator/pair.js';
import { linkNamed } from '../scenarios/links.js';

const SECOND_US = 1_000_000;
const ENDLESS = 100_000_000;

function transferring(
  scripts: readonly { class?: 'interactive' | 'bulk' | 'scavenger'; weight?: number }[],
): number[] {
  const pair = new Pair({ link: { ...linkNamed('mpls'), loss_pct: 0 }, crypto: 'null' }).connect();
  for (const script of scripts) pair.near.converse(pair.b, { up: ENDLESS, down: 0, ...script });
  pair.simulation.runFor(SECOND_US);
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
    const [interactive, bulk, scavenger] = shares(
      transferring([{ class: 'interactive' }, { class: 'bulk' }, { class: 'scavenger' }]),
    );
    expect(interactive / bulk).toBeCloseTo(4, 0);
    expect(bulk / scavenger).toBeCloseTo(4, 0);
  });

  it('so that a class gets what it has however many streams another has', () => {
    const bytes = transferring([{ class: 'interactive' }, ...new Array<object>(30).fill({})]);
    expect(shares(bytes)[0]).toBeGreaterThan(0.7);
  });
});
