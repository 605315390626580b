import pg from 'pg';
import { createWorkerPool } from '../database/worker-pool.js';
import { ensurePartitions } from '../telemetry/partitions.js';
import { Rollups } from '../telemetry/rollups.js';
import { TelemetryStore } from '../telemetry/telemetry-store.js';
import { flowRecord, linkRecord, telemetryMessage } from '../testing/telemetry-records.js';
import { TenantWorld } from '../testing/tenant-world.js';
import { codeOf, TestApi } from '../testing/test-api.js';

const DAY_MS = 86_400_000;
/** Yesterday at noon. */
const noonMs = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2;
const iso = (ms: number): string => new Date(ms).toISOString();

let api: TestApi;
let pool: pg.Pool;
let world: TenantWorld;
let peerAgentId: string;

beforeAll(async () => {
  api = await TestApi.start();
  world = await TenantWorld.create(api);
  pool = createWorkerPool(api.database.server.workerUrl, 3);
  const { data } = await world.owner('{ agents { nodes { id } } }');
  peerAgentId = (data.agents.nodes as { id: string }[]).find(({ id }) => id !== world.agentId)?.id ?? '';
  await ensurePartitions(pool);
  const { organizationId, agentId } = world;
  // Three minutes, of which the second is silent.
  await new TelemetryStore(pool).store([
    telemetryMessage(
      { organizationId, agentId },
      { sequence: 1, links: [0, 120_000].map((ms) => linkRecord(peerAgentId, { atMs: noonMs + ms })) },
    ),
    telemetryMessage(
      { organizationId, agentId: peerAgentId },
      { sequence: 1, links: [linkRecord(agentId, { atMs: noonMs, bytesSent: 125_000, packetsLost: 30 })] },
    ),
    telemetryMessage(
      { organizationId, agentId },
      {
        sequence: 1,
        flows: [
          flowRecord(peerAgentId, crypto.randomUUID(), {
            atMs: noonMs + 2000,
            startedAtMs: noonMs,
            bytesUp: 5_000_000,
            encodedBytesUp: 1_000_000,
            activeMs: 1000,
            ended: 'closed',
          }),
        ],
      },
    ),
  ]);
  await new Rollups(pool).run(Date.now() + 2 * DAY_MS);
});
afterAll(async () => {
  await pool.end();
  await api.stop();
});

const SERIES = `query ($from: DateTime!, $to: DateTime, $siteId: ID, $agentId: ID, $linkId: ID, $maxPoints: Int) {
  telemetry(from: $from, to: $to, siteId: $siteId, agentId: $agentId, linkId: $linkId, maxPoints: $maxPoints) {
    resolutionSeconds from to
    points { at sentMbps receivedMbps wireSentMbps rttMs minRttMs lossPct retransmitPct upPct flowsAccelerated bytesSaved timeSavedSeconds }
    total { bytesSent bytesReceived lossPct bytesSaved timeSavedSeconds acceleratedBytes }
  } }`;
const hour = { from: iso(noonMs), to: iso(noonMs + 3_600_000) };

test('points have rate, round trip, loss and savings; silence is a gap', async () => {
  const { data } = await world.owner(SERIES, { ...hour, agentId: world.agentId });
  const { resolutionSeconds, points, total } = data.telemetry;
  expect(resolutionSeconds).toBe(60);
  expect((points as { at: string }[]).map(({ at }) => at)).toEqual([iso(noonMs), iso(noonMs + 120_000)]);
  expect(points[0]).toMatchObject({
    sentMbps: 8,
    receivedMbps: 4,
    wireSentMbps: 4.8,
    rttMs: 42,
    minRttMs: 40,
    lossPct: 1,
    retransmitPct: 1.2,
    upPct: 100,
    flowsAccelerated: 1,
    bytesSaved: 4_000_140,
  });
  expect(points[0].timeSavedSeconds).toBeGreaterThan(5);
  expect(points[1]).toMatchObject({ sentMbps: 8, flowsAccelerated: 0, timeSavedSeconds: 0 });
  expect(total).toMatchObject({
    bytesSent: 2_000_000,
    bytesSaved: 4_000_140,
    acceleratedBytes: 5_000_200,
    timeSavedSeconds: points[0].timeSavedSeconds as number,
  });
});

