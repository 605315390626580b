import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:https';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import { desiredStateDirectGet, subjects, type DesiredState, type LinkRecord } from '@longhaul/contracts';
import { freePort } from '@longhaul/embedded-services';
import { createSeed, publicKeyOf } from '../nats/nkey.js';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { connectTestAgent, startTestNats, type TestAgent, type TestNats } from '../testing/test-nats.js';

jest.setTimeout(180_000);

/** Built by `npm run build`; a replica is a process of its own, to be killed. */
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const BOOT_ID = '8f8b1f3e-0000-4000-8000-000000000001';

interface Replica {
  readonly process: ChildProcess;
  readonly port: number;
}

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
  const port = await freePort('127.0.0.1');
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env['PATH'],
      LONGHAUL_STATE_DIR: nats.stateDir,
      DATABASE_URL: database.server.appUrl,
      DATABASE_OWNER_URL: database.server.ownerUrl,
      DATABASE_WORKER_URL: database.server.workerUrl,
      NATS_URL: nats.server.url,
      LONGHAUL_NATS_ALLOW_OLD: 'true',
      LONGHAUL_LISTEN: `127.0.0.1:${String(port)}`,
      LONGHAUL_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const replica = { process: child, port };
  replicas.push(replica);
  await eventually(async () => (await ask(replica, '{ __typename }')).data !== undefined);
  password ??= /with the password (\S+)/.exec(output)?.[1] ?? password;
  return replica;
};

const kill = async ({ process: child }: Replica): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
};

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Data = any;
interface Answer {
  readonly data: Data;
  readonly cookie: string;
}

const ask = (replica: Replica, query: string, variables: object = {}, cookie = ''): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: replica.port,
        path: '/graphql',
        method: 'POST',
        ca: nats.state.caPem,
        headers: { 'content-type': 'application/json', cookie },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const { data, errors } = JSON.parse(Buffer.concat(chunks).toString()) as {
            data: unknown;
            errors?: unknown;
          };
          if (errors === undefined) {
            resolve({ data, cookie: String(response.headers['set-cookie'] ?? '').split(';')[0] ?? '' });
          } else reject(new Error(JSON.stringify(errors)));
        });
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify({ query, variables }));
  });

/** The signed-in owner, at whichever replica. */
const signIn = async (replica: Replica): Promise<(query: string, variables?: object) => Promise<Data>> => {
  const mutation = `mutation ($password: String!) { signIn(email: "admin@longhaul.local", password: $password) { organization { id } } }`;
  const { data, cookie } = await ask(replica, mutation, { password });
  organizationId = data.signIn.organization.id;
  return async (query, variables) => (await ask(replica, query, variables, cookie)).data;
};

const readState = async (agent: TestAgent): Promise<DesiredState | undefined> => {
  const reply = await agent.connection.request(desiredStateDirectGet(organizationId, agent.agentId), '', {
    timeout: 2_000,
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
  await Promise.all(replicas.map(kill));
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
  }, 60_000);

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
  await kill(first);
  await eventually(async () => (await rolloutOf(revision))?.state === 'COMPLETED', 60_000);
  await settled();
  const middle = await generations();
  for (const { agentId } of agents) expect(middle[agentId]).toBe((before[agentId] ?? 0) + 1);

  const third = await startReplica();
  const next = await publish(second, revision, 'third');
  await kill(second);
  await eventually(async () => (await rolloutOf(next))?.state === 'COMPLETED', 60_000);
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
  expect(third.process.exitCode).toBeNull();
});

test('it halts when an agent refuses, goes on when told to, and an abort brings back what was', async () => {
  const replica = replicas.at(-1) as Replica;
  const [canary] = agents as [TestAgent];
  refusing.add(canary.agentId);
  const revision = await publish(replica, 3, 'fourth');
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
  }, 60_000);
  expect(halted).toMatchObject({ stage: 0, reason: 'host lost its tunnel to hub after it got it' });
  const owner = await signIn(replica);
  await owner('mutation ($id: ID!) { abortRollout(id: $id) { state } }', { id: halted.id });
});

const samples = async ({ agentId }: TestAgent): Promise<number> => {
  const rows = await fixtures.query('SELECT 1 FROM telemetry.link_samples WHERE agent_id = $1', [agentId]);
  return rows.length;
};
