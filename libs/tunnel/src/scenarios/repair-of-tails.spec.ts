import { MAX_UDP_PAYLOAD } from '../params.js';
import { holdingsOf } from '../simulator/holdings.js';
import type { SimulatedHost } from '../simulator/host.js';
import { Pair } from '../simulator/pair.js';
import { SeededRandom } from '../simulator/random.js';
import type { TunnelStats } from '../stats.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
const MESSAGES = 600;
const MESSAGE_BYTES = [300, 300, 1200, 5000, 12_000];

interface Outcome {
  /** Milliseconds from the write of a message to the arrival of its last byte, in order. */
  readonly delaysMs: readonly number[];
  /** Of the messages alone: packets that were declared lost, and that were sent again. */
  readonly lost: number;
  readonly retransmitted: number;
  readonly recovered: number;
  readonly repairPackets: number;
}

/** Messages of an interactive application over a tunnel that has carried something before. Every byte is compared. */
function sendMessages(name: string, seed: number, repair: 'auto' | 'off', messages = MESSAGES): Outcome {
  const pair = new Pair({ link: linkNamed(name), seed, crypto: 'null', peer: { repair } }).connect();
  const { simulation, near, a, b } = pair;
  near.converse(b, { up: 6_000_000, down: 0 });
  pair.finish(20 * SECOND_US);
  const random = new SeededRandom(seed);
  const earlier = { near: statsOf(a, 'b'), far: statsOf(b, 'a') };
  const delaysMs: number[] = [];
  for (let i = 0; i < messages; i++) {
    const up = MESSAGE_BYTES[random.between(0, MESSAGE_BYTES.length - 1)];
    const begunUs = simulation.time.nowUs;
    const before = pair.far.bytesRead;
    near.converse(b, { up, down: 0, class: 'interactive' });
    simulation.runUntil(() => pair.far.bytesRead === before + up, begunUs + 20 * SECOND_US);
    delaysMs.push((simulation.time.nowUs - begunUs) / 1000);
    simulation.runFor(random.between(5, 60) * 1000);
  }
  expect(pair.finish()).toBe(true);
  expect(holdingsOf(a, b)).toEqual([]);
  const now = { near: statsOf(a, 'b'), far: statsOf(b, 'a') };
  return {
    delaysMs,
    lost: now.near.packetsLost - earlier.near.packetsLost,
    retransmitted: now.near.packetsRetransmitted - earlier.near.packetsRetransmitted,
    recovered: now.far.packetsRecovered - earlier.far.packetsRecovered,
    repairPackets: now.near.repairPacketsSent + now.far.repairPacketsSent,
  };
}

function statsOf(host: SimulatedHost, peer: string): TunnelStats {
  const stats = host.endpoint.stats(peer);
  if (stats === undefined) throw new Error(`no tunnel to ${peer}`);
  return stats;
}

function percentile(values: readonly number[], share: number): number {
  return [...values].sort((x, y) => x - y)[Math.floor(values.length * share)];
}

describe.each(['lossy', 'bad', 'intercontinental'])('over %s', (name) => {
  const oneWayMs = linkNamed(name).rtt_ms / 2;

  it.each([201, 202, 203])(
    'all but one in a hundred messages arrive without waiting for a retransmission (seed %d)',
    (seed) => {
      const repaired = sendMessages(name, seed, 'auto');
      const plain = sendMessages(name, seed, 'off');
      const p99 = percentile(repaired.delaysMs, 0.99);
      // What a message takes without loss, and some more for jitter and the repair symbols themselves.
      expect(p99).toBeLessThan(1.35 * oneWayMs + 2);
      expect(percentile(plain.delaysMs, 0.99)).toBeGreaterThan(p99 + oneWayMs);
      expect(plain.repairPackets).toBe(0);
      // What was rebuilt counts as lost all the same, for congestion control, but hardly any of it is sent again.
      expect(repaired.recovered).toBeGreaterThan(5);
      expect(repaired.lost).toBeGreaterThanOrEqual(repaired.recovered);
      expect(repaired.retransmitted).toBeLessThan(plain.retransmitted / 2);
    },
  );
});

describe('over a path of large datagrams', () => {
  it.each([301, 302, 303])('what is rebuilt is what was sent (seed %d)', (seed) => {
    const link = { ...linkNamed('lossy'), loss_pct: 5 };
    const pair = new Pair({
      link,
      seed,
      crypto: 'null',
      peer: { maxUdpPayload: MAX_UDP_PAYLOAD },
      faults: { maxUdpPayload: MAX_UDP_PAYLOAD },
    }).connect();
    pair.near.converse(pair.b, { up: 6_000_000, down: 0 });
    expect(pair.finish()).toBe(true);
    for (let i = 0; i < 100; i++) {
      pair.near.converse(pair.b, { up: 50_000, down: 0, class: 'interactive' });
      expect(pair.finish()).toBe(true);
    }
    expect(statsOf(pair.b, 'a').packetsRecovered).toBeGreaterThan(20);
  });
});

describe.each(['baseline', 'sonet', 'll-metro', 'metro', 'mpls'])('over %s, which loses little', (name) => {
  it('no repair symbol is sent', () => {
    expect(sendMessages(name, 204, 'auto', 200).repairPackets).toBe(0);
  });
});
