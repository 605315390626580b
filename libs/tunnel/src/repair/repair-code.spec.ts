import { SeededRandom } from '../simulator/random.js';
import { MAX_REPAIRS, MAX_SOURCES } from './repair-code.js';
import { PathLoss } from './path-loss.js';
import { RepairDecision } from './repair-decision.js';
import { RepairReceiver } from './repair-receiver.js';
import { RepairSender } from './repair-sender.js';

const random = new SeededRandom(1);

/** A block of packets with numbers from `first` on, and its repair symbols at 3 % loss of 1 ms to spare. */
function block(
  first: number,
  sources: number,
): { frames: Uint8Array[]; mask: number; repairs: Uint8Array[] } {
  const sender = new RepairSender();
  sender.decision.update(1_000_000, 0.05, 100_000, 100, 1472);
  const frames = Array.from({ length: sources }, (_, i) => {
    const bytes = random.bytes(random.between(1, 1400));
    sender.add(first + i, bytes.length, 0).set(bytes);
    return bytes;
  });
  const { mask } = sender;
  const repairs: Uint8Array[] = [];
  for (;;) {
    const target = new Uint8Array(2048);
    const length = sender.next(target, 0);
    if (length === 0) return { frames, mask, repairs };
    repairs.push(target.subarray(0, length));
  }
}

describe('the repair code', () => {
  it('rebuilds any packets of a block by as many of its repair symbols', () => {
    for (let sources = 1; sources <= MAX_SOURCES; sources++) {
      const { frames, mask, repairs } = block(1000, sources);
      expect(repairs.length).toBeGreaterThan(0);
      expect(repairs.length).toBeLessThanOrEqual(MAX_REPAIRS);
      for (let run = 0; run < 20; run++) {
        const lost = new Set<number>();
        while (lost.size < Math.min(sources, repairs.length)) lost.add(random.between(0, sources - 1));
        const receiver = new RepairReceiver();
        receiver.keep(1, new Uint8Array(1), 0, 1);
        frames.forEach((bytes, i) => {
          if (!lost.has(i)) receiver.keep(1000 + i, bytes, 0, bytes.length);
        });
        const rebuilt = repairs.flatMap((bytes, index) => receiver.onRepair(1000, mask, index, bytes));
        expect(rebuilt.map(({ number }) => number - 1000).sort((a, b) => a - b)).toEqual(
          [...lost].sort((a, b) => a - b),
        );
        for (const { number, frames: bytes } of rebuilt) expect(bytes).toEqual(frames[number - 1000]);
      }
    }
  });

  it('waits for a late packet where repair symbols alone do not suffice', () => {
    const { frames, mask, repairs } = block(50, 3);
    const receiver = new RepairReceiver();
    receiver.keep(50, frames[0], 0, frames[0].length);
    expect(receiver.onRepair(50, mask, 0, repairs[0])).toEqual([]);
    receiver.keep(52, frames[2], 0, frames[2].length);
    expect(receiver.onKept()).toEqual([{ number: 51, frames: frames[1] }]);
    expect(receiver.waits).toBe(false);
  });

  it('holds no more than it says, whatever a peer sends', () => {
    const receiver = new RepairReceiver();
    receiver.keep(1, new Uint8Array(1), 0, 1);
    for (let i = 0; i < 1000; i++) receiver.onRepair(i * 40, 3, i % MAX_REPAIRS, random.bytes(100));
    expect(receiver.packetsRecovered).toBe(0);
    expect(Reflect.get(receiver, 'waiting')).toHaveLength(2 * MAX_REPAIRS);
  });
});

describe('what the path loses', () => {
  it('is not known before there is something to go by', () => {
    const loss = new PathLoss();
    loss.observe(10_000, 5000, 0, 10_000);
    expect(loss.share).toBe(0);
    loss.observe(95_000, 1000, 0, 10_000);
    expect(loss.share).toBeCloseTo(0.054, 3);
  });

  it('is neither what a full queue drops nor what comes late', () => {
    const loss = new PathLoss();
    for (let i = 0; i < 10; i++) loss.observe(50_000, 50_000, 20_000, 10_000);
    expect(loss.share).toBe(0);
    for (let i = 0; i < 10; i++) loss.observe(99_000, 1000, 0, 10_000);
    for (let i = 0; i < 10; i++) loss.takeBack(1000);
    expect(loss.share).toBe(0);
  });
});

describe('repair', () => {
  const on = (loss: number, probeTimeoutMs: number, rateMbps: number): boolean => {
    const decision = new RepairDecision();
    decision.update(0, loss, probeTimeoutMs * 1000, rateMbps / 8, 1472);
    return decision.on;
  };

  it('pays where a probe timeout, times the loss, is longer than a packet takes to leave', () => {
    expect(on(0, 600, 1000)).toBe(false);
    expect(on(0.001, 30, 1000)).toBe(false);
    expect(on(0.01, 35, 1000)).toBe(true);
    expect(on(0.01, 200, 200)).toBe(true);
    // A packet takes 12 ms to leave: half of all packets would have to be lost.
    expect(on(0.03, 60, 1)).toBe(false);
  });

  it('takes at most an eighth of the rate', () => {
    const decision = new RepairDecision();
    let bytes = 0;
    for (let nowUs = 0; nowUs < 10_000_000; nowUs += 1000) {
      decision.update(nowUs, 0.05, 100_000, 10, 1472);
      for (let i = decision.symbolsFor(4, 1000); i > 0; i--) {
        decision.spend(1000);
        bytes += 1000;
      }
    }
    expect(bytes / 1e8).toBeLessThan(0.126);
    expect(bytes / 1e8).toBeGreaterThan(0.12);
  });
});
