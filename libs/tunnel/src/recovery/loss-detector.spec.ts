import type { AckSample, CongestionController } from '../congestion/controller.js';
import { RangeSet } from '../memory/range-set.js';
import { AckFrame, writeAck } from '../wire/frame.js';
import { Reader } from '../wire/varint.js';
import { LossDetector } from './loss-detector.js';
import { RttEstimator } from './rtt-estimator.js';
import { SentPackets } from './sent-packets.js';

const RTT_US = 100_000;
const SIZE = 1000;

/** A sender whose packets' fates are noted. */
class Sender {
  readonly sent = new SentPackets();
  readonly rtt = new RttEstimator();
  readonly acknowledged: number[] = [];
  readonly lost: number[] = [];
  readonly resent: number[] = [];
  /** Packets that are probes of the path's MTU. */
  readonly probes = new Set<number>();
  readonly samples: AckSample[] = [];
  nowUs = 0;
  /** What the peer says that it has received. */
  peerCount = 0;
  readonly loss: LossDetector;

  constructor() {
    const congestion: CongestionController = {
      congestionWindow: Infinity,
      pacingRate: Infinity,
      bandwidth: 0,
      observed: undefined,
      state: 'test',
      onAck: (sample) => this.samples.push({ ...sample }),
      onRestartFromIdle: () => undefined,
      onWindowLimited: () => undefined,
      onLateSending: () => undefined,
    };
    this.loss = new LossDetector(
      this.sent,
      this.rtt,
      {
        onPacketAcknowledged: (number) => this.acknowledged.push(number),
        onPacketLost: (number) => this.lost.push(number),
        resend: (number) => this.resent.push(number),
        probedPath: (number) => this.probes.has(number),
        onPacketRecovered: () => undefined,
      },
      congestion,
    );
  }

  send(count: number, gapUs = 0): void {
    for (let i = 0; i < count; i++) {
      this.nowUs += gapUs;
      const number = this.sent.add(this.nowUs, SIZE, -1, 0, 0, false, false);
      this.loss.rate.bytesSent += SIZE;
      this.loss.onSent(number, this.nowUs);
    }
  }

  /** An acknowledgement of `ranges`, `[first, last]` each, arrives now. False: the peer broke the protocol. */
  ack(...ranges: readonly [number, number][]): boolean {
    const set = new RangeSet();
    for (const [first, last] of ranges) set.add(first, last + 1);
    const bytes = new Uint8Array(2000);
    const end = writeAck(bytes, 0, bytes.length, set, 0, this.peerCount);
    const frame = new AckFrame();
    expect(frame.read(new Reader(bytes, 1, end), this.sent.next)).toBe(true);
    return this.loss.onAck(frame, this.nowUs, this.nowUs);
  }
}

/** Ten packets, a microsecond apart, and a round trip later the first is acknowledged. */
function startedSender(): Sender {
  const sender = new Sender();
  sender.send(10, 1);
  sender.nowUs = RTT_US;
  sender.ack([0, 0]);
  return sender;
}

