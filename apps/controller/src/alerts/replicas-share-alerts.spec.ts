import type { NatsConnection } from '@nats-io/transport-node';
import { connectAs, type Data, type EnrolledAgent } from '../testing/controller-client.js';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import { Replica } from '../testing/replica.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { startTestNats, type TestNats } from '../testing/test-nats.js';
import { WebhookReceiver } from '../testing/webhook-receiver.js';

/** Whole controllers as processes; one of them is killed while an alert is pending, and again while it fires. */
const ENVIRONMENT = { LONGHAUL_DRAIN_SECONDS: '0', LONGHAUL_WEBHOOK_ALLOW_PRIVATE: 'true' };

let database: TestDatabase;
let nats: TestNats;
let fixtures: Fixtures;
let receiver: WebhookReceiver;
let agent: EnrolledAgent;
let connection: NatsConnection;
const replicas: Replica[] = [];

const startReplica = async (): Promise<Replica> => {
  const replica = await Replica.start({ database, nats, environment: ENVIRONMENT });
  replicas.push(replica);
  return replica;
};

beforeAll(async () => {
  [database, nats] = await Promise.all([startTestDatabase(), startTestNats()]);
  fixtures = new Fixtures(database.server.superuserUrl);
  receiver = await WebhookReceiver.start();
  const { client, firstPassword = '' } = await startReplica();
  await startReplica();
  const { cookie } = await client.signIn(firstPassword);
  const ask = async (query: string, variables: object): Promise<Data> =>
    (await client.graphql(cookie, query, variables)).data;
  const { createWebhook } = await ask(
    'mutation ($url: String!) { createWebhook(input: { name: "Receiver", url: $url }) { webhook { id } } }',
    { url: receiver.url },
  );
  const { alertRules } = await ask('{ alertRules { nodes { id kind } } }', {});
  const down = alertRules.nodes.find(({ kind }: Data) => kind === 'AGENT_DOWN');
  await ask(
    `mutation ($id: ID!, $webhooks: [ID!]!) {
       updateAlertRule(id: $id, input: { webhookIds: $webhooks, forSeconds: 10, clearForSeconds: 5 }) { id } }`,
    { id: down.id, webhooks: [createWebhook.webhook.id] },
  );
  agent = await client.enrollAt(cookie, 'Ghent', ['10.9.0.0/16']);
  connection = await connectAs(agent);
});
afterAll(async () => {
  await connection.close();
  await Promise.all(replicas.map((replica) => replica.kill()));
  await receiver.stop();
  await fixtures.close();
  await nats.stop();
  await database.stop();
});

const stateOfAlert = async (): Promise<string | undefined> => {
  const [row] = await fixtures.query<{ state: string }>("SELECT state FROM alerts WHERE kind = 'AGENT_DOWN'");
  return row?.state;
};

const posted = (): string[] =>
  receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type);

test('an agent that goes is told of once, and once that it is back, whichever replica is killed meanwhile', async () => {
  await eventually(async () => {
    const rows = await fixtures.query<{ seen: boolean }>(
      'SELECT last_seen_at IS NOT NULL AS seen FROM agents',
    );
    return rows[0]?.seen;
  });
  await connection.close();
  await eventually(async () => (await stateOfAlert()) === 'PENDING');
  await replicas[0]?.kill();
  await eventually(async () => (await stateOfAlert()) === 'FIRING');
  await eventually(() => posted().length > 0);
  await startReplica();
  await replicas[1]?.kill();
  connection = await connectAs({ ...agent });
  await eventually(async () => (await stateOfAlert()) === 'RESOLVED');
  // Written down after the receiver's answer.
  await eventually(async () => {
    const waiting = await fixtures.query("SELECT 1 FROM deliveries WHERE state = 'PENDING'");
    return posted().length > 1 && waiting.length === 0;
  });
  expect(posted()).toEqual(['alert.firing', 'alert.resolved']);
  const deliveries = await fixtures.query('SELECT event, state FROM deliveries ORDER BY created_at');
  expect(deliveries).toEqual([
    { event: 'alert.firing', state: 'DELIVERED' },
    { event: 'alert.resolved', state: 'DELIVERED' },
  ]);
  expect(await fixtures.query("SELECT 1 FROM alerts WHERE kind = 'AGENT_DOWN'")).toHaveLength(1);
});
