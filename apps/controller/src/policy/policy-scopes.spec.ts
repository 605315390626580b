import { randomUUID } from 'node:crypto';
import { desiredStateSchema } from '@longhaul/contracts';
import { codeOf, TestApi, type Client } from '../testing/test-api.js';

let api: TestApi;
let admin: Client;
let organizationId: string;
let agentIds: string[];
let siteIds: string[];

beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

beforeEach(async () => {
  organizationId = await api.createOrganization();
  admin = await api.signIn(organizationId, 'ADMIN');
  siteIds = [];
  agentIds = [];
  for (const [index, label] of ['hub', 'branch', 'branch'].entries()) {
    const input = {
      name: `site ${String(index)}`,
      lanPrefixes: [`10.${String(index)}.0.0/16`],
      labels: [label],
    };
    const { data } = await admin('mutation ($input: SiteInput!) { createSite(input: $input) { id } }', {
      input,
    });
    siteIds.push(data.createSite.id);
    agentIds.push(await api.enrollAgent(organizationId, data.createSite.id));
  }
});

const SAVE = `mutation ($input: SavePolicyInput!) { savePolicy(input: $input) { revision } }`;
const save = (input: object) => admin(SAVE, { input: { message: '', rules: [], ...input } });
const rule = (id: string, changes: object = {}): object => ({
  id,
  name: id,
  priority: 10,
  action: 'ACCELERATE',
  ...changes,
});

const stateOf = async (agentId: string | undefined) => {
  const state = await api.database.worker.prisma.agentDesiredState.findUniqueOrThrow({
    where: { organizationId_agentId: { organizationId, agentId: agentId ?? '' } },
  });
  return desiredStateSchema.parse(state.document);
};
const ruleIdsOf = async (agentId: string | undefined): Promise<string[]> => [
  ...new Set((await stateOf(agentId)).rules.map(({ id }) => id.replace(/\/.*/, ''))),
];

test('a site asks its own rules first, then its groups’, then the organization’s, and says which is whose', async () => {
  const [, branch, other] = siteIds;
  await save({ rules: [rule('all', { priority: 1 })] });
  await save({ target: { label: 'branch' }, rules: [rule('group', { action: 'PASS', priority: 5 })] });
  const saved = await save({
    target: { siteId: branch },
    rules: [rule('late', { action: 'DENY', priority: 99 }), rule('off', { enabled: false })],
  });
  expect(saved.data.savePolicy.revision).toBe(3);
  const { data } = await admin(
    `query ($id: ID!) { effectivePolicy(siteId: $id) { revision rules { scope label siteId revision rule { id } } } }`,
    { id: branch },
  );
  expect(data.effectivePolicy).toEqual({
    revision: 3,
    rules: [
      { scope: 'SITE', label: null, siteId: branch, revision: 3, rule: { id: 'late' } },
      { scope: 'SITE_GROUP', label: 'branch', siteId: null, revision: 2, rule: { id: 'group' } },
      { scope: 'ORGANIZATION', label: null, siteId: null, revision: 1, rule: { id: 'all' } },
    ],
  });
  expect(await Promise.all(agentIds.map(ruleIdsOf))).toEqual([
    ['all'],
    ['late', 'group', 'all'],
    ['group', 'all'],
  ]);
  expect(await Promise.all(agentIds.map(async (id) => (await stateOf(id)).policyRevision))).toEqual([
    1, 3, 2,
  ]);
  const policies = await admin('{ policies { nodes { scope label siteId revision } } }');
  expect(policies.data.policies.nodes).toEqual([
    { scope: 'ORGANIZATION', label: null, siteId: null, revision: 1 },
    { scope: 'SITE_GROUP', label: 'branch', siteId: null, revision: 2 },
    { scope: 'SITE', label: null, siteId: branch, revision: 3 },
  ]);
  expect(other).toBeDefined();
});

