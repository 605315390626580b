import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

function traceOf(seed: number): number {
  const pair = new Pair({
    link: linkNamed('bad'),
    seed,
    faults: { duplication: 0.02, corruption: 0.02 },
  }).connect();
  for (let i = 0; i < 5; i++) pair.near.converse(pair.b, { up: 100_000 * i, down: 50_000 });
  pair.finish();
  return pair.simulation.trace.value;
}

describe('a simulation', () => {
  it('replays to the last bit of its last datagram from its seed', () => {
    expect(traceOf(80)).toBe(traceOf(80));
  });

  it('is another with another seed', () => {
    expect(traceOf(80)).not.toBe(traceOf(81));
  });
});
