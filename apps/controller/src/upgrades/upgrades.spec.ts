import { createHash, randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  AGENT_API,
  challengeMessage,
  desiredStateDirectGet,
  subjects,
  type DesiredState,
  type UpgradeReport,
} from '@longhaul/contracts';
import { createSeed, publicKeyOf, SigningKey } from '@longhaul/contracts/nkey';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import type { Client } from '../testing/test-api.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { connectTestAgent, startTestNats, type TestAgent, type TestNats } from '../testing/test-nats.js';
import { TestReplica } from '../testing/test-replica.js';

let database: TestDatabase;
let nats: TestNats;
let fixtures: Fixtures;
let replica: TestReplica;
let owner: Client;
let cookie: string;
let organizationId: string;
const agents: TestAgent[] = [];
const siteIds: string[] = [];

/** As the first entry of a release: its version. */
const releaseFile = (version: string): Buffer => {
  const manifest = Buffer.from(JSON.stringify({ version }));
  const archive = Buffer.alloc(512 * 4);
  archive.write('release.json', 0);
  archive.write(`${manifest.length.toString(8).padStart(11, '0')}\0`, 124);
  manifest.copy(archive, 512);
  return gzipSync(archive);
};

interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

const post = (path: string, headers: Record<string, string>, body: Buffer | string): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const url = {
      host: '127.0.0.1',
      port: replica.port,
      path,
      method: 'POST',
      ca: nats.state.caPem,
      headers,
    };
    const call = request({ ...url, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) });
      });
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end(body);
  });