test('a site that loses a label loses what it had by it', async () => {
  await save({ target: { label: 'branch' }, rules: [rule('group', { action: 'PASS' })] });
  expect(await ruleIdsOf(agentIds[1])).toEqual(['group']);
  await admin('mutation ($id: ID!) { updateSite(id: $id, input: { name: "site 1", labels: [] }) { id } }', {
    id: siteIds[1],
  });
  expect(await ruleIdsOf(agentIds[1])).toEqual([]);
  expect(await ruleIdsOf(agentIds[2])).toEqual(['group']);
});

test('each policy counts its own revisions for lost updates; forwards and tests that are left out stay', async () => {
  const [near, far] = siteIds;
  const forward = {
    name: 'db',
    siteId: near,
    listenAddress: '127.0.0.1',
    listenPort: 15432,
    destinationSiteId: far,
    targetAddress: '10.1.0.9',
    targetPort: 5432,
  };
  await save({ rules: [rule('all')], forwards: [forward] });
  expect((await stateOf(agentIds[0])).forwards).toMatchObject([{ peerAgentId: agentIds[1] }]);
  expect((await stateOf(agentIds[1])).allow).toContainEqual({
    peerAgentId: agentIds[0],
    prefixes: ['10.1.0.9/32'],
    ports: [{ from: 5432, to: 5432 }],
  });
  expect(codeOf(await save({ target: { label: 'hub' }, expectedRevision: 1 }))).toBe('CONFLICT');
  expect((await save({ target: { label: 'hub' }, rules: [rule('hub')] })).data.savePolicy.revision).toBe(2);
  await save({ expectedRevision: 1, rules: [] });
  const { data } = await admin('{ policy { revision document { rules { id } forwards { name } } } }');
  expect(data.policy).toEqual({ revision: 3, document: { rules: [], forwards: [{ name: 'db' }] } });
  expect(codeOf(await admin('mutation ($id: ID!) { deleteSite(id: $id) }', { id: far }))).toBe('CONFLICT');
});

test.each([
  [
    'a label and a site',
    { target: { label: 'x', siteId: '0b7c5f6e-0000-4000-8000-000000000000' } },
    'BAD_INPUT',
  ],
  ['a site that is none', { target: { siteId: '0b7c5f6e-0000-4000-8000-000000000000' } }, 'NOT_FOUND'],
  ['a label that is none', { target: { label: 'a b' } }, 'BAD_INPUT'],
])('%s is no target', async (_what, input, code) => {
  expect(codeOf(await save(input))).toBe(code);
});

test('every problem has its line, its kind and what to do', async () => {
  await save({ rules: [rule('taken')] });
  const answer = await save({
    target: { label: 'hub' },
    rules: [rule('taken', { source: { siteIds: ['0b7c5f6e-0000-4000-8000-000000000000'] } })],
  });
  expect(answer.errors?.[0]?.extensions['problems']).toEqual([
    {
      path: 'rules[0].source.siteIds[0]',
      code: 'UNKNOWN_SITE',
      message: expect.stringContaining('"sites" lists'),
    },
    { path: 'rules[0].id', code: 'DUPLICATE', message: expect.stringContaining('leave the id out') },
  ]);
});

describe('policy tests', () => {
  const smb = { name: 'smb', source: '10.0.0.5', destination: '10.1.0.7', port: 445, expect: 'ACCELERATE' };

  test('block a change that fails them, by name, also a change of another policy', async () => {
    await save({ rules: [rule('files', { application: 'smb' })], tests: [{ ...smb, rule: 'files' }] });
    const failed = await save({ expectedRevision: 1, rules: [] });
    expect(codeOf(failed)).toBe('POLICY_TEST_FAILED');
    expect(failed.errors?.[0]?.message).toContain('the policy test "smb" fails');
    expect(failed.errors?.[0]?.extensions['failures']).toEqual([
      {
        scope: 'ORGANIZATION',
        label: null,
        siteId: null,
        path: 'tests[0]',
        name: 'smb',
        expected: 'accelerate',
        rule: 'files',
        actual: 'no rule matches',
      },
    ]);
    const above = { target: { siteId: siteIds[0] }, rules: [rule('no', { action: 'DENY' })] };
    expect(codeOf(await save(above))).toBe('POLICY_TEST_FAILED');
    expect((await admin('{ policy { revision } }')).data.policy.revision).toBe(1);
    const harmless = { target: { siteId: siteIds[1] }, rules: [rule('no', { action: 'DENY' })] };
    expect((await save(harmless)).errors).toBeUndefined();
  });

  test('hold for a site without an agent; a client that is of no site fails', async () => {
    await admin('mutation { createSite(input: { name: "new", lanPrefixes: ["10.9.0.0/16"] }) { id } }');
    const rules = [rule('all')];
    const toNew = { ...smb, destination: '10.9.0.1' };
    expect((await save({ rules, tests: [toNew] })).errors).toBeUndefined();
    const nobody = await save({ expectedRevision: 1, rules, tests: [{ ...smb, source: '192.0.2.1' }] });
    expect(nobody.errors?.[0]?.message).toContain("in no site's LAN");
  });
});