test('what an older release stored as Infinity makes no answer fail', async () => {
  await pool.query(
    "UPDATE telemetry.rollups_1m SET saved_ms = 'Infinity' WHERE organization_id = $1 AND at = $2",
    [world.organizationId, new Date(noonMs + 120_000)],
  );
  const { data } = await world.owner(SERIES, { ...hour, agentId: world.agentId });
  const { points, total } = data.telemetry;
  expect(points[1]).toMatchObject({ sentMbps: 8, timeSavedSeconds: 0 });
  expect(total.timeSavedSeconds).toBe(points[0].timeSavedSeconds);
});

test('a site, a link, an end of one and the organization each have theirs, at any length', async () => {
  const month = { from: iso(Date.now() - 30 * DAY_MS) };
  const total = async (subject: object): Promise<unknown> =>
    (await world.owner(SERIES, { ...month, ...subject })).data.telemetry.total;
  const { siteId, linkId, agentId } = world;
  const near = { bytesSent: 2_000_000, lossPct: 1 };
  expect(await total({ siteId })).toMatchObject(near);
  expect(await total({ linkId, agentId })).toMatchObject(near);
  expect(await total({ linkId, agentId: peerAgentId })).toMatchObject({ bytesSent: 125_000, lossPct: 3 });
  const all = { bytesSent: 2_125_000, acceleratedBytes: 5_000_200 };
  expect(await total({})).toMatchObject(all);
  const { data } = await world.owner('{ links { nodes { siteA { id } } } }');
  const isA = data.links.nodes[0].siteA.id === siteId;
  expect(await total({ linkId })).toMatchObject({ bytesSent: isA ? 2_000_000 : 125_000, lossPct: 50 / 30 });
  const { data: days } = await world.owner(SERIES, { ...month, maxPoints: 40 });
  expect(days.telemetry).toMatchObject({ resolutionSeconds: 86_400, total: all });
});

test('the worst links come first, with what makes them so', async () => {
  const RANKED = `query ($from: DateTime!, $by: LinkRanking) {
    worstLinks(from: $from, by: $by) { link { id siteA { name } } packetsSent lossPct retransmitPct rttMs } }`;
  for (const variables of [{}, { by: 'RTT' }]) {
    const { data } = await world.owner(RANKED, { from: iso(Date.now() - 30 * DAY_MS), ...variables });
    expect(data.worstLinks).toMatchObject([
      { link: { id: world.linkId }, packetsSent: 3000, lossPct: 50 / 30, rttMs: 42 },
    ]);
  }
  const { data } = await world.owner(RANKED, { from: iso(Date.now() - 60_000) });
  expect(data.worstLinks).toEqual([]);
  // Two weeks ago, by the week: 7,000 packets of which none was lost.
  const client = new pg.Client({ connectionString: api.database.server.superuserUrl });
  await client.connect();
  const weekMs = Math.floor((noonMs - 14 * DAY_MS) / (7 * DAY_MS)) * 7 * DAY_MS;
  await client.query('SELECT telemetry.ensure_partitions($1, $1)', [iso(weekMs)]);
  await client.query(
    `INSERT INTO telemetry.rollups_1w
     SELECT organization_id, level, subject_id, $1, 0, 0, 0, 0, 0, 0, 0, 7000, 0, 0, 0, 0, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0
     FROM telemetry.rollups_1d WHERE level = 'link'`,
    [iso(weekMs)],
  );
  await client.end();
  const { data: month } = await world.owner(RANKED, { from: iso(Date.now() - 30 * DAY_MS) });
  expect(month.worstLinks).toMatchObject([{ packetsSent: 10_000, lossPct: 0.5 }]);
});

