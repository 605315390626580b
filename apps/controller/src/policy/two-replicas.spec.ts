import { request } from 'node:https';
import { desiredStateDirectGet, subjects, type DesiredState, type LinkRecord } from '@longhaul/contracts';
import { WebSocket } from 'ws';
import { createSeed, publicKeyOf } from '@longhaul/contracts/nkey';
import { Balancer } from '../testing/balancer.js';
import { ControllerClient, type Data } from '../testing/controller-client.js';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import { Load } from '../testing/load.js';
import { Replica } from '../testing/replica.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { connectTestAgent, startTestNats, type TestAgent, type TestNats } from '../testing/test-nats.js';

const ENVIRONMENT = {
  LONGHAUL_DRAIN_SECONDS: '1',
  LONGHAUL_AGENT_API_RATE: '10000',
  LONGHAUL_AGENT_API_BURST: '10000',
};
const BOOT_ID = '8f8b1f3e-0000-4000-8000-000000000001';

let database: TestDatabase;
let nats: TestNats;
let fixtures: Fixtures;
let organizationId: string;
let password: string;
const replicas: Replica[] = [];
const agents: TestAgent[] = [];
/** Agents that refuse what they get. */
const refusing = new Set<string>();

const startReplica = async (): Promise<Replica> => {
  const replica = await Replica.start({ database, nats, environment: ENVIRONMENT });
  replicas.push(replica);
  password ??= replica.firstPassword ?? password;
  return replica;
};

/** The signed-in owner, at whichever replica. */
const signIn = async ({
  client,
}: Pick<Replica, 'client'>): Promise<(query: string, variables?: object) => Promise<Data>> => {
  const session = await client.signIn(password);
  organizationId = session.organizationId;
  return async (query, variables) => (await client.graphql(session.cookie, query, variables)).data as Data;
};

const readState = async (agent: TestAgent): Promise<DesiredState | undefined> => {
  const reply = await agent.connection.request(desiredStateDirectGet(organizationId, agent.agentId), '', {
    timeout: 20_000,
  });
  return (reply.headers?.code ?? 0) >= 400 ? undefined : reply.json<DesiredState>();
};

/** Generations that an agent was given, in their order, without repeats. */
const seen = new Map<string, number[]>();

/** Reads its state on every nudge and now and then, and answers as an agent does. */
const live = (agent: TestAgent): void => {
  const history: number[] = [];
  seen.set(agent.agentId, history);
  const look = async (): Promise<void> => {
    const state = await readState(agent).catch(() => undefined);
    if (state === undefined || state.generation === history.at(-1)) return;
    history.push(state.generation);
    const refuses = refusing.has(agent.agentId);
    const answer = {
      version: 1,
      bootId: BOOT_ID,
      epoch: state.epoch,
      generation: state.generation,
      policyRevision: state.policyRevision,
      outcome: refuses ? 'rejected' : 'applied',
      ...(refuses ? { error: 'no such interface' } : {}),
      atMs: Date.now(),
    };
    agent.connection.publish(subjects.applied(organizationId, agent.agentId), JSON.stringify(answer));
  };
  agent.connection.subscribe(subjects.nudge(organizationId, agent.agentId), {
    callback: () => void look(),
  });
  const timer = setInterval(() => void look(), 500);
  void agent.connection.closed().then(() => {
    clearInterval(timer);
  });
};

beforeAll(async () => {
  [database, nats] = await Promise.all([startTestDatabase(), startTestNats()]);
  fixtures = new Fixtures(database.server.superuserUrl);
  const first = await startReplica();
  await startReplica();
  const owner = await signIn(first);
  for (let i = 0; i < 6; i += 1) {
    const input = {
      name: `site ${String(i)}`,
      lanPrefixes: [`10.${String(i)}.0.0/16`],
      labels: i === 0 ? ['canary'] : [],
    };
    const { createSite } = await owner('mutation ($input: SiteInput!) { createSite(input: $input) { id } }', {
      input,
    });
    const seed = createSeed('user');
    const agentId = await fixtures.agent(organizationId, createSite.id as string, publicKeyOf(seed));
    await fixtures.query(
      "UPDATE agents SET tunnel_public_key = encode(sha256(id::text::bytea), 'base64') WHERE id = $1",
      [agentId],
    );
    const agent = await connectTestAgent(nats, { organizationId, agentId, state: 'approved' }, { seed });
    agents.push(agent);
    live(agent);
  }
  // Compiles for all of them.
  await owner('mutation ($input: SavePolicyInput!) { savePolicy(input: $input) { revision } }', {
    input: { message: '', rules: [{ id: 'first', name: 'first', priority: 1, action: 'PASS' }] },
  });
  await settled();
});

