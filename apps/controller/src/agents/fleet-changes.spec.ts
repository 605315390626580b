import { desiredStateSchema, type DesiredState } from '@longhaul/contracts';
import { codeOf, TestApi, type Client } from '../testing/test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

let organizationId: string;
let admin: Client;
beforeEach(async () => {
  organizationId = await api.createOrganization();
  admin = await api.signIn(organizationId, 'ADMIN');
});

const CREATE_SITE = 'mutation ($input: SiteInput!) { createSite(input: $input) { id } }';
const UPDATE_SITE = `mutation ($id: ID!, $input: SiteInput!) {
  updateSite(id: $id, input: $input) { name location labels lanPrefixes bandwidthUpMbps }
}`;
const UPDATE_LINK = `mutation ($id: ID!, $input: LinkInput!) {
  updateLink(id: $id, input: $input) { profile cipherSuite rateMbpsAToB rateMbpsBToA maxUdpPayload }
}`;

const createSite = async (name: string, ...lanPrefixes: string[]): Promise<string> =>
  (await admin(CREATE_SITE, { input: { name, lanPrefixes } })).data.createSite.id;

const stateOf = async (agentId: string): Promise<DesiredState | undefined> => {
  const row = await api.database.worker.prisma.agentDesiredState.findUnique({
    where: { organizationId_agentId: { organizationId, agentId } },
  });
  return row === null ? undefined : desiredStateSchema.parse(row.document);
};

const accelerateAll = () =>
  admin(
    'mutation { savePolicy(input: { message: "", rules: [{ name: "all", priority: 1, action: ACCELERATE }] }) { revision } }',
  );

const outboxTopics = async (agentId: string): Promise<string[]> =>
  (
    await api.database.worker.prisma.outbox.findMany({
      where: { organizationId, subjectId: agentId },
      orderBy: { id: 'asc' },
    })
  ).map(({ topic }) => topic);

test('sites with approved agents get a link, and each pair of agents a key of its own', async () => {
  const [paris, lyon] = [await createSite('Paris', '10.1.0.0/16'), await createSite('Lyon', '10.2.0.0/16')];
  const a = await api.enrollAgent(organizationId, paris);
  expect((await admin('{ links { nodes { id } } }')).data.links.nodes).toEqual([]);
  const b = await api.enrollAgent(organizationId, lyon);
  const c = await api.enrollAgent(organizationId, lyon);
  const { data } = await admin(
    '{ links { nodes { siteA { name } siteB { name } profile ends { agent { id } peer { id } state latest { at } } } } }',
  );
  expect(data.links.nodes).toHaveLength(1);
  expect(data.links.nodes[0].ends).toHaveLength(4);
  expect(data.links.nodes[0].ends).toContainEqual({
    agent: { id: a },
    peer: { id: b },
    state: 'down',
    latest: null,
  });
  const [ofA, ofB] = await Promise.all([stateOf(a), stateOf(b)]);
  const keys = new Map(ofA?.peers.map(({ agentId, presharedKey }) => [agentId, presharedKey]));
  expect([...keys.keys()].sort()).toEqual([b, c].sort());
  expect(keys.get(b)).not.toBe(keys.get(c));
  expect(ofB?.peers[0]).toMatchObject({ agentId: a, presharedKey: keys.get(b) });
});

test('a pending agent is nobody to others until it is approved', async () => {
  const [paris, lyon] = [await createSite('Paris', '10.1.0.0/16'), await createSite('Lyon', '10.2.0.0/16')];
  const a = await api.enrollAgent(organizationId, paris);
  const b = await api.enrollAgent(organizationId, lyon, { state: 'PENDING' });
  expect(await stateOf(b)).toBeUndefined();
  expect((await stateOf(a))?.peers).toEqual([]);
  const approve = 'mutation ($id: ID!) { approveAgent(id: $id) { state desiredGeneration } }';
  expect((await admin(approve, { id: b })).data.approveAgent).toEqual({
    state: 'APPROVED',
    desiredGeneration: 1,
  });
  expect((await stateOf(a))?.peers.map(({ agentId }) => agentId)).toEqual([b]);
  expect(await outboxTopics(b)).toEqual(['agent-approved', 'desired-state']);
});

test('a revoked agent is gone from every state, for good', async () => {
  const [paris, lyon] = [await createSite('Paris', '10.1.0.0/16'), await createSite('Lyon', '10.2.0.0/16')];
  const a = await api.enrollAgent(organizationId, paris);
  const b = await api.enrollAgent(organizationId, lyon);
  await accelerateAll();
  expect((await stateOf(a))?.rules).toHaveLength(1);
  const revoke = 'mutation ($id: ID!) { revokeAgent(id: $id) { state } }';
  expect((await admin(revoke, { id: b })).data.revokeAgent.state).toBe('REVOKED');
  expect(await stateOf(b)).toBeUndefined();
  expect(await stateOf(a)).toMatchObject({ peers: [], rules: [], allow: [], intercept: false });
  expect(await outboxTopics(b)).toContain('agent-revoked');
  expect(await api.database.worker.prisma.peerKey.count({ where: { organizationId } })).toBe(0);
  expect(codeOf(await admin('mutation ($id: ID!) { approveAgent(id: $id) { id } }', { id: b }))).toBe(
    'CONFLICT',
  );
});

