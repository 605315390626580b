import { setTimeout as delay } from 'node:timers/promises';
import { nowMicroseconds } from './memory.js';
import { thrownBy, until } from './testing/support.js';
import { Timer } from './timer.js';

const timers: Timer[] = [];

function timer(onFire: () => void): Timer {
  const made = new Timer(onFire);
  timers.push(made);
  return made;
}

afterEach(() => {
  for (const made of timers.splice(0)) made.close();
});

test('fires once, and not before its time', async () => {
  for (const wait of [1, 150, 2_500]) {
    const firedAt: number[] = [];
    const due = nowMicroseconds() + wait;
    timer(() => firedAt.push(nowMicroseconds())).set(wait);
    await until(() => firedAt.length > 0, 'the timer');
    await delay(10);
    expect(firedAt).toHaveLength(1);
    expect(firedAt[0]).toBeGreaterThanOrEqual(due);
  }
});

test('what is due now or in the past fires, but not within set', async () => {
  for (const wait of [0, -5, -1e9]) {
    let fired = 0;
    timer(() => fired++).set(wait);
    expect(fired).toBe(0);
    await until(() => fired === 1, 'the timer');
  }
});

test('a later set replaces an earlier one', async () => {
  const firedAt: number[] = [];
  const one = timer(() => firedAt.push(nowMicroseconds()));
  const start = nowMicroseconds();
  one.set(1_000);
  one.set(20_000);
  await until(() => firedAt.length > 0, 'the timer');
  expect(firedAt[0] - start).toBeGreaterThanOrEqual(20_000);
  one.set(500);
  await until(() => firedAt.length === 2, 'the timer again');
});

test('cleared or closed, it does not fire', async () => {
  let fired = 0;
  const cleared = timer(() => fired++);
  const closed = timer(() => fired++);
  const late = timer(() => fired++);
  cleared.set(100);
  closed.set(100);
  late.set(100);
  cleared.clear();
  closed.close();
  closed.set(10);
  const start = nowMicroseconds();
  while (nowMicroseconds() - start < 500) continue; // expired in the kernel, not yet told
  late.clear();
  await delay(10);
  expect(fired).toBe(0);
});

test('it may close itself while it fires', async () => {
  let fired = 0;
  const one = timer(() => {
    fired++;
    one.close();
  });
  one.set(0);
  await until(() => fired === 1, 'the timer');
});

test('times that are none are RangeErrors', () => {
  const one = timer(() => undefined);
  expect(thrownBy(() => one.set(NaN))?.name).toBe('RangeError');
  expect(thrownBy(() => one.set(Infinity))?.name).toBe('RangeError');
  expect(thrownBy(() => one.set(1e16))?.name).toBe('RangeError');
  expect(thrownBy(() => one.set('soon' as unknown as number))?.name).toBe('RangeError');
  expect(thrownBy(() => new Timer(5 as unknown as () => void))?.name).toBe('TypeError');
});