afterAll(async () => {
  await Promise.all(agents.map(({ connection }) => connection.close().catch(() => undefined)));
  await Promise.all(replicas.map((replica) => replica.kill()));
  await fixtures.close();
  await nats.stop();
  await database.stop();
});

/** Everything is delivered and answered. */
const settled = () =>
  eventually(async () => {
    const [left] = await fixtures.query<{ outbox: number; behind: number }>(
      `SELECT (SELECT count(*) FROM outbox)::int AS outbox,
              (SELECT count(*) FROM agent_desired_states s LEFT JOIN agent_applied a USING (organization_id, agent_id)
               WHERE a.generation IS DISTINCT FROM s.generation OR a.epoch IS DISTINCT FROM s.epoch
                  OR s.delivered_generation <> s.generation)::int AS behind`,
    );
    return left?.outbox === 0 && left.behind === 0;
  });

const generations = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    (
      await fixtures.query<{ agent_id: string; generation: number }>(
        'SELECT agent_id, generation FROM agent_desired_states',
      )
    ).map((row) => [row.agent_id, row.generation]),
  );

const rolloutOf = async (revision: number) => {
  const [row] = await fixtures.query<{ id: string; state: string; stage: number; reason: string | null }>(
    'SELECT id, state, stage, reason FROM rollouts WHERE revision = $1',
    [revision],
  );
  return row;
};

const publish = async (
  replica: Replica,
  expectedRevision: number,
  ruleId: string,
  soakSeconds = 1,
): Promise<number> => {
  const owner = await signIn(replica);
  const { savePolicy } = await owner(
    'mutation ($input: SavePolicyInput!) { savePolicy(input: $input) { revision } }',
    {
      input: {
        message: '',
        expectedRevision,
        rules: [{ id: ruleId, name: ruleId, priority: 1, action: 'PASS' }],
        rollout: { canaryLabel: 'canary', percentages: [50], soakSeconds, confirmSeconds: 60 },
      },
    },
  );
  return savePolicy.revision as number;
};

test('a rollout goes on through kill -9 of one replica and of the other; nothing is lost or done twice', async () => {
  const before = await generations();
  const [first, second] = replicas as [Replica, Replica];
  const revision = await publish(first, 1, 'second');
  await eventually(async () => ((await rolloutOf(revision))?.stage ?? 0) >= 1);
  await first.kill();
  await eventually(async () => (await rolloutOf(revision))?.state === 'COMPLETED');
  await settled();
  const middle = await generations();
  for (const { agentId } of agents) expect(middle[agentId]).toBe((before[agentId] ?? 0) + 1);

  const third = await startReplica();
  const next = await publish(second, revision, 'third');
  await second.kill();
  await eventually(async () => (await rolloutOf(next))?.state === 'COMPLETED');
  await settled();
  const after = await generations();
  for (const agent of agents) {
    expect(after[agent.agentId]).toBe((before[agent.agentId] ?? 0) + 2);
    expect(await readState(agent)).toMatchObject({ generation: after[agent.agentId], epoch: 1 });
    const history = seen.get(agent.agentId) ?? [];
    expect(history).toEqual([...new Set(history)].sort((a, b) => a - b));
  }
  const steps = await fixtures.query<{ action: string }>(
    "SELECT action FROM audit_events WHERE action LIKE 'policy.rollout.%' ORDER BY at",
  );
  const once = ['policy.rollout.advance', 'policy.rollout.advance', 'policy.rollout.complete'];
  expect(steps.map(({ action }) => action)).toEqual([...once, ...once]);
  expect((await fixtures.query('SELECT 1 FROM policies WHERE revision = $1', [next])).length).toBe(1);
  expect(third.isRunning).toBe(true);
});

