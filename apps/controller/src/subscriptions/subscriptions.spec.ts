import 'reflect-metadata';
import { createClient, type Client as SubscriptionClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { createSeed, publicKeyOf } from '@longhaul/contracts/nkey';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import type { Client, Data } from '../testing/test-api.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { connectTestAgent, startTestNats, type TestNats } from '../testing/test-nats.js';
import { TestReplica } from '../testing/test-replica.js';

/** Two replicas: what is done at the first is seen by whoever subscribed at the second. */
let database: TestDatabase;
let nats: TestNats;
let fixtures: Fixtures;
let here: TestReplica;
let there: TestReplica;
let cookie: string;
let owner: Client;
let organizationId: string;
let siteId: string;
const replicas: TestReplica[] = [];
const clients: SubscriptionClient[] = [];

beforeAll(async () => {
  [database, nats] = await Promise.all([startTestDatabase(), startTestNats()]);
  fixtures = new Fixtures(database.server.superuserUrl);
  for (let count = 0; count < 2; count += 1) replicas.push(await TestReplica.start(database, nats));
  [here, there] = replicas as [TestReplica, TestReplica];
  cookie = await here.signIn();
  owner = here.as({ cookie });
  organizationId = (await owner('{ organization { id } }')).data.organization.id as string;
  siteId = (await owner('mutation { createSite(input: { name: "Ghent" }) { id } }')).data.createSite
    .id as string;
});
afterAll(async () => {
  for (const client of clients) await client.dispose();
  for (const replica of replicas) await replica.stop();
  await fixtures.close();
  await nats.stop();
  await database.stop();
});

interface Subscriber {
  readonly client: SubscriptionClient;
  /** Of the connection's end. */
  readonly closed: Promise<{ code: number; reason: string }>;
}

const connect = (
  headers: Record<string, string>,
  connectionParams: Record<string, unknown> = {},
  replica = there,
): Subscriber => {
  class Socket extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, { ca: nats.state.caPem, headers });
    }
  }
  let close: (end: { code: number; reason: string }) => void = () => undefined;
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    close = resolve;
  });
  const client = createClient({
    url: `${replica.origin.replace('https', 'wss')}/graphql`,
    webSocketImpl: Socket,
    connectionParams,
    retryAttempts: 0,
    onNonLazyError: () => undefined,
    lazy: false,
    on: {
      closed: (event) => {
        close(event as { code: number; reason: string });
      },
    },
  });
  clients.push(client);
  return { client, closed };
};

const createToken = async (
  asker: Client,
  scopes = ['read'],
): Promise<{ id: string; authorization: string }> => {
  const { data } = await asker(
    'mutation ($scopes: [String!]!) { createApiToken(input: { name: "watch", scopes: $scopes }) { token apiToken { id } } }',
    { scopes },
  );
  return {
    id: data.createApiToken.apiToken.id as string,
    authorization: `Bearer ${String(data.createApiToken.token)}`,
  };
};

/** Everything that comes, from the time when the subscription is known to be served. */
const subscribe = async ({ client }: Subscriber, query: string, variables: Data = {}): Promise<Data[]> => {
  const events: Data[] = [];
  client.subscribe(
    { query, variables },
    {
      next: (event) => events.push(event),
      error: (error) => events.push({ failed: error }),
      complete: () => undefined,
    },
  );
  // The server answers in order: what is refused at once was asked for after the subscription.
  await new Promise<void>((resolve) => {
    const done = (): void => {
      resolve();
    };
    client.subscribe({ query: '{ viewer { id } }' }, { next: done, error: done, complete: done });
  });
  return events;
};

const AGENTS =
  'subscription ($siteId: ID) { agentChanged(siteId: $siteId) { hostname state online site { name } } }';

const pendingAgent = async (seed = createSeed('user')): Promise<string> => {
  const agentId = await fixtures.agent(organizationId, siteId, publicKeyOf(seed));
  await fixtures.query("UPDATE agents SET state = 'PENDING' WHERE id = $1", [agentId]);
  return agentId;
};

