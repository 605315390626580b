import { PATH_MEMORY_LIFETIME_MS, type PathMemory } from '../path/path-memory.js';
import type { Profile } from '../congestion/controller.js';
import type { SimulatedHost } from '../simulator/host.js';
import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
const BULK = { up: 2 ** 31, down: 0 };
const MEMORY_BYTES = 192 * 2 ** 20;

interface WarmLink {
  readonly name: string;
  /** Until startup is over and the rate is known. */
  readonly warmUpSeconds: number;
}

const LINKS: readonly WarmLink[] = [
  { name: 'metro', warmUpSeconds: 1 },
  { name: 'intercontinental', warmUpSeconds: 4 },
  { name: 'satellite', warmUpSeconds: 12 },
];

/** A transfer from `from` was begun, and cut off when the path was known. */
function warmPair({ name, warmUpSeconds }: WarmLink, from: 'a' | 'b', profile: Profile = 'lossy'): Pair {
  const options = { link: linkNamed(name), seed: 90, crypto: 'null', memoryBytes: MEMORY_BYTES } as const;
  const pair = new Pair({ ...options, peer: { profile } }).connect();
  pair.simulation.runFor(2 * SECOND_US);
  const bulk = from === 'a' ? pair.near.converse(pair.b, BULK) : pair.far.converse(pair.a, BULK);
  pair.simulation.runFor(warmUpSeconds * SECOND_US);
  bulk.stream.reset(16);
  pair.simulation.runFor(SECOND_US);
  return pair;
}

/** Bytes that have come from `peer`, in whatever order: reading waits for what is lost. */
function arrived(host: SimulatedHost, peer: string): number {
  return host.endpoint.stats(peer)?.wireBytesReceived ?? 0;
}

/** Mbit/s that `read` counts from `fromRtts` to `toRtts` round trips from now on. */
function rateBetween(
  pair: Pair,
  rttMs: number,
  fromRtts: number,
  toRtts: number,
  read: () => number,
): number {
  pair.simulation.runFor(fromRtts * rttMs * 1000);
  const before = read();
  pair.simulation.runFor((toRtts - fromRtts) * rttMs * 1000);
  return ((read() - before) * 8) / ((toRtts - fromRtts) * rttMs * 1000);
}

describe.each(LINKS)('a tunnel over $name that has carried a transfer', (warm) => {
  const { rtt_ms, rate_mbps } = linkNamed(warm.name);

  it.each([{ pauseSeconds: 0 }, { pauseSeconds: 40 }])(
    'carries a new stream at full rate from its third round trip on, after $pauseSeconds s with nothing to send',
    ({ pauseSeconds }) => {
      const pair = warmPair(warm, 'a');
      pair.simulation.runFor(pauseSeconds * SECOND_US);
      pair.near.converse(pair.b, BULK);
      const rate = rateBetween(pair, rtt_ms, 2, 6, () => arrived(pair.b, 'a'));
      expect(rate).toBeGreaterThan(0.88 * rate_mbps);
    },
  );

  it('does so too after a minute of small messages, which tell nothing of the path', () => {
    const pair = warmPair(warm, 'a');
    for (let i = 0; i < 240; i++) {
      pair.near.converse(pair.b, { up: 300, down: 300, class: 'interactive' });
      pair.simulation.runFor(SECOND_US / 4);
    }
    pair.near.converse(pair.b, BULK);
    const rate = rateBetween(pair, rtt_ms, 2, 6, () => arrived(pair.b, 'a'));
    expect(rate).toBeGreaterThan(0.85 * rate_mbps);
  });
});

describe.each(['fair', 'lossy'] as const)('a tunnel that is restarted, profile %s', (profile) => {
  const warm: WarmLink = { name: 'intercontinental', warmUpSeconds: 6 };
  const { rtt_ms, rate_mbps } = linkNamed(warm.name);

  /** Mbit/s in the third and fourth round trip of the first stream of a restarted host. */
  function rateAfterRestart(alter: (memory: PathMemory, pair: Pair) => PathMemory | undefined): number {
    const pair = warmPair(warm, 'b', profile);
    const memory = pair.b.endpoint.pathMemory('a');
    if (memory === undefined) throw new Error('nothing was learnt of the path');
    pair.restartB(MEMORY_BYTES, alter(memory, pair));
    pair.connect().simulation.runFor(2 * SECOND_US);
    pair.far.converse(pair.a, BULK);
    return rateBetween(pair, rtt_ms, 2, 4, () => arrived(pair.a, 'b'));
  }

  it('resumes with half of the remembered rate or more from its third round trip on', () => {
    expect(rateAfterRestart((memory) => memory)).toBeGreaterThan(0.45 * rate_mbps);
  });

  it.each<{ what: string; alter: (memory: PathMemory) => PathMemory | undefined }>([
    { what: 'nothing is remembered', alter: () => undefined },
    {
      what: 'the memory is too old',
      alter: (memory) => ({
        ...memory,
        send: memory.send && {
          ...memory.send,
          observedAtMs: memory.send.observedAtMs - PATH_MEMORY_LIFETIME_MS,
        },
      }),
    },
    { what: 'the memory is of another address', alter: (memory) => ({ ...memory, address: '192.0.2.9' }) },
    {
      what: 'the round trip is another',
      alter: (memory) => ({ ...memory, minRttUs: 2.1 * memory.minRttUs }),
    },
  ])('begins slowly where $what', ({ alter }) => {
    expect(rateAfterRestart(alter)).toBeLessThan(0.35 * rate_mbps);
  });
});

describe.each(['fair', 'lossy'] as const)(
  'a path that has become ten times slower, profile %s',
  (profile) => {
    it('is found out within two round trips: what was sent too much runs off, and the tunnel goes on', () => {
      const pair = warmPair({ name: 'intercontinental', warmUpSeconds: 6 }, 'b', profile);
      const memory = pair.b.endpoint.pathMemory('a');
      const rateMbps = linkNamed('intercontinental').rate_mbps / 10;
      const rttUs = 150_000;
      const pipeBytes = (rateMbps * rttUs) / 8;
      pair.restartB(MEMORY_BYTES, memory);
      pair.simulation.changeLink('a', 'b', { rateMbps, queueBytes: 2 * pipeBytes, loss: 0 });
      pair.connect().simulation.runFor(2 * SECOND_US);
      const { bottleneck } = pair.simulation.link('b', 'a');
      const states = new Set<string>();
      pair.far.converse(pair.a, BULK);
      const untilUs = pair.simulation.time.nowUs + 2 * SECOND_US;
      while (pair.simulation.time.nowUs < untilUs) {
        pair.simulation.runFor(1000);
        states.add(pair.b.endpoint.stats('a')?.congestionState ?? '');
      }
      expect(states).toContain('resume-unvalidated');
      expect(states).toContain('resume-safe-retreat');
      // Half of the remembered rate for a round trip is five of the new pipes: all that can be too much.
      expect(pair.simulation.link('b', 'a').overflowed * 1500).toBeLessThan(5 * pipeBytes);
      bottleneck.resetStatistics();
      const before = pair.near.bytesRead;
      pair.simulation.runFor(5 * SECOND_US);
      expect(bottleneck.statistics.meanBytes).toBeLessThan(pipeBytes);
      expect(((pair.near.bytesRead - before) * 8) / 5e6).toBeGreaterThan(0.85 * rateMbps);
    });
  },
);