test('it halts when an agent refuses, goes on when told to, and an abort brings back what was', async () => {
  const replica = replicas.at(-1) as Replica;
  const [canary] = agents as [TestAgent];
  refusing.add(canary.agentId);
  const soakSeconds = 20;
  const revision = await publish(replica, 3, 'fourth', soakSeconds);
  const halted = await eventually(async () => {
    const rollout = await rolloutOf(revision);
    return rollout?.state === 'HALTED' && rollout;
  });
  expect(halted).toMatchObject({ stage: 0, reason: 'host rejected it (no such interface)' });
  const owner = await signIn(replica);
  const input = { message: '', expectedRevision: 3, rules: [] };
  await expect(
    owner('mutation ($input: SavePolicyInput!) { savePolicy(input: $input) { revision } }', { input }),
  ).rejects.toThrow('is being rolled out');
  const { rollout } = await owner(
    'query ($id: ID!) { rollout(id: $id) { stages { label percent } progress { agents applied failed pending } } }',
    { id: halted.id },
  );
  expect(rollout).toEqual({
    stages: [
      { label: 'canary', percent: null },
      { label: null, percent: 50 },
      { label: null, percent: 100 },
    ],
    progress: { agents: 1, applied: 0, failed: 1, pending: 0 },
  });
  refusing.delete(canary.agentId);
  await owner('mutation ($id: ID!) { resumeRollout(id: $id) { state } }', { id: halted.id });
  // Nobody has to wait for the first stage to soak; the next one lasts until it is aborted.
  await fixtures.query(
    'UPDATE rollouts SET stage_started_at = stage_started_at - make_interval(secs => $2) WHERE id = $1',
    [halted.id, soakSeconds],
  );
  await eventually(async () => ((await rolloutOf(revision))?.stage ?? 0) >= 1);
  await owner('mutation ($id: ID!) { abortRollout(id: $id) { state } }', { id: halted.id });
  await settled();
  for (const agent of agents) {
    expect((await readState(agent))?.rules.map(({ id }) => id)).toEqual(['third']);
  }
  expect(await owner('{ policy { revision } fleet { drifted } }')).toEqual({
    policy: { revision: 3 },
    fleet: { drifted: 0 },
  });
  const back = await owner(
    'mutation ($input: RollbackPolicyInput!) { rollbackPolicy(input: $input) { revision document { rules { id } } } }',
    { input: { revision: 1, expectedRevision: 3, message: 'back' } },
  );
  expect(back.rollbackPolicy).toEqual({ revision: 5, document: { rules: [{ id: 'first' }] } });
});

/** What an agent says of its tunnels, `agoMs` ago by its clock. */
const tell = (
  agent: TestAgent,
  sequence: number,
  agoMs: number,
  states: Record<string, LinkRecord['state']>,
) => {
  const counters = { bytesSent: 0, bytesReceived: 0, wireBytesSent: 0, wireBytesReceived: 0, openStreams: 0 };
  const packets = { packetsSent: 0, packetsLost: 0, packetsRetransmitted: 0, packetsSpurious: 0, mtu: 1472 };
  const times = { minRttMs: null, smoothedRttMs: null, queueDelayMs: null, pacingMbps: null };
  const links: LinkRecord[] = Object.entries(states).map(([peerAgentId, state]) => ({
    ...{ peerAgentId, state, atMs: Date.now() - agoMs, intervalMs: 1000 },
    ...{ ...counters, ...packets, ...times },
  }));
  const batch = { version: 1, bootId: BOOT_ID, sequence, links };
  agent.connection.publish(subjects.linkTelemetry(organizationId, agent.agentId), JSON.stringify(batch));
};

test('it halts when an agent loses tunnels that it had before it got the new state', async () => {
  const replica = replicas.at(-1) as Replica;
  const [canary, hub, spare, gone] = agents as [TestAgent, TestAgent, TestAgent, TestAgent];
  await fixtures.query('UPDATE agents SET hostname = $1 WHERE id = $2', ['hub', hub.agentId]);
  await gone.connection.close();
  tell(canary, 1, 0, { [hub.agentId]: 'up', [spare.agentId]: 'down', [gone.agentId]: 'up' });
  const revision = await publish(replica, 5, 'sixth', 600);
  await eventually(async () => {
    const [row] = await fixtures.query<{ policy_revision: number }>(
      'SELECT policy_revision FROM agent_applied WHERE agent_id = $1',
      [canary.agentId],
    );
    return row?.policy_revision === revision;
  });
  // Its clock is ahead, so nobody has to wait for the time after which a tunnel is lost.
  const after = { [spare.agentId]: 'down', [gone.agentId]: 'down' } as const;
  tell(canary, 2, -25_000, { ...after, [hub.agentId]: 'up' });
  await eventually(async () => (await samples(canary)) === 6);
  expect(await rolloutOf(revision)).toMatchObject({ state: 'RUNNING', stage: 0 });
  tell(canary, 3, -50_000, { ...after, [hub.agentId]: 'connecting' });
  const halted = await eventually(async () => {
    const rollout = await rolloutOf(revision);
    return rollout?.state === 'HALTED' && rollout;
  });
  expect(halted).toMatchObject({ stage: 0, reason: 'host lost its tunnel to hub after it got it' });
  const owner = await signIn(replica);
  await owner('mutation ($id: ID!) { abortRollout(id: $id) { state } }', { id: halted.id });
});

const samples = async ({ agentId }: TestAgent): Promise<number> => {
  const rows = await fixtures.query('SELECT 1 FROM telemetry.link_samples WHERE agent_id = $1', [agentId]);
  return rows.length;
};