test('agents are shown as they are after each change, at any replica', async () => {
  const seed = createSeed('user');
  const agentId = await pendingAgent(seed);
  const { authorization } = await createToken(owner);
  const [byToken, bySession] = [connect({}, { authorization }), connect({ cookie, origin: there.origin })];
  const streams = [await subscribe(byToken, AGENTS), await subscribe(bySession, AGENTS, { siteId })];
  const elsewhere = await subscribe(byToken, AGENTS, { siteId: organizationId });
  await owner('mutation ($id: ID!) { approveAgent(id: $id) { id } }', { id: agentId });
  const approved = { hostname: 'host', state: 'APPROVED', site: { name: 'Ghent' } };
  for (const events of streams) {
    await eventually(() => events.length > 0);
    expect(events[0]).toEqual({ data: { agentChanged: { ...approved, online: false } } });
  }
  const agent = await connectTestAgent(nats, { organizationId, agentId, state: 'approved' }, { seed });
  for (const events of streams) {
    await eventually(() => events.some(({ data }) => data.agentChanged.online === true));
  }
  await agent.connection.close();
  for (const events of streams) await eventually(() => events.at(-1)?.data.agentChanged.online === false);
  expect(elsewhere).toEqual([]);
});

test('policies are shown when they come into force, and rollouts at each step', async () => {
  const subscriber = connect({ cookie });
  const policies = await subscribe(subscriber, 'subscription { policyPublished { scope revision } }');
  const rollouts = await subscribe(
    subscriber,
    'subscription { rolloutChanged { revision state stage progress { agents } } }',
  );
  const save = `mutation ($expectedRevision: Int, $priority: Int!, $rollout: RolloutInput) { savePolicy(input: {
    message: "", expectedRevision: $expectedRevision, rollout: $rollout,
    rules: [{ name: "all", priority: $priority, action: ACCELERATE }] }) { revision } }`;
  await owner(save, { priority: 1 });
  await eventually(() => policies.length > 0);
  expect(policies).toEqual([{ data: { policyPublished: { scope: 'ORGANIZATION', revision: 1 } } }]);
  const rollout = { percentages: [50], soakSeconds: 600 };
  expect((await owner(save, { priority: 2, expectedRevision: 1, rollout })).errors).toBeUndefined();
  await eventually(() => rollouts.length > 0);
  expect(rollouts[0]).toMatchObject({
    data: { rolloutChanged: { revision: 2, state: 'RUNNING', stage: 0 } },
  });
  expect(policies).toHaveLength(1);
  const [row] = await fixtures.query<{ id: string }>("SELECT id FROM rollouts WHERE state = 'RUNNING'");
  await owner('mutation ($id: ID!) { abortRollout(id: $id) { id } }', { id: row?.id });
  await eventually(() => rollouts.at(-1)?.data.rolloutChanged.state === 'ABORTED');
  expect(policies).toHaveLength(1);
});

test('alerts are shown at each change, and those of others are not', async () => {
  const elsewhere = await fixtures.organization('Elsewhere');
  const insert = async (organization: string): Promise<string> => {
    const [row] = await fixtures.query<{ id: string }>(
      `INSERT INTO alerts (organization_id, rule_id, rule_name, kind, severity, state, subject_kind, subject_id, subject_name,
                           site_ids, value, summary, pending_since, firing_since)
       VALUES ($1, gen_random_uuid(), 'Down', 'AGENT_DOWN', 'CRITICAL', 'FIRING', 'AGENT', gen_random_uuid(), 'edge',
               ARRAY[$2::uuid], 1, 'edge is away', now(), now()) RETURNING id`,
      [organization, siteId],
    );
    return row?.id ?? '';
  };
  const [own, foreign] = [await insert(organizationId), await insert(elsewhere)];
  const query = 'subscription { alertChanged { id summary acknowledgedBy silencedUntil sites { name } } }';
  const events = await subscribe(connect({ cookie }), query);
  await fixtures.query(
    `INSERT INTO outbox (organization_id, topic, subject_id, payload) VALUES ($1, 'changed', $2, '{"kind":"alert"}')`,
    [elsewhere, foreign],
  );
  await owner('mutation ($id: ID!) { acknowledgeAlert(id: $id) { id } }', { id: own });
  await eventually(() => events.length > 0);
  expect(events).toEqual([
    {
      data: {
        alertChanged: {
          id: own,
          summary: 'edge is away',
          acknowledgedBy: 'owner@example.com',
          silencedUntil: null,
          sites: [{ name: 'Ghent' }],
        },
      },
    },
  ]);
});

