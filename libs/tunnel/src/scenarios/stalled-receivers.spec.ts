import { holdingsOf } from '../simulator/holdings.js';
import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
const MEGABYTE = 2 ** 20;

/** Opens streams that send `bytes` each until there is no memory for one more; gives their number. */
function openUntilFull(pair: Pair, bytes: number): number {
  for (let opened = 0; ; opened++) {
    try {
      pair.near.converse(pair.b, { up: bytes, down: 0 });
    } catch {
      return opened;
    }
  }
}

describe('a receiver that does not read', () => {
  it('stops its own stream alone', () => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 70 }).connect();
    pair.far.onAnswer = (answer) => {
      answer.stalled = answer.readTotal === 50_000_000;
    };
    const stalled = pair.near.converse(pair.b, { up: 50_000_000, down: 0 });
    pair.near.converse(pair.b, { up: 5_000_000, down: 0 });
    pair.near.converse(pair.b, { up: 0, down: 5_000_000 });
    pair.simulation.runFor(3 * SECOND_US);
    expect(pair.far.bytesRead + pair.near.bytesRead).toBe(10_000_000);
    expect(stalled.sent).toBeLessThan(4 * MEGABYTE);
  });

  it('goes on where it stopped', () => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 71 }).connect();
    let held = true;
    pair.far.onAnswer = (answer) => {
      answer.stalled = held;
    };
    pair.near.converse(pair.b, { up: 6_000_000, down: 0 });
    pair.simulation.runFor(10 * SECOND_US);
    held = false;
    pair.far.conversations[0].resume();
    expect(pair.finish()).toBe(true);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });

  it('is sent no more than it set as its read-ahead', () => {
    const pair = new Pair({ link: linkNamed('metro'), seed: 72 }).connect();
    pair.far.onAnswer = (answer) => {
      answer.stream.setReadAhead(300_000);
    };
    pair.near.converse(pair.b, { up: 20_000_000, down: 0 });
    pair.simulation.runFor(SECOND_US / 2);
    const [answer] = pair.far.conversations;
    answer.stalled = true;
    // Credit that was given before the bound was set may still be used up.
    pair.simulation.runFor(SECOND_US / 2);
    expect(answer.stream.readableBytes).toBeLessThanOrEqual(300_000);
    expect(answer.read).toBeGreaterThan(2_000_000);
  });

  it('cannot hold more than the memory budget, and all get through in the end', () => {
    const pair = new Pair({ link: linkNamed('ll-metro'), seed: 73, memoryBytes: 16 * MEGABYTE }).connect();
    pair.far.onAnswer = (answer) => {
      answer.stalled = true;
    };
    expect(openUntilFull(pair, 1_000_000)).toBeGreaterThan(15);
    pair.simulation.runFor(3 * SECOND_US);
    const { budget, receivePool } = pair.b.endpoint.shared;
    expect(budget.free).toBeGreaterThanOrEqual(0);
    expect(receivePool.available).toBeGreaterThanOrEqual(0);
    pair.far.onAnswer = () => undefined;
    for (const answer of pair.far.conversations) answer.resume();
    const { conversations } = pair.near;
    const { simulation } = pair;
    const over = (): boolean => conversations.every(({ closed }) => closed);
    expect(simulation.runUntil(over, simulation.time.nowUs + 30 * SECOND_US)).toBe(true);
    expect(conversations.filter(({ complete }) => complete).length).toBeGreaterThan(15);
    expect(conversations.every(({ complete, resetCode }) => complete || resetCode === 2)).toBe(true);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });

  it('of which there are too many for the memory of the far side has its new streams refused, the others live', () => {
    const pair = new Pair({ link: linkNamed('ll-metro'), seed: 74 });
    pair.restartB(8 * MEGABYTE);
    pair.connect();
    pair.far.onAnswer = (answer) => {
      answer.stalled = true;
    };
    for (let i = 0; i < 60; i++) pair.near.converse(pair.b, { up: 100_000, down: 1000 });
    pair.simulation.runFor(3 * SECOND_US);
    const refused = pair.near.conversations.filter(({ resetCode }) => resetCode === 2);
    expect(refused.length).toBeGreaterThan(10);
    expect(refused.every(({ closed }) => closed)).toBe(true);
    expect(pair.far.conversations).toHaveLength(60 - refused.length);
    for (const answer of pair.far.conversations) answer.resume();
    pair.simulation.runFor(3 * SECOND_US);
    expect(pair.far.bytesRead).toBe(pair.far.conversations.length * 100_000);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });
});

describe('a writer that finds the send pool empty', () => {
  it('is woken when others have gone, though nothing of its own is under way', () => {
    const link = { ...linkNamed('satellite'), loss_pct: 0 };
    const pair = new Pair({ link, seed: 75, memoryBytes: 6 * MEGABYTE, crypto: 'null' }).connect();
    for (let i = 0; i < 13; i++) pair.near.converse(pair.b, { up: 1_300_000, down: 0 });
    const { sendPool } = pair.a.endpoint.shared;
    const { simulation } = pair;
    expect(simulation.runUntil(() => sendPool.available === 0, simulation.time.nowUs + 30 * SECOND_US)).toBe(
      true,
    );
    expect(pair.finish()).toBe(true);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });
});