const PREVIEW = `query ($input: PreviewPolicyInput!) { previewPolicy(input: $input) {
  changes { kind ruleId fields } forwardsChanged testsChanged
  agents { agent { id } rulesAdded rulesRemoved rulesChanged reordered allowChanged }
  tests { name passed actual } flowsExamined flowsChanged
  flows { flow { source destinationPort ruleId } before { action ruleId } after { action ruleId } }
} }`;

test('a preview tells what changes for rules, agents, tests and recent connections, and changes nothing', async () => {
  const [near, far, other] = agentIds;
  const between = { source: { siteIds: [siteIds[0]] }, destination: { siteIds: [siteIds[1]] } };
  const test445 = {
    name: 'smb',
    source: '10.0.0.5',
    destination: '10.1.0.7',
    port: 445,
    expect: 'ACCELERATE',
  };
  await save({ rules: [rule('files', { ...between, application: 'smb' }), rule('gone')], tests: [test445] });
  for (const [port, ruleId] of [
    [445, `files/${String(siteIds[1])}`],
    [80, `gone/${String(siteIds[1])}`],
  ]) {
    await api.database.worker.prisma.$executeRaw`
      INSERT INTO telemetry.flows (organization_id, agent_id, flow_id, source, destination, destination_port, rule_id,
        handling, started_at, last_seen_at, bytes_up, bytes_down, encoded_bytes_up, encoded_bytes_down)
      VALUES (${organizationId}::uuid, ${near}::uuid, ${randomUUID()}::uuid, '10.0.0.5', '10.1.0.7', ${port}::int,
        ${ruleId}, 'accelerated', now(), now(), 1, 1, 1, 1)`;
  }
  const before = await stateOf(near);
  const { data, errors } = await admin(PREVIEW, {
    input: { rules: [rule('files', { ...between, application: 'smb', action: 'DENY' })] },
  });
  expect(errors).toBeUndefined();
  expect(data.previewPolicy).toMatchObject({
    changes: [
      { kind: 'CHANGED', ruleId: 'files', fields: ['action'] },
      { kind: 'REMOVED', ruleId: 'gone', fields: [] },
    ],
    forwardsChanged: false,
    testsChanged: false,
    tests: [{ name: 'smb', passed: false, actual: 'rule "files" (files) says deny' }],
    flowsExamined: 2,
    flowsChanged: 2,
  });
  expect(data.previewPolicy.agents).toHaveLength(3);
  expect(data.previewPolicy.agents).toContainEqual({
    agent: { id: near },
    rulesAdded: [],
    rulesRemoved: ['gone'],
    rulesChanged: ['files'],
    reordered: false,
    allowChanged: true,
  });
  expect(data.previewPolicy.agents.map(({ agent }: { agent: { id: string } }) => agent.id).sort()).toEqual(
    [near, far, other].sort(),
  );
  expect(data.previewPolicy.flows).toContainEqual({
    flow: { source: '10.0.0.5', destinationPort: 80, ruleId: 'gone' },
    before: { action: 'ACCELERATE', ruleId: 'gone' },
    after: { action: null, ruleId: null },
  });
  expect(await stateOf(near)).toEqual(before);
});