test('nothing of one organization is shown in another', async () => {
  const made = await owner('mutation { createOrganization(input: { name: "Acme" }) { id } }');
  const id = made.data.createOrganization.id as string;
  const ownSession = there.as({ cookie: await here.signIn() });
  const moved = await ownSession('mutation ($id: ID!) { switchOrganization(id: $id) { id } }', { id });
  const theirCookie = moved.cookie?.split(';')[0] ?? '';
  const theirs = here.as({ cookie: theirCookie });
  const { authorization } = await createToken(theirs);
  const streams = [
    await subscribe(connect({ cookie: theirCookie }), AGENTS),
    await subscribe(connect({}, { authorization }, here), AGENTS),
  ];
  const [own] = [await subscribe(connect({ cookie }), AGENTS)];
  const agentId = await pendingAgent();
  await owner('mutation ($id: ID!) { approveAgent(id: $id) { id } }', { id: agentId });
  await eventually(() => own.length > 0);
  const made2 = await theirs('mutation { createSite(input: { name: "Paris" }) { id } }');
  const seed = createSeed('user');
  const theirAgent = await fixtures.agent(id, made2.data.createSite.id as string, publicKeyOf(seed));
  await theirs('mutation ($id: ID!) { revokeAgent(id: $id) { id } }', { id: theirAgent });
  for (const events of streams) {
    await eventually(() => events.length > 0);
    expect(new Set(events.map(({ data }) => data.agentChanged.site.name))).toEqual(new Set(['Paris']));
  }
});

test('a connection ends with its token, its session or its membership', async () => {
  const { id, authorization } = await createToken(owner);
  const byToken = connect({}, { authorization });
  const events = await subscribe(byToken, AGENTS);
  await owner('mutation ($id: ID!) { revokeApiToken(id: $id) { id } }', { id });
  expect(await byToken.closed).toMatchObject({ code: 4401 });
  const spare = await here.signIn();
  const bySession = connect({ cookie: spare });
  await subscribe(bySession, AGENTS);
  await here.as({ cookie: spare })('mutation { signOut }');
  expect(await bySession.closed).toMatchObject({ code: 4401 });
  const before = events.length;
  await owner('mutation ($id: ID!) { approveAgent(id: $id) { id } }', { id: await pendingAgent() });
  const witness = await subscribe(connect({ cookie }), AGENTS);
  await owner('mutation ($id: ID!) { approveAgent(id: $id) { id } }', { id: await pendingAgent() });
  await eventually(() => witness.length > 0);
  expect(events).toHaveLength(before);
});

test('strangers and pages of another origin are turned away, and each refusal says why', async () => {
  expect(await connect({}).closed).toMatchObject({ code: 4401 });
  expect(
    await connect({}, { authorization: `Bearer lh_api_${'A'.repeat(12)}_${'A'.repeat(43)}` }).closed,
  ).toMatchObject({
    code: 4401,
  });
  expect(await connect({ cookie, origin: 'https://evil.example' }).closed).toMatchObject({ code: 4403 });
  const { authorization } = await createToken(owner, ['tokens:write']);
  const codesOf = async (subscriber: Subscriber, query: string): Promise<unknown[]> => {
    const events = await subscribe(subscriber, query);
    await eventually(() => events.length > 0);
    const { failed, errors } = events[0];
    return ((failed ?? errors) as { extensions: { code: string } }[]).map(
      ({ extensions }) => extensions.code,
    );
  };
  expect(await codesOf(connect({}, { authorization }), AGENTS)).toEqual(['FORBIDDEN']);
  const mine = connect({ cookie });
  for (const query of [
    '{ viewer { id } }',
    'mutation { signOut }',
    'subscription {',
    'subscription { nothing }',
    'subscription { policyPublished { scope } rolloutChanged { id } }',
  ]) {
    expect([query, await codesOf(mine, query)]).toEqual([query, ['BAD_INPUT']]);
  }
  expect(await codesOf(mine, 'subscription { agentChanged(id: "nonsense") { id } }')).toEqual(['NOT_FOUND']);
  const dear = `subscription { policyPublished { ${Array.from(
    { length: 60 },
    (_, i) => `a${String(i)}: revisions(first: 500) { nodes { sha256 } }`,
  ).join(' ')} } }`;
  expect(await codesOf(mine, dear)).toEqual(['QUERY_TOO_COSTLY']);
});