test('what changes of a site reaches the agents that it concerns', async () => {
  const [paris, lyon] = [await createSite('Paris', '10.1.0.0/16'), await createSite('Lyon', '10.2.0.0/16')];
  const a = await api.enrollAgent(organizationId, paris);
  const b = await api.enrollAgent(organizationId, lyon);
  await accelerateAll();
  const before = await Promise.all([stateOf(a), stateOf(b)]);
  const location = await admin(UPDATE_SITE, { id: lyon, input: { name: 'Lyon', location: 'Rhône' } });
  expect(location.data.updateSite).toMatchObject({ location: 'Rhône', lanPrefixes: ['10.2.0.0/16'] });
  expect(await Promise.all([stateOf(a), stateOf(b)])).toEqual(before);
  await admin(UPDATE_SITE, { id: lyon, input: { name: 'Lyon', lanPrefixes: ['10.3.0.0/16'] } });
  const after = await Promise.all([stateOf(a), stateOf(b)]);
  expect(after[0]?.rules[0]?.destinations).toEqual(['10.3.0.0/16']);
  expect(after[1]?.allow[0]?.prefixes).toEqual(['10.3.0.0/16']);
  expect(after.map((state) => state?.generation)).toEqual(
    before.map((state) => (state?.generation ?? 0) + 1),
  );
});

test('a link gives its sites their rates; the profile FIXED needs both', async () => {
  const [paris, lyon] = [await createSite('Paris', '10.1.0.0/16'), await createSite('Lyon', '10.2.0.0/16')];
  const a = await api.enrollAgent(organizationId, paris);
  const b = await api.enrollAgent(organizationId, lyon);
  const { data } = await admin('{ links { nodes { id siteA { id } } } }');
  const [{ id, siteA }] = data.links.nodes;
  const half = await admin(UPDATE_LINK, { id, input: { profile: 'FIXED', rateMbpsAToB: 50 } });
  expect(codeOf(half)).toBe('BAD_INPUT');
  expect(half.errors?.[0]?.message).toContain('rateMbpsBToA');
  expect((await stateOf(a))?.peers[0]?.profile).toBe('fair');
  const input = { profile: 'FIXED', cipherSuite: 'AES_256_GCM', rateMbpsAToB: 50, rateMbpsBToA: 20 };
  expect((await admin(UPDATE_LINK, { id, input })).data.updateLink).toEqual({
    ...input,
    maxUdpPayload: 1472,
  });
  const [first, second] = siteA.id === paris ? [a, b] : [b, a];
  expect((await stateOf(first))?.peers[0]).toMatchObject({
    profile: 'fixed',
    cipherSuite: 'aes-256-gcm',
    rateMbps: 50,
  });
  expect((await stateOf(second))?.peers[0]?.rateMbps).toBe(20);
});

test('the weights of the traffic classes reach both sites; bad ones change nothing', async () => {
  const [paris, lyon] = [await createSite('Paris', '10.1.0.0/16'), await createSite('Lyon', '10.2.0.0/16')];
  const agents = [await api.enrollAgent(organizationId, paris), await api.enrollAgent(organizationId, lyon)];
  const weights = 'classWeights { interactive bulk scavenger }';
  const links = (await admin(`{ links { nodes { id ${weights} } } }`)).data.links.nodes;
  const [{ id }] = links;
  expect(links[0].classWeights).toEqual({ interactive: 16, bulk: 4, scavenger: 1 });
  const before = await Promise.all(agents.map(stateOf));
  expect(before[0]?.peers[0]).not.toHaveProperty('classWeights');
  const update = (classWeights: object) =>
    admin(
      `mutation ($id: ID!, $input: LinkInput!) { updateLink(id: $id, input: $input) { ${weights} maxUdpPayload } }`,
      { id, input: { classWeights } },
    );
  for (const bad of [{ bulk: 0 }, { bulk: 1001 }]) {
    const refused = await update(bad);
    expect(codeOf(refused)).toBe('BAD_INPUT');
    expect(refused.errors?.[0]?.message).toContain('classWeights.bulk');
  }
  expect(await Promise.all(agents.map(stateOf))).toEqual(before);
  const wanted = { interactive: 16, bulk: 8, scavenger: 1 };
  expect((await update({ bulk: 8 })).data.updateLink).toEqual({ classWeights: wanted, maxUdpPayload: 1472 });
  for (const agent of agents) expect((await stateOf(agent))?.peers[0]?.classWeights).toEqual(wanted);
  await update({ bulk: 4 });
  for (const agent of agents) expect((await stateOf(agent))?.peers[0]).not.toHaveProperty('classWeights');
});

