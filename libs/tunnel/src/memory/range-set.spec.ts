import { SeededRandom } from '../simulator/random.js';
import { RangeSet } from './range-set.js';

const UNIVERSE = 200;

/** What is in the set, number by number. */
function numbersIn(set: RangeSet): number[] {
  const numbers: number[] = [];
  for (let i = 0; i < set.size; i++) for (let n = set.start(i); n < set.end(i); n++) numbers.push(n);
  return numbers;
}

function expectDisjointAndOrdered(set: RangeSet): void {
  for (let i = 0; i < set.size; i++) {
    expect(set.start(i)).toBeLessThan(set.end(i));
    if (i > 0) expect(set.start(i)).toBeGreaterThan(set.end(i - 1));
  }
}

describe('RangeSet', () => {
  it('holds what a plain set of numbers holds, whatever is done to it', () => {
    const random = new SeededRandom(1);
    for (let run = 0; run < 200; run++) {
      const set = new RangeSet();
      const model = new Set<number>();
      for (let step = 0; step < 40; step++) {
        const start = random.between(0, UNIVERSE);
        const end = start + random.between(0, 30);
        const dice = random.unit();
        if (dice < 0.6) {
          set.add(start, end);
          for (let n = start; n < end; n++) model.add(n);
        } else if (dice < 0.9) {
          set.remove(start, end);
          for (let n = start; n < end; n++) model.delete(n);
        } else {
          set.removeBelow(start);
          for (const n of model) if (n < start) model.delete(n);
        }
      }
      expectDisjointAndOrdered(set);
      expect(numbersIn(set)).toEqual([...model].sort((a, b) => a - b));
      expect(set.total).toBe(model.size);
    }
  });

  it('joins ranges that touch', () => {
    const set = new RangeSet();
    set.add(0, 10);
    set.add(20, 30);
    set.add(10, 20);
    expect([set.size, set.start(0), set.end(0)]).toEqual([1, 0, 30]);
  });

  it('knows what it covers', () => {
    const set = new RangeSet();
    set.add(10, 20);
    set.add(30, 40);
    expect([set.covers(10, 20), set.covers(12, 13), set.covers(15, 31), set.covers(9, 11)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('keeps the highest ranges when it must not grow', () => {
    const set = new RangeSet();
    for (let i = 0; i < 10; i++) set.add(10 * i, 10 * i + 1);
    set.keepHighest(3);
    expect(numbersIn(set)).toEqual([70, 80, 90]);
  });
});
