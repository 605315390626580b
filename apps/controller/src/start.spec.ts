import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AGENT_API,
  challengeMessage,
  credentialSchema,
  desiredStateDirectGet,
  desiredStateSchema,
  subjects,
  type Credential,
  type DesiredState,
} from '@longhaul/contracts';
import { freePort, startNats, type RunningNats } from '@longhaul/embedded-services';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { prepareControllerState, type ControllerState } from './bootstrap/prepare.js';
import { loadSettings } from './config/settings.js';
import { createSeed, SigningKey } from './nats/nkey.js';
import { startController, type RunningController } from './start.js';
import { eventually } from './testing/eventually.js';
import { startTestDatabase, type TestDatabase } from './testing/test-database.js';

let root: string;
let database: TestDatabase;
let nats: RunningNats;
let state: ControllerState;
let controller: RunningController;
let ports: [number, number];
const announced: string[] = [];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'longhaul-start-'));
  database = await startTestDatabase();
  state = await prepareControllerState(join(root, 'controller'), { hosts: [] });
  nats = await startNats({ stateDir: join(root, 'nats'), config: state.natsConfigFile });
  ports = [await freePort('127.0.0.1'), await freePort('127.0.0.1')];
  controller = await startController(settings(), (line) => announced.push(line));
});

afterAll(async () => {
  await controller.stop();
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
    LONGHAUL_LISTEN: ports.map((port) => `127.0.0.1:${String(port)}`).join(','),
    LONGHAUL_LOG_LEVEL: 'error',
  });

interface Answer {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly text: string;
}

/** Trusts the controller's CA and nobody else. */
const ask = (path: string, options: RequestOptions = {}, body?: unknown): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', ...options.headers };
    const sent = request(
      { host: '127.0.0.1', port: ports[0], ca: state.caPem, path, ...options, headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode, headers: response.headers, text });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });

const post = async (path: string, body: unknown): Promise<Record<string, string>> =>
  JSON.parse((await ask(path, { method: 'POST' }, body)).text) as Record<string, string>;

/** `data` of an answer, loosely typed: each test knows what it asked for. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Data = any;

const graphql = async (
  cookie: string,
  query: string,
  variables: object = {},
): Promise<{ data: Data; cookie: string }> => {
  const answer = await ask('/graphql', { method: 'POST', headers: { cookie } }, { query, variables });
  const { data, errors } = JSON.parse(answer.text) as { data: unknown; errors?: unknown };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return { data, cookie: String(answer.headers['set-cookie'] ?? '').split(';')[0] ?? '' };
};

const signIn = async (): Promise<string> => {
  const password = /with the password (\S+)/.exec(announced.join('\n'))?.[1];
  const mutation = `mutation ($password: String!) { signIn(email: "admin@longhaul.local", password: $password) { role } }`;
  return (await graphql('', mutation, { password })).cookie;
};

const enroll = async (token: string): Promise<{ credential: Credential; seed: string }> => {
  const seed = createSeed('user');
  const key = new SigningKey(seed);
  const { challenge = '' } = await post(AGENT_API.challenge, { natsPublicKey: key.publicKey });
  const signature = Buffer.from(key.sign(Buffer.from(challengeMessage('enroll', challenge)))).toString(
    'base64',
  );
  const answer = await post(AGENT_API.enroll, {
    token,
    natsPublicKey: key.publicKey,
    tunnelPublicKey: randomBytes(32).toString('base64'),
    challenge,
    signature,
    hostname: 'edge',
    agentVersion: '0.1.0',
    addresses: [],
    tunnelPort: 4500,
  });
  return { credential: credentialSchema.parse(answer), seed };
};

const connectAgent = async ({
  credential,
  seed,
}: {
  credential: Credential;
  seed: string;
}): Promise<NatsConnection> =>
  connect({
    servers: credential.natsUrls,
    authenticator: jwtAuthenticator(credential.natsJwt, new TextEncoder().encode(seed)),
    tls: { ca: credential.caPem },
    inboxPrefix: subjects.inboxPrefix(credential.agentId),
    reconnect: false,
  });

const readState = async (
  agent: NatsConnection,
  { organizationId, agentId }: Credential,
): Promise<DesiredState> =>
  desiredStateSchema.parse((await agent.request(desiredStateDirectGet(organizationId, agentId))).json());

test('the first start announces an owner and a password that signs in', async () => {
  expect(announced.join('\n')).toMatch(/Sign in at https:\/\/\S+ as admin@longhaul\.local/);
  expect(await signIn()).toMatch(/^__Host-longhaul=/);
});

test('it serves at every address, over TLS of its own CA only, with headers that protect', async () => {
  for (const port of ports) {
    const { status, headers } = await ask('/readyz', { port });
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' });
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers).not.toHaveProperty('x-powered-by');
  }
  await expect(ask('/healthz', { ca: undefined })).rejects.toThrow(/certificate/);
});

test('from a token to an applied policy', async () => {
  const cookie = await signIn();
  const agents: { agent: NatsConnection; credential: Credential }[] = [];
  for (const [name, prefix] of [
    ['Paris', '10.1.0.0/16'],
    ['Lyon', '10.2.0.0/16'],
  ]) {
    const site = await graphql(cookie, 'mutation ($input: SiteInput!) { createSite(input: $input) { id } }', {
      input: { name, lanPrefixes: [prefix] },
    });
    const token = await graphql(
      cookie,
      'mutation ($input: EnrollmentTokenInput!) { createEnrollmentToken(input: $input) { token command } }',
      { input: { name, siteId: site.data.createSite.id } },
    );
    expect(token.data.createEnrollmentToken.command).toContain(`--ca-sha256 ${state.caSha256}`);
    const enrolled = await enroll(token.data.createEnrollmentToken.token);
    agents.push({ agent: await connectAgent(enrolled), credential: enrolled.credential });
  }
  const [near, far] = agents;
  if (near === undefined || far === undefined) throw new Error('two agents enrolled');
  await eventually(async () => (await readState(near.agent, near.credential)).peers.length === 1);

  const nudged = near.agent.subscribe(
    subjects.nudge(near.credential.organizationId, near.credential.agentId),
    { max: 1 },
  );
  await near.agent.flush();
  await graphql(
    cookie,
    'mutation { savePolicy(input: { message: "all", rules: [{ name: "all", priority: 1, action: ACCELERATE }] }) { revision } }',
  );
  await nudged[Symbol.asyncIterator]().next();
  const desired = await readState(near.agent, near.credential);
  expect(desired).toMatchObject({
    policyRevision: 1,
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
    const { data } = await graphql(cookie, query);
    expect(data.policy.application.nodes).toContainEqual({
      agent: { id: agentId, online: true },
      desiredRevision: 1,
      appliedRevision: 1,
      outcome: 'APPLIED',
    });
    return true;
  });

  await graphql(cookie, 'mutation ($id: ID!) { revokeAgent(id: $id) { state } }', {
    id: far.credential.agentId,
  });
  await far.agent.closed();
  await eventually(async () => (await readState(near.agent, near.credential)).peers.length === 0);
  await near.agent.close();
});

test('a second start announces nobody; a port that is taken is told with what to do', async () => {
  const again: string[] = [];
  await expect(startController(settings(), (line) => again.push(line))).rejects.toThrow(
    /is taken by another program: stop it, or set LONGHAUL_LISTEN/,
  );
  expect(again).toEqual([]);
});