const add = (version: string, file: Buffer, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  post(
    `/api/v1/releases?version=${version}`,
    { cookie, 'content-type': 'application/gzip', ...headers },
    file,
  );

const postJson = async (path: string, body: object): Promise<HttpAnswer> =>
  post(path, { 'content-type': 'application/json' }, JSON.stringify(body));

/** The file of a release, as an agent with this key fetches it. */
const fetchRelease = async (seed: string, sha256: string): Promise<HttpAnswer> => {
  const natsPublicKey = publicKeyOf(seed);
  const { body } = await postJson(AGENT_API.challenge, { natsPublicKey });
  const { challenge } = JSON.parse(body.toString()) as { challenge: string };
  const proof = new SigningKey(seed).sign(Buffer.from(challengeMessage('release', challenge)));
  const signature = Buffer.from(proof).toString('base64');
  return postJson(AGENT_API.release, { natsPublicKey, challenge, signature, sha256 });
};

const codeOf = ({ body }: HttpAnswer): unknown => (JSON.parse(body.toString()) as { code?: unknown }).code;

const readState = async (agent: TestAgent): Promise<DesiredState | undefined> => {
  const subject = desiredStateDirectGet(organizationId, agent.agentId);
  const reply = await agent.connection.request(subject, '', { timeout: 2_000 });
  return (reply.headers?.code ?? 0) >= 400 ? undefined : reply.json<DesiredState>();
};

/** What the agents are to run, in the order of their sites. */
const wanted = async (): Promise<(string | undefined)[]> =>
  (await Promise.all(agents.map(readState))).map((state) => state?.agentRelease?.version);

const boots = new Map<string, string>();

/** An agent says what it runs, and how its upgrades stand. */
const say = (agent: TestAgent, agentVersion: string, upgrade?: Partial<UpgradeReport>): void => {
  boots.set(agent.agentId, boots.get(agent.agentId) ?? randomUUID());
  const report = { state: 'idle', version: null, attempt: 0, reason: null, ...upgrade };
  const hello = { version: 1, agentVersion, bootId: boots.get(agent.agentId), hostname: 'edge' };
  const body = JSON.stringify({ ...hello, appliedEpoch: 1, appliedGeneration: 1, upgrade: report });
  agent.connection.publish(subjects.hello(organizationId, agent.agentId), body);
};

const query = async (text: string, variables: Record<string, unknown> = {}) => {
  const { data, errors } = await owner(text, variables);
  if (errors !== undefined) throw new Error(errors[0]?.message);
  return data;
};

const UPGRADE = 'id state stage reason progress { agents upgraded failed pending byHand }';

const start = async (version: string, input: object = {}): Promise<string> => {
  const document = `mutation ($input: UpgradeInput!) { startUpgrade(input: $input) { ${UPGRADE} } }`;
  const all = { version, canaryLabel: 'canary', soakSeconds: 1, confirmSeconds: 60, ...input };
  return (await query(document, { input: all })).startUpgrade.id as string;
};

const upgradeThatIs = (id: string, state: string) =>
  eventually(async () => {
    const { upgrade } = await query(`query ($id: ID!) { upgrade(id: $id) { ${UPGRADE} } }`, { id });
    return upgrade.state === state ? upgrade : undefined;
  });

const wantedIs = (versions: readonly (string | undefined)[]) =>
  eventually(async () => JSON.stringify(await wanted()) === JSON.stringify(versions));

beforeAll(async () => {
  [database, nats] = await Promise.all([startTestDatabase(), startTestNats()]);
  fixtures = new Fixtures(database.server.superuserUrl);
  replica = await TestReplica.start(database, nats);
  cookie = await replica.signIn();
  owner = replica.as({ cookie, origin: replica.origin });
  organizationId = (await query('{ organization { id } }')).organization.id as string;
  for (const [index, labels] of [['canary'], [], []].entries()) {
    const input = { name: `site ${String(index)}`, lanPrefixes: [`10.${String(index)}.0.0/16`], labels };
    const { createSite } = await query('mutation ($input: SiteInput!) { createSite(input: $input) { id } }', {
      input,
    });
    const seed = createSeed('user');
    siteIds.push(createSite.id as string);
    const agentId = await fixtures.agent(organizationId, createSite.id as string, publicKeyOf(seed));
    await fixtures.query(
      "UPDATE agents SET tunnel_public_key = encode(sha256(id::text::bytea), 'base64') WHERE id = $1",
      [agentId],
    );
    agents.push(await connectTestAgent(nats, { organizationId, agentId, state: 'approved' }, { seed }));
  }
  for (const agent of agents) say(agent, '1.0.0');
});

afterAll(async () => {
  await Promise.all(agents.map(({ connection }) => connection.close()));
  await replica.stop();
  await fixtures.close();
  await nats.stop();
  await database.stop();
});

/** What is kept in the state folder. */
const keptFiles = (): Promise<string[]> => readdir(join(nats.state.caFile, '..', 'releases'));
const fileOf = (release: Buffer): string => `${sha256(release)}.tar.gz`;

const sha256 = (file: Buffer): string => createHash('sha256').update(file).digest('hex');

describe('the controller', () => {
  it('takes no release from whoever may not change agents, nor what is none', async () => {
    const file = releaseFile('1.1.0');
    expect(codeOf(await add('1.1.0', file, { cookie: '' }))).toBe('UNAUTHENTICATED');
    const made = await query(
      'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { token } }',
      { input: { name: 'reader', scopes: ['read'] } },
    );
    const authorization = `Bearer ${made.createApiToken.token as string}`;
    expect(codeOf(await add('1.1.0', file, { cookie: '', authorization }))).toBe('FORBIDDEN');
    expect(codeOf(await add('1.1.0', file, { 'content-type': 'text/plain' }))).toBe('BAD_INPUT');
    for (const [version, content] of [
      ['../etc', file],
      ['1.2.0', file],
      ['1.1.0', Buffer.from('no archive')],
      ['1.1.0', Buffer.alloc(0)],
    ] as const)
      expect(codeOf(await add(version, content))).toBe('BAD_INPUT');
    expect((await query('{ agentReleases { totalCount } }')).agentReleases.totalCount).toBe(0);
  });

  it('keeps a release, and refuses another file of its version', async () => {
    const file = releaseFile('1.1.0');
    const { status, body } = await add('1.1.0', file);
    expect([status, JSON.parse(body.toString())]).toEqual([
      201,
      { version: '1.1.0', sha256: sha256(file), bytes: file.length },
    ]);
    const told = { notes: 'What is new', signature: `${'A'.repeat(86)}==` };
    expect((await add(`1.1.0&${String(new URLSearchParams(told))}`, file)).status).toBe(201);
    expect((await add('1.1.0', file)).status).toBe(201);
    const { agentReleases } = await query('{ agentReleases { nodes { notes signature } } }');
    expect(agentReleases.nodes).toEqual([told]);
    const other = gzipSync(Buffer.concat([Buffer.from('x'), releaseFile('1.1.0')]));
    expect(codeOf(await add('1.1.0', other))).toBe('BAD_INPUT');
    const same = Buffer.concat([file, gzipSync('more')]);
    expect(codeOf(await add('1.1.0', same))).toBe('CONFLICT');
    expect(await keptFiles()).toEqual([fileOf(file)]);
    const events = await query(
      '{ auditEvents(filter: { actions: ["agent.release.add"] }) { nodes { targetId } } }',
    );
    expect(events.auditEvents.nodes).toEqual(Array(3).fill({ targetId: '1.1.0' }));
  });

  it('gives no release to who is no agent of its organization, and the whole of it to one that is', async () => {
    const file = releaseFile('1.1.0');
    const [{ seed }] = agents as [TestAgent];
    const got = await fetchRelease(seed, sha256(file));
    expect([got.status, sha256(got.body)]).toEqual([200, sha256(file)]);
    expect(codeOf(await fetchRelease(seed, '0'.repeat(64)))).toBe('RELEASE_UNKNOWN');
    expect(codeOf(await fetchRelease(createSeed('user'), sha256(file)))).toBe('AGENT_UNKNOWN');
    const stranger = createSeed('user');
    const elsewhere = await fixtures.organization('Other');
    await fixtures.agent(elsewhere, await fixtures.site(elsewhere, 'theirs'), publicKeyOf(stranger));
    expect(codeOf(await fetchRelease(stranger, sha256(file)))).toBe('RELEASE_UNKNOWN');
  });

  it('has a version reach the canary, and all others when that runs it', async () => {
    const [canary, ...others] = agents as [TestAgent, ...TestAgent[]];
    await wantedIs([undefined, undefined, undefined]);
    const id = await start('1.1.0');
    await wantedIs(['1.1.0', undefined, undefined]);
    say(canary, '1.0.0', { state: 'fetching', version: '1.1.0', attempt: 1 });
    // It says so while it may still go back: that is not enough.
    say(canary, '1.1.0', { state: 'trying', version: '1.1.0', attempt: 1 });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await wanted()).toEqual(['1.1.0', undefined, undefined]);
    say(canary, '1.1.0');
    await wantedIs(['1.1.0', '1.1.0', '1.1.0']);
    for (const agent of others) say(agent, '1.1.0');
    const { progress } = await upgradeThatIs(id, 'COMPLETED');
    expect(progress).toEqual({ agents: 3, upgraded: 3, failed: 0, pending: 0, byHand: 0 });
    const { organization, fleet } = await query(
      '{ organization { agentVersion } fleet { agentVersions { version agents } } }',
    );
    expect(organization.agentVersion).toBe('1.1.0');
    expect(fleet.agentVersions).toEqual([{ version: '1.1.0', agents: 3 }]);
  });

  it('halts when an agent goes back, has it try again when it is resumed, and goes back itself when it is aborted', async () => {
    const [canary] = agents as [TestAgent];
    await add('1.2.0', releaseFile('1.2.0'));
    const id = await start('1.2.0');
    await wantedIs(['1.2.0', '1.1.0', '1.1.0']);
    const attempt = (await readState(canary))?.agentRelease?.attempt ?? 0;
    say(canary, '1.1.0', { state: 'refused', version: '1.2.0', attempt, reason: 'it ended with code 1' });
    const halted = await upgradeThatIs(id, 'HALTED');
    expect(halted.reason).toContain('it ended with code 1');
    expect(halted.progress).toMatchObject({ agents: 1, failed: 1 });
    await query('mutation ($id: ID!) { resumeUpgrade(id: $id) { id } }', { id });
    await eventually(async () => (await readState(canary))?.agentRelease?.attempt === attempt + 1);
    // What it said of the attempt before does not count any more.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect((await upgradeThatIs(id, 'RUNNING')).reason).toBeNull();
    await query('mutation ($id: ID!) { abortUpgrade(id: $id) { id } }', { id });
    await wantedIs(['1.1.0', '1.1.0', '1.1.0']);
  });

  it('leaves a site alone that has a version of its own, and agents without a supervisor', async () => {
    const [, pinned, byHand] = agents as [TestAgent, TestAgent, TestAgent];
    const want =
      'mutation ($siteId: ID, $version: String) { setAgentVersion(siteId: $siteId, version: $version) }';
    await query(want, { siteId: siteIds[1], version: '1.1.0' });
    const hello = { version: 1, agentVersion: '1.0.0', bootId: randomUUID(), hostname: 'edge' };
    byHand.connection.publish(
      subjects.hello(organizationId, byHand.agentId),
      JSON.stringify({ ...hello, appliedEpoch: 1, appliedGeneration: 1 }),
    );
    await eventually(async () => {
      const document =
        'query ($input: UpgradeInput!) { planUpgrade(input: $input) { upgraded byHand leftAlone } }';
      const { planUpgrade } = await query(document, { input: { version: '1.2.0' } });
      return planUpgrade.byHand === 1 && planUpgrade.leftAlone === 1 && planUpgrade.upgraded === 0;
    });
    const id = await start('1.2.0', { canaryLabel: null });
    await wantedIs(['1.2.0', '1.1.0', '1.2.0']);
    say(agents[0] as TestAgent, '1.2.0');
    const { progress } = await upgradeThatIs(id, 'COMPLETED');
    expect(progress).toEqual({ agents: 1, upgraded: 1, failed: 0, pending: 0, byHand: 1 });
    const remove = (version: string) =>
      owner('mutation ($version: ID!) { removeAgentRelease(version: $version) }', { version });
    expect((await remove('1.1.0')).errors?.[0]?.message).toContain('have them run another one first');
    await query(want, { siteId: siteIds[1], version: null });
    expect((await remove('1.1.0')).data).toEqual({ removeAgentRelease: true });
    expect(pinned.refusals).toEqual([]);
  });

  it('removes a file with the last release of it, of whichever organization', async () => {
    const file = releaseFile('2.0.0');
    const remove = () => query('mutation { removeAgentRelease(version: "2.0.0") }');
    const elsewhere = await fixtures.organization('Third');
    const hash = sha256(file);
    await add('2.0.0', file);
    // Somebody else adds it, and is not done yet when it is removed here.
    const row = `('${elsewhere}', '2.0.0', '${hash}', 1, 'them')`;
    const adding = fixtures.query(`DO $$ BEGIN
      PERFORM pg_advisory_xact_lock(hashtextextended('release ${hash}', 0));
      INSERT INTO agent_releases (organization_id, version, sha256, bytes, author) VALUES ${row};
      PERFORM pg_sleep(1);
    END $$`);
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    await eventually(async () => (await fixtures.query(waiting)).length > 0);
    await remove();
    await adding;
    expect(await keptFiles()).toContain(fileOf(file));
    await fixtures.query('DELETE FROM agent_releases WHERE organization_id = $1', [elsewhere]);
    expect((await add('2.0.0', file)).status).toBe(201);
    await remove();
    expect(await keptFiles()).not.toContain(fileOf(file));
  });

  it('keeps no more releases than an organization may have, nor anything of what it refuses', async () => {
    const before = await keptFiles();
    await fixtures.query(
      `INSERT INTO agent_releases (organization_id, version, sha256, bytes, author)
       SELECT $1, 'many' || n, 'x', 1, 'test'
       FROM generate_series(1, 20 - (SELECT count(*)::int FROM agent_releases WHERE organization_id = $1)) n`,
      [organizationId],
    );
    const { status, body } = await add('3.0.0', releaseFile('3.0.0'));
    expect([status, body.toString()]).toEqual([409, expect.stringContaining('remove one')]);
    expect((await add('1.2.0', releaseFile('1.2.0'))).status).toBe(201);
    expect((await keptFiles()).sort()).toEqual(before.sort());
  });
});
