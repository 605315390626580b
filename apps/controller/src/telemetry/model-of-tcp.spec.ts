import { readFileSync } from 'node:fs';
import { Fixtures } from '../testing/fixtures.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';

let database: TestDatabase;
let fixtures: Fixtures;
beforeAll(async () => {
  database = await startTestDatabase();
  fixtures = new Fixtures(database.server.superuserUrl);
});
afterAll(async () => {
  await fixtures.close();
  await database.stop();
});

describe('the model of TCP', () => {
  /** Seconds by CUBIC. */
  const tcpSeconds = async (
    bytes: number,
    path: { rttMs: number; loss: number | null; rateMbps: number | null },
    fromStart = false,
  ): Promise<number> => {
    const [row] = await fixtures.query<{ seconds: number | null }>(
      'SELECT telemetry.tcp_seconds($1, $2, $3, $4, $5) AS seconds',
      [bytes, path.rttMs, path.loss, path.rateMbps, fromStart],
    );
    return row?.seconds ?? NaN;
  };
  const mbps = (bytes: number, seconds: number): number => (bytes * 8) / 1e6 / seconds;
  const PATH = { rttMs: 100, loss: 0, rateMbps: 100 };

  test('has Mathis’ window where CUBIC behaves as Reno, and RFC 9438’s beyond', async () => {
    const reno = mbps(1e9, await tcpSeconds(1e9, { rttMs: 10, loss: 0.01, rateMbps: null }));
    expect(reno).toBeCloseTo((Math.sqrt(1.5 / 0.01) * 1448 * 8) / 0.01 / 1e6, 2);
    const cubic = mbps(1e9, await tcpSeconds(1e9, { rttMs: 100, loss: 1e-5, rateMbps: null }));
    expect(cubic).toBeCloseTo((1.054 * (0.1 / 1e-5) ** 0.75 * 1448 * 8) / 0.1 / 1e6, 2);
  });

  test('is never above the link’s rate, and unbounded only where that is unknown', async () => {
    expect(mbps(1e9, await tcpSeconds(1e9, PATH))).toBeCloseTo((100 * 1448) / 1500, 2);
    expect(mbps(1e9, await tcpSeconds(1e9, { ...PATH, rttMs: 0, loss: 1e-9 }))).toBeLessThan(97);
    expect(await tcpSeconds(1e9, { ...PATH, rateMbps: null, loss: null })).toBe(0);
  });

  test('opens the connection and doubles its window until the path is full or a packet is lost', async () => {
    // A handshake and one round; 30 segments need two rounds.
    expect(await tcpSeconds(10 * 1448, PATH, true)).toBeCloseTo(0.2, 6);
    expect(await tcpSeconds(30 * 1448, PATH, true)).toBeCloseTo(0.3, 6);
    const long = await tcpSeconds(1e9, PATH, true);
    expect(long).toBeGreaterThan(await tcpSeconds(1e9, PATH));
    expect(long).toBeLessThan((await tcpSeconds(1e9, PATH)) + 1.5);
  });

  test('takes longer for more bytes, more loss and a longer round trip; none for nothing, unknown where all is lost', async () => {
    const base = { rttMs: 20, loss: 0.001, rateMbps: 1000 };
    const seconds = await tcpSeconds(1e7, base, true);
    expect(await tcpSeconds(2e7, base, true)).toBeGreaterThan(seconds);
    expect(await tcpSeconds(1e7, { ...base, loss: 0.002 }, true)).toBeGreaterThan(seconds);
    expect(await tcpSeconds(1e7, { ...base, rttMs: 40 }, true)).toBeGreaterThan(seconds);
    expect(await tcpSeconds(0, base, true)).toBe(0);
    expect(await tcpSeconds(1, { ...base, loss: 1 })).toBeNaN();
  });

  test('has an answer for connections of any length at any loss', async () => {
    for (const loss of [1e-6, 0.0005, 0.03, 0.5, 0.99]) {
      const path = { rttMs: 40, loss, rateMbps: 100 };
      const seconds = await tcpSeconds(1e12, path, true);
      // Slow start ends with the first loss: nearly all of so much goes at the average window.
      expect(Math.abs(seconds / (await tcpSeconds(1e12, path)) - 1)).toBeLessThan(0.001);
    }
  });

  test('is as far from what was measured as docs/telemetry.md says', async () => {
    const doc = (name: string): string =>
      readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8');
    const rows = (text: string): string[][] =>
      text.split('\n').flatMap((line) => (/^\| [a-z][a-z-]* +\|/.test(line) ? [cells(line)] : []));
    const [, section = ''] = doc('telemetry.md').split('### The model against the kernel');
    const table = rows(section.split('\n## ')[0] ?? '');
    expect(table).toHaveLength(10);
    const recorded = rows(doc('benchmarks.md'));
    for (const [link, rate, rtt, loss, seconds, first, firstModel, , steady, steadyModel] of table) {
      const path = { rttMs: Number(rtt), loss: Number(loss) / 100, rateMbps: Number(rate) };
      const bytes = ((Number(first) * 1e6) / 8) * Number(seconds);
      expect([link, near(mbps(bytes, await tcpSeconds(bytes, path, true)), firstModel)]).toEqual([
        link,
        true,
      ]);
      expect([link, near(mbps(1e9, await tcpSeconds(1e9, path)), steadyModel)]).toEqual([link, true]);
      expect(recorded.map((row) => row.slice(0, 2))).toContainEqual([
        link,
        `${String(first)} / ${String(steady)}`,
      ]);
    }
  });
});

const cells = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** Whether a figure is what the document has, to its last digit. */
const near = (value: number, printed = ''): boolean =>
  Math.abs(value - Number(printed)) <= 0.5 * 10 ** -(printed.split('.')[1] ?? '').length + 1e-9;