describe('behind one address', () => {
  let balancer: Balancer;
  let load: Load;
  let owner: (query: string, variables?: object) => Promise<Data>;
  const serving = (): Replica[] => replicas.filter(({ isRunning }) => isRunning);

  beforeAll(async () => {
    await startReplica();
    balancer = new Balancer(serving);
    await balancer.start();
    // A connection that was kept may be that of a replica that has just been killed.
    const client = new ControllerClient(balancer.port, nats.state.caPem, false);
    owner = await signIn({ client });
    load = new Load();
    for (let caller = 0; caller < 4; caller += 1) {
      load.add('site', (name) =>
        owner('mutation ($input: SiteInput!) { createSite(input: $input) { id } }', { input: { name } }),
      );
    }
    load.add('query', () => owner('{ fleet { drifted } policy { revision } }'));
    load.add('renewal', () => client.renew(agents[0]?.seed ?? ''));
  });
  afterAll(async () => {
    await load.stop();
    balancer.stop();
  });

  const goesOn = async (): Promise<void> => {
    const before = load.answered;
    await eventually(() => load.answered > before + 20);
  };

  test('kill -9 of a replica costs the requests that it had in hand, and nothing else', async () => {
    await goesOn();
    const [victim] = serving() as [Replica];
    await victim.kill();
    const diedAtMs = Date.now();
    await goesOn();
    await startReplica();
    await goesOn();
    for (const { beganAtMs } of load.failures) expect(beganAtMs).toBeLessThanOrEqual(diedAtMs);
  });

  test('SIGTERM to a replica costs nothing: it answers what it was asked, sends viewers away, ends with 0', async () => {
    const failed = load.failures.length;
    const [leaving] = serving() as [Replica];
    const session = await leaving.client.signIn(password);
    const viewer = new WebSocket(`wss://127.0.0.1:${String(leaving.port)}/live`, {
      ca: nats.state.caPem,
      origin: `https://127.0.0.1:${String(leaving.port)}`,
      headers: { cookie: session.cookie },
    });
    const [closed] = [new Promise<number>((resolve) => viewer.once('close', resolve))];
    await new Promise((resolve) => viewer.once('message', resolve));
    const body = JSON.stringify({ query: '{ fleet { drifted } }' });
    const answer = new Promise<[number | undefined, string | undefined]>((resolve, reject) => {
      const slow = request(
        {
          ...{
            host: '127.0.0.1',
            port: leaving.port,
            ca: nats.state.caPem,
            path: '/graphql',
            method: 'POST',
          },
          headers: {
            'content-type': 'application/json',
            'content-length': body.length,
            cookie: session.cookie,
          },
        },
        (response) => {
          response.resume();
          resolve([response.statusCode, response.headers.connection]);
        },
      );
      slow.on('error', reject);
      slow.write(body.slice(0, 10));
      // The rest when no new connection is taken any more.
      void eventually(() =>
        leaving.isReady().then(
          () => false,
          () => true,
        ),
      ).then(() => slow.end(body.slice(10)));
    });
    await goesOn();
    const ended = leaving.end('SIGTERM');
    const notReady = await eventually(async () => {
      const { status, text } = await leaving.client.ask('/readyz');
      return status === 503 && text;
    });
    expect(JSON.parse(notReady)).toMatchObject({ reasons: [{ component: 'shutdown' }] });
    expect((await leaving.client.ask('/healthz')).status).toBe(200);
    expect(await closed).toBe(1001);
    expect(await answer).toEqual([200, 'close']);
    expect(await ended).toBe(0);
    await goesOn();
    expect(load.failures.slice(failed)).toEqual([]);
  });

  test('nothing that was acknowledged is lost, nothing is done twice', async () => {
    await load.stop();
    await eventually(async () => (await fixtures.query('SELECT 1 FROM outbox')).length === 0);
    const made = await fixtures.query<{ name: string; audited: number }>(
      `SELECT s.name, (SELECT count(*)::int FROM audit_events a WHERE a.action = 'site.create' AND a.target_id = s.id::text) AS audited
       FROM sites s WHERE s.name LIKE 'site %.%'`,
    );
    const acknowledged = load.outcomes
      .filter(({ name, failure }) => name.startsWith('site') && failure === undefined)
      .map(({ name }) => name);
    expect(acknowledged.length).toBeGreaterThan(20);
    expect(made.map(({ name }) => name)).toEqual(expect.arrayContaining(acknowledged));
    expect(made.filter(({ audited }) => audited !== 1)).toEqual([]);
    const audits = await fixtures.query(
      `SELECT 1 FROM audit_events WHERE action = 'site.create' AND after->>'name' LIKE 'site %.%'`,
    );
    expect(audits).toHaveLength(made.length);
  });

  test('a second signal ends a replica at once', async () => {
    const [last] = serving() as [Replica];
    last.process.kill('SIGTERM');
    await eventually(async () => (await last.client.ask('/readyz')).status === 503);
    expect(await last.end('SIGTERM')).toBe(1);
  });
});
