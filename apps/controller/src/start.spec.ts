import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { subjects, type Credential } from '@longhaul/contracts';
import { freePort, startNats, type RunningNats } from '@longhaul/embedded-services';
import type { NatsConnection } from '@nats-io/transport-node';
import { prepareControllerState, type ControllerState } from './bootstrap/prepare.js';
import { loadSettings } from './config/settings.js';
import { startController, type RunningController } from './start.js';
import { connectAs, ControllerClient, readStateAs } from './testing/controller-client.js';
import { eventually } from './testing/eventually.js';
import { Fixtures } from './testing/fixtures.js';
import { OtlpReceiver } from './testing/otlp-receiver.js';
import { startTestDatabase, type TestDatabase } from './testing/test-database.js';

let root: string;
let database: TestDatabase;
let nats: RunningNats;
let state: ControllerState;
let controller: RunningController;
let ports: [number, number];
let metricsPort: number;
const receiver = new OtlpReceiver();
let otlpEndpoint: string;
const announced: string[] = [];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'longhaul-start-'));
  database = await startTestDatabase();
  state = await prepareControllerState(join(root, 'controller'), { hosts: [] });
  nats = await startNats({ stateDir: join(root, 'nats'), config: state.natsConfigFile });
  ports = [await freePort('127.0.0.1'), await freePort('127.0.0.1')];
  metricsPort = await freePort('127.0.0.1');
  otlpEndpoint = await receiver.start();
  controller = await startController(settings(), (line) => announced.push(line));
});

afterAll(async () => {
  await controller.stop();
  receiver.stop();
  await nats.stop();
  await database.stop();
  rmSync(root, { recursive: true, force: true });
});

const settings = () =>
  loadSettings({
    LONGHAUL_STATE_DIR: join(root, 'controller'),
    DATABASE_URL: database.server.appUrl,
    DATABASE_OWNER_URL: database.server.ownerUrl,
    DATABASE_WORKER_URL: database.server.workerUrl,
    NATS_URL: nats.url,
    LONGHAUL_NATS_ALLOW_OLD: 'true',
    LONGHAUL_METRICS_LISTEN: `127.0.0.1:${String(metricsPort)}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint,
    LONGHAUL_LISTEN: ports.map((port) => `127.0.0.1:${String(port)}`).join(','),
    LONGHAUL_DRAIN_SECONDS: '0',
    LONGHAUL_LOG_LEVEL: 'error',
  });

const client = (): ControllerClient => new ControllerClient(ports[0], state.caPem);

const signIn = async (): Promise<string> => {
  const password = /with the password (\S+)/.exec(announced.join('\n'))?.[1] ?? '';
  return (await client().signIn(password)).cookie;
};

test('the first start announces an owner and a password that signs in', async () => {
  expect(announced.join('\n')).toMatch(/Sign in at https:\/\/\S+ as admin@longhaul\.local/);
  expect(await signIn()).toMatch(/^__Host-longhaul=/);
});

test('it serves at every address, over TLS of its own CA only, with headers that protect', async () => {
  for (const port of ports) {
    const { status, headers } = await client().ask('/readyz', { port });
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' });
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers).not.toHaveProperty('x-powered-by');
  }
  await expect(client().ask('/healthz', { ca: undefined })).rejects.toThrow(/certificate/);
});

test('from a token to an applied policy', async () => {
  const cookie = await signIn();
  const agents: { agent: NatsConnection; credential: Credential }[] = [];
  for (const [name, prefix] of [
    ['Paris', '10.1.0.0/16'],
    ['Lyon', '10.2.0.0/16'],
  ] as const) {
    const enrolled = await client().enrollAt(cookie, name, [prefix]);
    expect(enrolled.command).toContain(`--ca-sha256 ${state.caSha256}`);
    agents.push({ agent: await connectAs(enrolled), credential: enrolled.credential });
  }
  const [near, far] = agents;
  if (near === undefined || far === undefined) throw new Error('two agents enrolled');
  await eventually(async () => (await readStateAs(near.agent, near.credential)).peers.length === 1);

  const nudged = near.agent.subscribe(
    subjects.nudge(near.credential.organizationId, near.credential.agentId),
    { max: 1 },
  );
  await near.agent.flush();
  await client().graphql(
    cookie,
    'mutation { savePolicy(input: { message: "all", rules: [{ name: "all", priority: 1, action: ACCELERATE }] }) { revision } }',
  );
  await nudged[Symbol.asyncIterator]().next();
  // The first nudge may still be that of its peer.
  const desired = await eventually(async () => {
    const current = await readStateAs(near.agent, near.credential);
    return current.policyRevision === 1 && current;
  });
  expect(desired).toMatchObject({
    rules: [{ destinations: ['10.2.0.0/16'], peerAgentId: far.credential.agentId }],
  });

  const { organizationId, agentId } = near.credential;
  near.agent.publish(
    subjects.applied(organizationId, agentId),
    JSON.stringify({
      version: 1,
      bootId: randomUUID(),
      epoch: desired.epoch,
      generation: desired.generation,
      policyRevision: 1,
      outcome: 'applied',
      atMs: Date.now(),
    }),
  );
  const query =
    '{ policy { application { nodes { agent { id online } desiredRevision appliedRevision outcome } } } }';
  await eventually(async () => {
    const { data } = await client().graphql(cookie, query);
    expect(data.policy.application.nodes).toContainEqual({
      agent: { id: agentId, online: true },
      desiredRevision: 1,
      appliedRevision: 1,
      outcome: 'APPLIED',
    });
    return true;
  });

  await client().graphql(cookie, 'mutation ($id: ID!) { revokeAgent(id: $id) { state } }', {
    id: far.credential.agentId,
  });
  await far.agent.closed();
  await eventually(async () => (await readStateAs(near.agent, near.credential)).peers.length === 0);
  await near.agent.close();
});

test('tells Prometheus what it does, on a listener of its own', async () => {
  await signIn();
  const metrics = async (): Promise<Map<string, number>> => {
    const response = await fetch(`http://127.0.0.1:${String(metricsPort)}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain');
    const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => {
        const [, name = '', value] = /^(.+) (\S+)$/.exec(line) ?? [];
        return [name, Number(value)];
      }),
    );
  };
  const seen = await metrics();
  expect(seen.get('longhaul_nats_up')).toBe(1);
  expect(
    seen.get('longhaul_graphql_operation_duration_seconds_count{type="mutation",outcome="ok"}'),
  ).toBeGreaterThan(0);
  expect(
    seen.get('longhaul_http_request_duration_seconds_count{method="POST",route="/graphql",status="200"}'),
  ).toBeGreaterThan(0);
  expect(seen.get('longhaul_outbox_processed_total{topic="desired-state",outcome="done"}')).toBeGreaterThan(
    0,
  );
  for (const name of [
    'longhaul_agents_online',
    'longhaul_outbox_rows',
    'longhaul_telemetry_rollup_backlog',
    'longhaul_telemetry_stream_messages{state="pending"}',
    'longhaul_database_connections{pool="longhaul-worker",state="open"}',
    'longhaul_database_connections{pool="longhaul-requests",state="idle"}',
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_p99_seconds',
  ]) {
    expect([name, seen.has(name)]).toEqual([name, true]);
  }
  // What is about all tenants is not shown where tenants come.
  expect((await client().ask('/metrics')).status).toBe(404);
  expect((await fetch(`http://127.0.0.1:${String(metricsPort)}/`)).status).toBe(404);
});

