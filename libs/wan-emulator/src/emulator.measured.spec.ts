import type { DirectionParameters, EmulatorStatistics } from './emulator.js';
import { createTestPath, type TestPath } from './testing.js';
import { flood, type FloodResult, ping, runStream } from './traffic.js';

const LISTEN = '10.77.1.2:9000';

/** Bounds that a binomial count leaves less than once in 10^6 tries (five standard deviations). */
function binomialBounds(n: number, p: number): [number, number] {
  const margin = 5 * Math.sqrt(n * p * (1 - p));
  return [n * p - margin, n * p + margin];
}

describe('wan-emulator', () => {
  let path: TestPath;

  beforeAll(async () => {
    path = await createTestPath('lh-emu-');
    await path.emulator.spin(true);
  });

  afterAll(() => path.destroy());

  async function setUp(parameters: DirectionParameters): Promise<void> {
    const { emulator } = path;
    await emulator.setDirection('both', {
      rateMbps: 100,
      delayMs: 5,
      jitterMs: 0,
      jitterModel: 'wander',
      queueBytes: 20_000_000, // more than any test sends, so that only a test of the queue fills it
      lossPct: 0,
      duplicatePct: 0,
      down: false,
      ...parameters,
    });
    await emulator.flush();
    await emulator.seed(1);
    await emulator.resetStatistics();
  }

  async function send(
    packets: number,
    rateMbps: number,
  ): Promise<FloodResult & { statistics: EmulatorStatistics }> {
    const options = { from: path.a, to: path.b, listen: LISTEN, payloadBytes: 500, idleMs: 400 };
    const result = await flood({ ...options, packets, rateMbps, seconds: 10 });
    return { ...result, statistics: await path.emulator.statistics() };
  }

  const pingOptions = { count: 20, intervalMs: 5, waitMs: 300, listen: LISTEN };

  it('delays a round trip by what is asked, never less', async () => {
    await setUp({ delayMs: 20 });
    const { received, rttUs, outwardUs } = await ping({ from: path.a, to: path.b, ...pingOptions });
    expect(received).toBe(20);
    expect(rttUs.min).toBeGreaterThanOrEqual(40_000);
    expect(rttUs.p50).toBeLessThan(45_000);
    expect(outwardUs.min).toBeGreaterThanOrEqual(20_000);
  });

  it('lets no more through than the rate, and about as much under a flood', async () => {
    await setUp({ rateMbps: 40, queueBytes: 20_000 });
    const { rateMbps, receivedPackets, sentPackets, statistics } = await send(20_000, 60);
    expect(rateMbps).toBeLessThan(40 * 1.02);
    expect(rateMbps).toBeGreaterThan(40 * 0.9);
    expect(statistics.aToB.tailDrops).toBe(sentPackets - receivedPackets);
  });

  it('bounds its queue in bytes and accounts for every packet', async () => {
    await setUp({ rateMbps: 20, queueBytes: 30_000, lossPct: 5 });
    const { aToB } = (await send(10_000, 60)).statistics;
    expect(aToB.queueMaxBytes).toBeLessThanOrEqual(30_000);
    expect(aToB.queueMaxBytes).toBeGreaterThan(29_000);
    expect(aToB.offeredPackets).toBe(10_000);
    expect(aToB.tailDrops + aToB.wirePackets).toBe(aToB.offeredPackets);
    expect(aToB.randomLosses + aToB.deliveredPackets).toBe(aToB.wirePackets);
    expect(aToB.wireBytes).toBe(aToB.wirePackets * 528);
    expect(aToB.queueBytes).toBe(0);
  });

  it('loses packets at the probability asked, the same ones for the same seed', async () => {
    const counts: number[] = [];
    for (const seed of [1, 1, 2]) {
      await setUp({ lossPct: 2 });
      await path.emulator.seed(seed);
      const { sentPackets, receivedPackets, statistics } = await send(20_000, 80);
      expect(sentPackets - receivedPackets).toBe(statistics.aToB.randomLosses);
      counts.push(statistics.aToB.randomLosses);
    }
    const [low, high] = binomialBounds(20_000, 0.02);
    for (const count of counts) {
      expect(count).toBeGreaterThan(low);
      expect(count).toBeLessThan(high);
    }
    expect(counts[1]).toBe(counts[0]);
    expect(counts[2]).not.toBe(counts[0]);
  });

  it('duplicates packets at the probability asked', async () => {
    await setUp({ duplicatePct: 3 });
    const { duplicates, statistics } = await send(10_000, 80);
    const [low, high] = binomialBounds(10_000, 0.03);
    expect(duplicates).toBe(statistics.aToB.duplicates);
    expect(duplicates).toBeGreaterThan(low);
    expect(duplicates).toBeLessThan(high);
  });

  it('keeps order under wandering jitter and spreads delays over it', async () => {
    await setUp({ delayMs: 10, jitterMs: 5 });
    const { reordered, receivedPackets } = await send(10_000, 80);
    expect(receivedPackets).toBe(10_000);
    expect(reordered).toBe(0);
    const { outwardUs } = await ping({ from: path.a, to: path.b, ...pingOptions, count: 100 });
    expect(outwardUs.min).toBeGreaterThanOrEqual(5_000);
    expect(outwardUs.max - outwardUs.min).toBeGreaterThan(4_000);
  });

  it('reorders under independent jitter and loses nothing', async () => {
    await setUp({ delayMs: 10, jitterMs: 5, jitterModel: 'independent' });
    const { reordered, receivedPackets } = await send(10_000, 80);
    expect(receivedPackets).toBe(10_000);
    expect(reordered).toBeGreaterThan(1_000);
  });

  it('loses all there is in an outage and carries on after it', async () => {
    await setUp({ delayMs: 50 });
    await path.emulator.setDown(true);
    const during = await ping({ from: path.a, to: path.b, ...pingOptions });
    expect(during.received).toBe(0);
    expect((await path.emulator.statistics()).aToB.outageDrops).toBe(20);
    await path.emulator.setDown(false);
    const after = await ping({ from: path.a, to: path.b, ...pingOptions });
    expect(after.received).toBe(20);
  });

  it('changes delay and rate while traffic flows', async () => {
    await setUp({ delayMs: 1 });
    await path.emulator.setDirection('a2b', { delayMs: 30 });
    const { rttUs } = await ping({ from: path.a, to: path.b, ...pingOptions });
    expect(rttUs.min).toBeGreaterThanOrEqual(31_000);
    await path.emulator.setDirection('a2b', { rateMbps: 10 });
    const { rateMbps } = await send(3_000, 30);
    expect(rateMbps).toBeLessThan(10 * 1.02);
  });

  it.each(['10.77.1.2:9001', '[fd77::2]:9001'])(
    'carries a TCP stream to %s intact, joined on output',
    async (listen) => {
      await setUp({ rateMbps: 400, lossPct: 0.1 });
      const bytes = 12_345_678;
      const { sink } = await runStream({ from: path.a, to: path.b, listen, pattern: 'random:7', bytes });
      expect(sink).toMatchObject({ bytes, intact: true, ended: 'end' });
      const { aToB } = await path.emulator.statistics();
      expect(aToB.writeErrors).toBe(0);
      expect(aToB.writes).toBeLessThan(aToB.deliveredPackets / 2);
    },
  );

  it('joins UDP for the receiver where the kernel can', async () => {
    await setUp({ rateMbps: 1000 });
    const { receivedPackets, statistics } = await send(20_000, 500);
    expect(receivedPackets).toBe(20_000);
    expect(statistics.aToB.writeErrors).toBe(0);
    if (path.emulator.features.udpSegmentation) expect(statistics.aToB.writes).toBeLessThan(10_000);
  });

  it('refuses parameters out of range and keeps those it had', async () => {
    await setUp({ delayMs: 10 });
    await expect(path.emulator.setDirection('both', { delayMs: 1, lossPct: 200 })).rejects.toThrow(
      /out of range: loss/,
    );
    await expect(path.emulator.setDirection('both', { jitterMs: 11 })).rejects.toThrow(
      /jitter may not exceed/,
    );
    const { rttUs } = await ping({ from: path.a, to: path.b, ...pingOptions });
    expect(rttUs.min).toBeGreaterThanOrEqual(20_000);
  });
});
