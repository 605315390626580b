import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { subjects } from '@longhaul/contracts';
import { createSeed, publicKeyOf } from '@longhaul/contracts/nkey';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { connectTestAgent, startTestNats, type TestAgent, type TestNats } from '../testing/test-nats.js';
import { TestReplica } from '../testing/test-replica.js';
import type { LiveFrame } from './live-frame.js';

describe('the live feed', () => {
  let database: TestDatabase;
  let nats: TestNats;
  let fixtures: Fixtures;
  let replicas: TestReplica[] = [];
  let cookie: string;
  let organizationId: string;
  let agent: TestAgent;
  let peerAgentId: string;
  let reporting: NodeJS.Timeout | undefined;
  const sockets: WebSocket[] = [];

  beforeAll(async () => {
    [database, nats] = await Promise.all([startTestDatabase(), startTestNats()]);
    fixtures = new Fixtures(database.server.superuserUrl);
    replicas = [await TestReplica.start(database, nats), await TestReplica.start(database, nats)];
    const [organization] = await fixtures.query<{ id: string }>('SELECT id FROM organizations');
    organizationId = organization?.id ?? '';
    cookie = (await replicas[0]?.signIn()) ?? '';
    agent = await enrolledAgent('Ghent');
    peerAgentId = (await enrolledAgent('Lille')).agentId;
    const sites = await fixtures.query<{ id: string }>('SELECT id FROM sites ORDER BY id');
    await fixtures.query('INSERT INTO links (organization_id, site_a_id, site_b_id) VALUES ($1, $2, $3)', [
      organizationId,
      sites[0]?.id,
      sites[1]?.id,
    ]);
  });

  afterAll(async () => {
    for (const socket of sockets) socket.terminate();
    await agent.connection.close();
    for (const replica of replicas) await replica.stop();
    await fixtures.close();
    await nats.stop();
    await database.stop();
  });

  afterEach(() => {
    clearInterval(reporting);
  });

  const enrolledAgent = async (site: string): Promise<TestAgent> => {
    const seed = createSeed('user');
    const siteId = await fixtures.site(organizationId, site);
    const agentId = await fixtures.agent(organizationId, siteId, publicKeyOf(seed));
    return connectTestAgent(nats, { organizationId, agentId, state: 'approved' }, { seed });
  };

  const open = (
    replica: number,
    headers: Record<string, string>,
    path = '/live',
  ): { socket: WebSocket; frames: LiveFrame[]; closed: Promise<number> } => {
    const url = `wss://127.0.0.1:${String(replicas[replica]?.port)}${path}`;
    const socket = new WebSocket(url, { ca: nats.state.caPem, headers });
    sockets.push(socket);
    const frames: LiveFrame[] = [];
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as LiveFrame));
    const closed = new Promise<number>((resolve) => {
      socket.on('close', resolve);
      socket.on('error', () => {
        resolve(-1);
      });
    });
    return { socket, frames, closed };
  };

  const ownOrigin = (replica: number): string => `https://127.0.0.1:${String(replicas[replica]?.port)}`;

  let sequence = 0;
  const report = async (): Promise<void> => {
    const atMs = Date.now();
    const head = { version: 1, bootId: '11111111-1111-4111-8111-111111111111', sequence: (sequence += 1) };
    const link = {
      peerAgentId,
      atMs,
      intervalMs: 1000,
      state: 'up',
      bytesSent: 12_500_000,
      bytesReceived: 125_000,
      wireBytesSent: 6_250_000,
      wireBytesReceived: 125_000,
      packetsSent: 1000,
      packetsLost: 20,
      packetsRetransmitted: 25,
      packetsSpurious: 0,
      minRttMs: 30,
      smoothedRttMs: 31.5,
      queueDelayMs: 1,
      pacingMbps: 120,
      mtu: 1472,
      openStreams: 2,
    };
    const flow = {
      flowId: '22222222-2222-4222-8222-222222222222',
      peerAgentId,
      atMs,
      startedAtMs: atMs - 1000,
      source: '10.0.0.1',
      destination: '10.0.1.1',
      destinationPort: 445,
      ruleId: null,
      handling: 'accelerated',
      ended: null,
      reason: null,
      bytesUp: 1_000_000,
      bytesDown: 0,
      encodedBytesUp: 500_000,
      encodedBytesDown: 0,
    };
    const { connection } = agent;
    const links = JSON.stringify({ ...head, links: [link] });
    // As after a lost acknowledgement: the second one counts for nothing.
    for (let time = 0; time < 2; time += 1) {
      connection.publish(subjects.linkTelemetry(organizationId, agent.agentId), links);
    }
    connection.publish(
      subjects.flowTelemetry(organizationId, agent.agentId),
      JSON.stringify({ ...head, flows: [flow] }),
    );
    await connection.flush();
  };

  it('shows in every replica what an agent reports, once a second', async () => {
    const viewers = [0, 1].map((replica) => open(replica, { cookie, origin: ownOrigin(replica) }));
    await eventually(() => viewers.every(({ frames }) => frames.length > 0));
    reporting = setInterval(() => void report(), 1000);
    for (const { frames } of viewers) {
      const frame = await eventually(() =>
        frames.find(({ links, flows }) => links.length + flows.length > 1),
      );
      const [link] = await fixtures.query<{ id: string }>('SELECT id FROM links');
      expect(frame.links).toEqual([
        expect.objectContaining({
          linkId: link?.id,
          agentId: agent.agentId,
          peerAgentId,
          state: 'up',
          sentMbps: 100,
          receivedMbps: 1,
          wireSentMbps: 50,
          rttMs: 31.5,
          minRttMs: 30,
          lossPct: 2,
          retransmitPct: 2.5,
          openStreams: 2,
        }),
      ]);
      expect(frame.flows).toEqual([
        expect.objectContaining({ agentId: agent.agentId, destinationPort: 445, ratio: 2 }),
      ]);
      expect(frame.flows[0]?.upMbps).toBeGreaterThan(4);
      expect(frame.flows[0]?.upMbps).toBeLessThanOrEqual(8.1);
      expect(frame.agents.find(({ agentId }) => agentId === agent.agentId)).toMatchObject({
        online: true,
        outcome: null,
      });
      await eventually(() => frames.length >= 6);
      // A page that comes to a feed that is running gets its last frame at once; then one a second.
      const [first, ...rest] = frames.map(({ atMs }) => atMs).slice(1);
      expect(((rest.at(-1) ?? 0) - (first ?? 0)) / rest.length).toBeGreaterThan(700);
    }
    clearInterval(reporting);
    const last = viewers[0]?.frames;
    await eventually(() => last?.at(-1)?.links[0]?.state === 'down');
    expect(last?.at(-1)).toMatchObject({ links: [{ sentMbps: 0, rttMs: null, openStreams: 0 }] });
    for (const { socket } of viewers) socket.close();
  });

  it('stays open over kill -9 of nats-server and of PostgreSQL, and goes on', async () => {
    const { frames, socket } = open(1, { cookie });
    await eventually(() => frames.length > 0);
    await nats.server.kill();
    await nats.server.restart();
    await database.server.kill();
    await database.server.restart();
    agent = await connectTestAgent(nats, agent, { seed: agent.seed });
    await eventually(async () => {
      await report();
      const frame = frames.at(-1);
      return frame?.links[0]?.state === 'up' && frame.agents.some(({ online }) => online);
    });
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.close();
  });

  it('turns away strangers, pages of another origin, and whoever signed out', async () => {
    expect(await open(0, {}).closed).toBe(4401);
    expect(await open(0, { cookie: `${cookie}x`, origin: ownOrigin(0) }).closed).toBe(4401);
    expect(await open(0, { cookie, origin: 'https://evil.example' }).closed).toBe(4403);
    expect(await open(0, { cookie, origin: ownOrigin(1) }).closed).toBe(4403);
    expect(await open(0, { authorization: `Bearer lh_api_${'A'.repeat(12)}_${'A'.repeat(43)}` }).closed).toBe(
      4401,
    );
    expect(await open(0, { cookie }, '/nowhere').closed).toBe(-1);
  });

  it('shows one organization only', async () => {
    const stranger = await connectTestAgent(nats, {
      organizationId: randomUUID(),
      agentId: randomUUID(),
      state: 'approved',
    });
    const { frames, socket } = open(0, { cookie });
    await eventually(() => frames.length > 0);
    const before = frames.length;
    stranger.connection.publish(
      subjects.flowTelemetry(stranger.organizationId, stranger.agentId),
      JSON.stringify({ version: 1, bootId: randomUUID(), sequence: 1, flows: [] }),
    );
    await stranger.connection.flush();
    await eventually(() => frames.length > before + 1);
    const agents = new Set(frames.flatMap((frame) => frame.agents.map(({ agentId }) => agentId)));
    expect(agents).toEqual(new Set([agent.agentId, peerAgentId]));
    socket.close();
    await stranger.connection.close();
  });
});