test('another tenant has none of it, and nonsense is refused in words', async () => {
  const stranger = await api.signIn(await api.createOrganization(), 'OWNER');
  expect((await stranger(SERIES, hour)).data.telemetry).toMatchObject({ points: [], total: null });
  expect(codeOf(await stranger(SERIES, { ...hour, linkId: world.linkId }))).toBe('NOT_FOUND');
  for (const variables of [
    { from: hour.to, to: hour.from },
    { ...hour, maxPoints: 0 },
    { from: '2001-01-01T00:00:00Z' },
    { ...hour, siteId: world.siteId, agentId: world.agentId },
  ]) {
    expect(codeOf(await world.owner(SERIES, variables))).toBe('BAD_INPUT');
  }
});

describe('exports as CSV', () => {
  const tokenOf = async (owner: TenantWorld['owner'], scopes: readonly string[]): Promise<string> =>
    (
      await owner('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { token } }', {
        input: { name: `export ${scopes.join()}`, scopes },
      })
    ).data.createApiToken.token as string;
  const download = async (path: string, token?: string) => {
    const response = await fetch(`${api.origin}/api/v1/export/${path}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    return { response, lines: (await response.text()).trimEnd().split('\r\n') };
  };

  test('have every connection once, page after page, and nothing that a spreadsheet would compute', async () => {
    const token = await tokenOf(world.owner, ['read']);
    const flows = Array.from({ length: 1_300 }, (_, i) =>
      flowRecord(peerAgentId, crypto.randomUUID(), {
        atMs: noonMs + 10_000 + i,
        destinationPort: 7777,
        ...(i === 0 && { reason: '=HYPERLINK("http://evil")', ended: 'closed' as const }),
      }),
    );
    const { organizationId, agentId } = world;
    await new TelemetryStore(pool).store([
      telemetryMessage({ organizationId, agentId }, { sequence: 2, flows }),
    ]);
    const { response, lines } = await download('flows.csv?destinationPort=7777', token);
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(response.headers.get('content-disposition')).toContain('flows.csv');
    expect(lines[0]).toMatch(/^startedAt,lastSeenAt,source,/);
    expect(new Set(lines.slice(1).map((line) => line.split(',').at(-1)))).toEqual(
      new Set(flows.map(({ flowId }) => flowId)),
    );
    expect(lines.at(-1)).toContain(`"'=HYPERLINK(""http://evil"")"`);
    const until = await download(`flows.csv?destinationPort=7777&to=${iso(noonMs + 5_010)}`, token);
    expect(until.lines).toHaveLength(1 + 10);
  });

  test('have the points of a series', async () => {
    const token = await tokenOf(world.owner, ['read']);
    const { lines } = await download(
      `telemetry.csv?from=${hour.from}&to=${hour.to}&agentId=${world.agentId}`,
      token,
    );
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(new RegExp(`^${iso(noonMs)},8,4,4.8,2.4,42,40,42,1,1.2,100,`));
  });

  test('are for those who may read the organization, and of it only; nonsense is refused in words', async () => {
    const stranger = await TenantWorld.create(api);
    const foreign = await tokenOf(stranger.owner, ['read']);
    expect((await download('flows.csv', foreign)).lines).toHaveLength(1);
    const range = `from=${hour.from}&to=${hour.to}`;
    const statusOf = async (path: string, token?: string) => (await download(path, token)).response.status;
    expect(await statusOf(`telemetry.csv?${range}&linkId=${world.linkId}`, foreign)).toBe(404);
    expect(await statusOf('flows.csv')).toBe(401);
    expect(await statusOf('flows.csv', await tokenOf(world.owner, ['sites:write']))).toBe(403);
    for (const path of ['flows.csv?from=yesterday', 'flows.csv?colour=red', 'telemetry.csv']) {
      const { response, lines } = await download(path, foreign);
      expect([path, response.status]).toEqual([path, 400]);
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({ code: 'BAD_INPUT' });
    }
  });
});