describe('LossDetector (RFC 9002)', () => {
  it('gives up a packet when one three numbers higher has arrived, and none before', () => {
    const sender = startedSender();
    sender.ack([0, 0], [3, 3]);
    expect(sender.lost).toEqual([]);
    sender.ack([0, 0], [3, 4]);
    expect(sender.lost).toEqual([1]);
    expect(sender.loss.inFlight).toBe(6 * SIZE);
  });

  it('does not take a lost probe of the MTU for congestion', () => {
    const sender = startedSender();
    sender.probes.add(1);
    sender.ack([0, 0], [3, 4]);
    expect(sender.lost).toEqual([1]);
    expect(sender.loss.packetsLost).toBe(0);
    expect(sender.samples.at(-1)?.lostBytes).toBe(0);
    expect(sender.loss.inFlight).toBe(6 * SIZE);
  });

  it('gives up a packet by time when 9/8 of a round trip have passed', () => {
    const sender = startedSender();
    sender.ack([0, 0], [2, 2]);
    expect(sender.lost).toEqual([]);
    const dueUs = sender.loss.timeoutUs;
    expect(dueUs / RTT_US).toBeCloseTo(9 / 8, 2);
    sender.loss.onTimeout(dueUs);
    expect(sender.lost).toEqual([1]);
  });

  it('never blames what was sent after the last that arrived', () => {
    const sender = startedSender();
    sender.ack([0, 2]);
    sender.loss.onTimeout(sender.nowUs + 10 * RTT_US);
    expect(sender.lost).toEqual([]);
  });

  it('learns of reordering from its own false verdicts, and repeats none', () => {
    const sender = new Sender();
    sender.send(200, 10);
    sender.nowUs += RTT_US;
    sender.ack([0, 0], [21, 30]);
    expect(sender.lost).toHaveLength(20);
    sender.ack([0, 30]);
    expect(sender.loss.packetsSpurious).toBe(20);
    sender.ack([0, 50], [71, 80]);
    expect(sender.lost).toHaveLength(20);
  });

  it('counts what was falsely given up as acknowledged, once', () => {
    const sender = startedSender();
    sender.ack([0, 0], [5, 5]);
    expect(sender.lost).toEqual([1, 2]);
    sender.ack([0, 2], [5, 5]);
    sender.ack([0, 2], [5, 5]);
    expect(sender.acknowledged).toEqual([0, 5, 1, 2]);
    expect(sender.loss.inFlight).toBe(6 * SIZE);
  });

  it('probes twice after a probe timeout, then after twice as long, up to a second', () => {
    const sender = startedSender();
    const intervals: number[] = [];
    for (let i = 0; i < 8; i++) {
      const dueUs = sender.loss.timeoutUs;
      intervals.push(dueUs - sender.nowUs);
      sender.nowUs = dueUs;
      sender.loss.probesDue = 0;
      sender.loss.onTimeout(dueUs);
      expect(sender.loss.probesDue).toBe(2);
    }
    expect(intervals[1]).toBe(2 * sender.rtt.probeTimeoutUs(2000));
    expect(Math.max(...intervals)).toBe(1_000_000);
    expect(sender.resent).toEqual(new Array(8).fill(1));
    expect(sender.lost).toEqual([]);
  });

  it('has no timer while nothing is in flight', () => {
    const sender = startedSender();
    sender.ack([0, 9]);
    expect([sender.loss.inFlight, sender.loss.timeoutUs]).toEqual([0, Infinity]);
  });

  it('measures a round trip by the highest packet alone, and only when it is new', () => {
    const sender = startedSender();
    sender.nowUs = 3 * RTT_US;
    sender.ack([0, 0]);
    expect(sender.rtt.latestUs).toBeLessThan(1.1 * RTT_US);
    sender.ack([0, 4]);
    expect(sender.rtt.latestUs).toBe(3 * RTT_US - 5);
  });

  it('measures it too when the highest packet was one that nobody has to acknowledge', () => {
    const sender = startedSender();
    sender.nowUs = RTT_US + 1000;
    const number = sender.sent.addUntracked(sender.nowUs);
    sender.nowUs += 50_000;
    sender.ack([0, number]);
    expect(sender.rtt.latestUs).toBe(50_000);
  });

  it('refuses an acknowledgement of what was never sent', () => {
    const sender = startedSender();
    expect(sender.ack([0, 10])).toBe(false);
    expect(sender.acknowledged).toEqual([0]);
  });

  it('tells the controller what an acknowledgement taught: bytes, rate, loss', () => {
    const sender = startedSender();
    sender.nowUs = RTT_US + 1000;
    sender.ack([0, 0], [4, 9]);
    expect(sender.samples.at(-1)).toMatchObject({
      acknowledgedBytes: 6 * SIZE,
      lostBytes: 3 * SIZE,
      inFlight: 0,
      delivered: 7 * SIZE,
      appLimited: false,
    });
  });

  it('keeps its books through a hundred thousand packets of which every tenth is lost', () => {
    const sender = new Sender();
    let low = 0;
    for (let round = 0; round < 1000; round++) {
      sender.send(100, 1);
      sender.nowUs += 1000;
      const ranges: [number, number][] = [];
      for (let n = low; n < low + 100; n += 10) ranges.push([n + 1, n + 9]);
      low += 100;
      sender.ack(...ranges);
      expect(sender.loss.inFlight).toBeGreaterThanOrEqual(0);
    }
    expect(sender.acknowledged).toHaveLength(90_000);
    expect(sender.lost).toHaveLength(10_000);
    expect(sender.loss.inFlight).toBe(0);
  });
});

describe('delivery rate', () => {
  /** Packets 0 to 9 leave in a millisecond each; a round trip later the peer tells of them. */
  function sentTen(): Sender {
    const sender = new Sender();
    sender.send(10, 1000);
    sender.nowUs += RTT_US;
    return sender;
  }

  it('counts what the peer has received, also where the acknowledgement does not name it', () => {
    const sender = sentTen();
    sender.peerCount = 9 * SIZE;
    sender.ack([5, 9]);
    expect(sender.samples.at(-1)).toMatchObject({ acknowledgedBytes: 5 * SIZE, delivered: 9 * SIZE });
  });

  it('believes no peer that counts more than was sent, or less than it acknowledges', () => {
    const boasting = sentTen();
    boasting.peerCount = 2 ** 50;
    boasting.ack([0, 9]);
    expect(boasting.samples.at(-1)).toMatchObject({ delivered: 10 * SIZE, sampleDelivered: 10 * SIZE });
    const silent = sentTen();
    silent.ack([0, 9]);
    expect(silent.samples.at(-1)).toMatchObject({ delivered: 10 * SIZE, sampleDelivered: 10 * SIZE });
  });

  it('does not go back with an acknowledgement that was overtaken', () => {
    const sender = sentTen();
    sender.peerCount = 10 * SIZE;
    sender.ack([0, 4], [6, 9]);
    sender.peerCount = 6 * SIZE;
    sender.ack([0, 5]);
    expect(sender.samples.at(-1)).toMatchObject({ delivered: 10 * SIZE });
  });

  it('has in it what was given up and came late, which no longer counts as lost', () => {
    const sender = sentTen();
    sender.peerCount = 9 * SIZE;
    sender.ack([1, 9]);
    expect(sender.samples.at(-1)).toMatchObject({ lostBytes: SIZE, delivered: 9 * SIZE });
    sender.peerCount = 10 * SIZE;
    sender.ack([0, 9]);
    expect(sender.samples.at(-1)).toMatchObject({ lostBytes: 0, spuriousBytes: SIZE, delivered: 10 * SIZE });
    expect(sender.loss.rate.lost).toBe(0);
  });
});