test('sends spans of its requests to an OTLP receiver, below the span of whoever asked', async () => {
  const traceId = randomBytes(16).toString('hex');
  const parentSpanId = randomBytes(8).toString('hex');
  const headers = { traceparent: `00-${traceId}-${parentSpanId}-01` };
  await client().ask('/graphql', { method: 'POST', headers }, { query: 'query WhoAmI { viewer { id } }' });
  await eventually(() => receiver.spans.some((span) => span.traceId === traceId));
  expect(receiver.spans.find((span) => span.traceId === traceId)).toMatchObject({
    name: 'POST /graphql',
    parentSpanId,
    service: 'longhaul-controller',
    attributes: {
      'http.response.status_code': 200,
      'graphql.operation.type': 'query',
      'graphql.operation.name': 'WhoAmI',
    },
  });
});

test('it is ready while PostgreSQL and NATS answer and the database is as it has to be; else it says why not', async () => {
  const ready = async () => {
    const { status, text } = await client().ask('/readyz');
    const { reasons = [] } = JSON.parse(text) as { reasons?: { component: string }[] };
    return [status, ...reasons.map(({ component }) => component)];
  };
  const becomes = (...expected: unknown[]) =>
    eventually(async () => {
      expect(await ready()).toEqual(expected);
      return true;
    });
  await becomes(200);
  const fixtures = new Fixtures(database.server.superuserUrl);
  const change = (rolledBack: string) =>
    fixtures.query(
      `UPDATE _prisma_migrations SET rolled_back_at = ${rolledBack}
       WHERE migration_name = (SELECT max(migration_name) FROM _prisma_migrations)`,
    );
  await change('now()');
  expect(await ready()).toEqual([503, 'migrations']);
  await change('NULL');
  await fixtures.close();
  await nats.kill();
  await becomes(503, 'nats');
  await database.server.kill();
  await becomes(503, 'postgresql', 'nats');
  expect((await client().ask('/healthz')).status).toBe(200);
  await nats.restart();
  await becomes(503, 'postgresql');
  await database.server.restart();
  await becomes(200);
});

test('a second start announces nobody; a port that is taken is told with what to do', async () => {
  const again: string[] = [];
  await expect(startController(settings(), (line) => again.push(line))).rejects.toThrow(
    /is taken by another program: stop it, or set LONGHAUL_LISTEN/,
  );
  expect(again).toEqual([]);
});