test.each([
  ['a name that is taken', { name: 'Paris' }, 'CONFLICT', 'choose another name'],
  [
    'an address that is taken',
    { name: 'x', lanPrefixes: ['10.1.2.0/24'] },
    'BAD_INPUT',
    '10.1.0.0/16 of the site "Paris"',
  ],
  ['no address block', { name: 'x', lanPrefixes: ['10.9.0.0'] }, 'BAD_INPUT', 'lanPrefixes[0]'],
  ['no bandwidth', { name: 'x', bandwidthUpMbps: 0 }, 'BAD_INPUT', 'bandwidthUpMbps'],
  ['no name', { name: '' }, 'BAD_INPUT', 'name'],
  ['a strange label', { name: 'x', labels: ['ok', '-'] }, 'BAD_INPUT', 'labels[1]'],
])('%s makes no site', async (_what, input, code, message) => {
  await createSite('Paris', '10.1.0.0/16');
  const answer = await admin(CREATE_SITE, { input });
  expect(codeOf(answer)).toBe(code);
  expect(answer.errors?.[0]?.message).toContain(message);
  expect((await admin('{ sites { nodes { name } } }')).data.sites.nodes).toEqual([{ name: 'Paris' }]);
});

test('a site that is in use is not deleted; the reason says what to do', async () => {
  const DELETE = 'mutation ($id: ID!) { deleteSite(id: $id) }';
  const id = await createSite('Paris', '10.1.0.0/16');
  const agentId = await api.enrollAgent(organizationId, id);
  expect((await admin(DELETE, { id })).errors?.[0]?.message).toContain('revoke them first');
  await admin('mutation ($id: ID!) { revokeAgent(id: $id) { id } }', { id: agentId });
  expect((await admin(DELETE, { id })).errors?.[0]?.message).toContain('when a day has passed');
  await api.database.worker.prisma.agent.updateMany({
    where: { id: agentId },
    data: { revokedAt: new Date(0) },
  });
  const rules = [{ name: 'from Paris', priority: 1, action: 'PASS', source: { siteIds: [id] } }];
  const SAVE = 'mutation ($input: SavePolicyInput!) { savePolicy(input: $input) { revision } }';
  await admin(SAVE, { input: { message: '', rules } });
  expect((await admin(DELETE, { id })).errors?.[0]?.message).toContain('from Paris');
  await admin(SAVE, { input: { expectedRevision: 1, message: '', rules: [] } });
  expect((await admin(DELETE, { id })).data).toEqual({ deleteSite: true });
  expect(codeOf(await admin(DELETE, { id }))).toBe('NOT_FOUND');
});

test("another organization's things are not there", async () => {
  const theirOrganization = await api.createOrganization();
  const theirs = await api.signIn(theirOrganization, 'ADMIN');
  const id = await createSite('Paris', '10.1.0.0/16');
  const agentId = await api.enrollAgent(organizationId, id);
  expect(
    (await theirs('{ sites { nodes { id } } agents { nodes { id } } links { nodes { id } } }')).data,
  ).toEqual({
    sites: { nodes: [] },
    agents: { nodes: [] },
    links: { nodes: [] },
  });
  expect((await theirs('query ($id: ID!) { site(id: $id) { id } }', { id })).data.site).toBeNull();
  for (const mutation of [
    'mutation ($id: ID!) { deleteSite(id: $id) }',
    'mutation ($id: ID!) { updateSite(id: $id, input: { name: "x" }) { id } }',
    'mutation ($id: ID!) { createEnrollmentToken(input: { name: "x", siteId: $id }) { token } }',
  ]) {
    expect(codeOf(await theirs(mutation, { id }))).toBe('NOT_FOUND');
  }
  expect(codeOf(await theirs('mutation ($id: ID!) { revokeAgent(id: $id) { id } }', { id: agentId }))).toBe(
    'NOT_FOUND',
  );
});

test('an enrolment token is shown once with the command to run, and can be revoked', async () => {
  const siteId = await createSite('Paris');
  const { data } = await admin(
    `mutation ($siteId: ID!) { createEnrollmentToken(input: { name: "edge", siteId: $siteId }) {
      token command enrollmentToken { id site { name } maxUses uses needsApproval status expiresAt } } }`,
    { siteId },
  );
  const { token, command, enrollmentToken } = data.createEnrollmentToken;
  expect(token).toMatch(/^lh_enr_[0-9A-Za-z]{12}_[\w-]{43}$/);
  expect(command).toBe(
    `longhaul agent enroll --controller https://controller.example:8443 --token ${token} --ca-sha256 ${'ab'.repeat(32)}`,
  );
  expect(enrollmentToken).toMatchObject({
    site: { name: 'Paris' },
    maxUses: 1,
    uses: 0,
    needsApproval: false,
    status: 'active',
  });
  const days = (Date.parse(enrollmentToken.expiresAt) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(29.9);
  expect(days).toBeLessThan(30.1);
  const stored = await api.database.worker.prisma.enrollmentToken.findMany({ where: { organizationId } });
  expect(JSON.stringify(stored)).not.toContain(token.slice(20));
  const revoke = 'mutation ($id: ID!) { revokeEnrollmentToken(id: $id) { status } }';
  expect((await admin(revoke, { id: enrollmentToken.id })).data.revokeEnrollmentToken.status).toBe('revoked');
});
