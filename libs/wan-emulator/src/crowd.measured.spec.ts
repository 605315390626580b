import { runCrowd } from './crowd.js';
import { runExchange, runRequests } from './requests.js';
import { createTestPath, type TestPath } from './testing.js';

const LISTEN = '10.77.1.2:9000';

describe('many connections and small requests', () => {
  let path: TestPath;

  beforeAll(async () => {
    path = await createTestPath('lh-crowd-');
    await path.emulator.setDirection('both', { rateMbps: 200, delayMs: 5, queueBytes: 2_000_000 });
  });

  afterAll(() => path.destroy());

  it('serves every connection, counts each for itself and compares its bytes', async () => {
    const { a: from, b: to } = path;
    const sink = await runCrowd({
      ...{ from, to, listen: LISTEN },
      ...{ count: 50, seconds: 1, connectSeconds: 20 },
    });
    expect(sink).toMatchObject({ connections: 50, broken: 0, closedEarly: 0 });
    expect(Math.min(...sink.bytes)).toBeGreaterThan(0);
    expect(sink.bytes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan((200e6 / 8) * 2);
  });

  it('leaves connections unread that are to stall', async () => {
    const { a: from, b: to } = path;
    const sink = await runCrowd({
      ...{ from, to, listen: LISTEN, stalled: true },
      ...{ count: 5, seconds: 1, connectSeconds: 20 },
    });
    expect(sink.bytes).toEqual([0, 0, 0, 0, 0]);
    expect(sink.connections).toBe(5);
  });

  it('counts none where nobody takes the connections', async () => {
    const { a: from, b: to } = path;
    const options = { from, to, listen: LISTEN, connect: '10.77.1.2:9999', count: 2 };
    const sink = await runCrowd({ ...options, seconds: 0.1, connectSeconds: 0.5 });
    expect(sink.connections).toBe(0);
  });

  it('times requests on new connections at two round trips and exchanges at one, never less', async () => {
    const { a: from, b: to } = path;
    const options = { from, to, listen: LISTEN, count: 10, bytes: 200, maxSeconds: 20 };
    const requests = await runRequests(options);
    expect(requests.count).toBe(10);
    expect(requests.elapsedUs.min).toBeGreaterThanOrEqual(20_000);
    const exchanges = await runExchange({ ...options, intervalMs: 1 });
    expect(exchanges.elapsedUs.min).toBeGreaterThanOrEqual(10_000);
    expect(exchanges.elapsedUs.p50).toBeLessThan(requests.elapsedUs.min);
  });
});
