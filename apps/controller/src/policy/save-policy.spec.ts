import { randomUUID } from 'node:crypto';
import { desiredStateSchema } from '@longhaul/contracts';
import type { Transaction } from '../database/prisma.js';
import { compiledFleetChanges } from '../fleet/fleet-changes.module.js';
import { OUTBOX_TOPICS } from '../outbox/topics.js';
import { eventually } from '../testing/eventually.js';
import { codeOf, TestApi, type Client } from '../testing/test-api.js';
import { UpgradeWorker } from '../upgrades/upgrade-worker.js';
import { DesiredStateCompiler } from './desired-state-compiler.js';
import { policyDocumentSchema } from './policy-document.js';
import { planStages } from './rollout-stages.js';
import { RolloutWorker } from './rollout-worker.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

const SAVE = `mutation ($input: SavePolicyInput!) {
  savePolicy(input: $input) { revision sha256 message author document { rules { id name action source { siteIds } ports { from to } } } }
}`;

interface Fleet {
  readonly organizationId: string;
  readonly admin: Client;
  readonly siteIds: string[];
  readonly agentIds: string[];
}

/** Sites 10.0.0.0/24, 10.0.1.0/24, … with an agent each. */
const createFleet = async (size: number): Promise<Fleet> => {
  const organizationId = await api.createOrganization();
  const admin = await api.signIn(organizationId, 'ADMIN');
  const siteIds: string[] = [];
  const agentIds: string[] = [];
  for (let i = 0; i < size; i += 1) {
    const input = { name: `site ${String(i)}`, lanPrefixes: [`10.0.${String(i)}.0/24`] };
    const { data } = await admin('mutation ($input: SiteInput!) { createSite(input: $input) { id } }', {
      input,
    });
    siteIds.push(data.createSite.id);
    agentIds.push(
      await api.enrollAgent(organizationId, data.createSite.id, { hostname: `edge ${String(i)}` }),
    );
  }
  return { organizationId, admin, siteIds, agentIds };
};

const rule = (changes: object = {}): object => ({
  name: 'all',
  priority: 10,
  action: 'ACCELERATE',
  ...changes,
});

/** What a change of policy writes. */
const snapshot = (organizationId: string) =>
  api.database.worker.transaction(async (tx) => {
    const where = { organizationId };
    const states = await tx.agentDesiredState.findMany({ where });
    return {
      generations: Object.fromEntries(states.map(({ agentId, generation }) => [agentId, generation])),
      revisions: await tx.policyRevision.count({ where }),
      inForce: (await tx.policy.findFirst({ where }))?.revision ?? null,
      outbox: await tx.outbox.count({ where: { ...where, topic: OUTBOX_TOPICS.desiredState } }),
    };
  });

const documentOf = async (organizationId: string, agentId: string) => {
  const state = await api.database.worker.prisma.agentDesiredState.findUniqueOrThrow({
    where: { organizationId_agentId: { organizationId, agentId } },
  });
  return desiredStateSchema.parse(state.document);
};

test('a save is a revision, the desired states that follow, an audit event and deliveries, at once', async () => {
  const { organizationId, admin, siteIds, agentIds } = await createFleet(2);
  const before = await snapshot(organizationId);
  const rules = [
    rule({ source: { siteIds: [siteIds[0]] }, destination: { siteIds: [siteIds[1]] }, application: 'smb' }),
  ];
  const { data } = await admin(SAVE, { input: { expectedRevision: null, message: 'first', rules } });
  expect(data.savePolicy).toMatchObject({
    revision: 1,
    message: 'first',
    document: { rules: [{ action: 'ACCELERATE' }] },
  });
  expect(data.savePolicy.sha256).toMatch(/^[0-9a-f]{64}$/);
  const after = await snapshot(organizationId);
  expect(after).toMatchObject({ revisions: 1, inForce: 1, outbox: before.outbox + 2 });
  const [near = '', far = ''] = agentIds;
  const documents = await Promise.all([documentOf(organizationId, near), documentOf(organizationId, far)]);
  expect(documents[0]).toMatchObject({
    policyRevision: 1,
    generation: (before.generations[near] ?? 0) + 1,
    rules: [{ destinations: ['10.0.1.0/24'], ports: [{ from: 445, to: 445 }], peerAgentId: far }],
    allow: [],
  });
  expect(documents[1]).toMatchObject({
    rules: [],
    allow: [{ peerAgentId: near, prefixes: ['10.0.1.0/24'], ports: [{ from: 445, to: 445 }] }],
  });
  const audited = await api.database.tenants.transaction(organizationId, (tx) =>
    tx.auditEvent.findMany({ where: { action: 'policy.save' } }),
  );
  expect(audited).toMatchObject([
    { actorKind: 'user', after: { revision: 1, sha256: data.savePolicy.sha256 } },
  ]);
});

test('only agents whose state changed get a new generation; the others conform to the revision as they are', async () => {
  const { organizationId, admin, siteIds, agentIds } = await createFleet(3);
  const [a = '', b = '', c = ''] = agentIds;
  const before = await snapshot(organizationId);
  const rules = [rule({ source: { siteIds: [siteIds[0]] }, destination: { siteIds: [siteIds[1]] } })];
  await admin(SAVE, { input: { message: '', rules } });
  const after = await snapshot(organizationId);
  expect(after.generations).toEqual({
    [a]: (before.generations[a] ?? 0) + 1,
    [b]: (before.generations[b] ?? 0) + 1,
    [c]: before.generations[c],
  });
  expect(after.outbox).toBe(before.outbox + 2);
  await api.database.worker.prisma.agentApplied.create({
    data: {
      organizationId,
      agentId: c,
      epoch: 1,
      generation: before.generations[c] ?? 0,
      outcome: 'APPLIED',
      bootId: randomUUID(),
      appliedAt: new Date(),
    },
  });
  const { data } = await admin(
    '{ policy { application { nodes { agent { id } desiredRevision appliedRevision outcome } } } }',
  );
  expect(data.policy.application.nodes).toEqual([
    { agent: { id: a }, desiredRevision: 1, appliedRevision: null, outcome: null },
    { agent: { id: b }, desiredRevision: 1, appliedRevision: null, outcome: null },
    { agent: { id: c }, desiredRevision: 1, appliedRevision: 1, outcome: 'APPLIED' },
  ]);
  expect((await admin('{ fleet { drifted agents links } }')).data.fleet).toEqual({
    drifted: 2,
    agents: 3,
    links: 3,
  });
});

test('of two edits that began with one revision, the second to save is told to load again', async () => {
  const { organizationId, admin } = await createFleet(2);
  const saves = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) => admin(SAVE, { input: { message: name, rules: [rule({ name })] } })),
  );
  expect(saves.filter(({ errors }) => errors === undefined)).toHaveLength(1);
  const conflicts = saves.filter(({ errors }) => errors !== undefined);
  expect(conflicts.map(codeOf)).toEqual(['CONFLICT', 'CONFLICT', 'CONFLICT']);
  expect(conflicts[0]?.errors?.[0]).toMatchObject({
    message: expect.stringContaining('Load the policy again'),
    extensions: { currentRevision: 1 },
  });
  const second = await admin(SAVE, { input: { expectedRevision: 1, message: '', rules: [] } });
  expect(second.data.savePolicy.revision).toBe(2);
  expect(codeOf(await admin(SAVE, { input: { expectedRevision: 1, message: '', rules: [] } }))).toBe(
    'CONFLICT',
  );
  expect(await snapshot(organizationId)).toMatchObject({ revisions: 2, inForce: 2 });
});

test('a rate limit reaches the agents, says where it comes from, and shows in a preview', async () => {
  const { admin, siteIds, agentIds, organizationId } = await createFleet(2);
  const [a = '', b = ''] = siteIds;
  const rules = [rule({ id: 'backup', rateLimitMbps: 12.5 })];
  const forward = { name: 'db', siteId: a, destinationSiteId: b, listenPort: 5432, targetPort: 5432 };
  const addresses = { listenAddress: '127.0.0.1', targetAddress: '10.0.1.9' };
  const forwards = [{ ...forward, ...addresses, rateLimitMbps: 0.5 }];
  await admin(SAVE, { input: { message: '', rules, forwards } });
  const state = await documentOf(organizationId, agentIds[0] ?? '');
  expect(state.rules.map(({ rateLimitMbps }) => rateLimitMbps)).toEqual([12.5]);
  expect(state.forwards[0]?.rateLimitMbps).toBe(0.5);
  const effective = await admin(
    'query ($id: ID!) { effectivePolicy(siteId: $id) { rules { scope rule { rateLimitMbps } } forwards { rateLimitMbps } } }',
    { id: a },
  );
  expect(effective.data.effectivePolicy).toEqual({
    rules: [{ scope: 'ORGANIZATION', rule: { rateLimitMbps: 12.5 } }],
    forwards: [{ rateLimitMbps: 0.5 }],
  });
  const { data } = await admin(
    'query ($input: PreviewPolicyInput!) { previewPolicy(input: $input) { changes { kind fields } forwardsChanged } }',
    { input: { rules: [rule({ id: 'backup' })] } },
  );
  expect(data.previewPolicy).toEqual({
    changes: [{ kind: 'CHANGED', fields: ['rateLimitMbps'] }],
    forwardsChanged: false,
  });
});

test('saving what is in force already makes no new revision', async () => {
  const { organizationId, admin } = await createFleet(1);
  const first = await admin(SAVE, { input: { message: 'one', rules: [rule({ id: 'same' })] } });
  const before = await snapshot(organizationId);
  const again = await admin(SAVE, {
    input: { expectedRevision: 1, message: 'two', rules: [rule({ id: 'same' })] },
  });
  expect(again.data.savePolicy).toEqual(first.data.savePolicy);
  expect(await snapshot(organizationId)).toEqual(before);
});

test('an older document can be saved again, as a new revision; the old ones stay as they were', async () => {
  const { admin } = await createFleet(1);
  await admin(SAVE, { input: { message: 'one', rules: [rule({ id: 'x', name: 'first' })] } });
  await admin(SAVE, { input: { expectedRevision: 1, message: 'two', rules: [] } });
  await admin(SAVE, {
    input: { expectedRevision: 2, message: 'back', rules: [rule({ id: 'x', name: 'first' })] },
  });
  const { data } = await admin(
    '{ policy { revision revisions { nodes { revision message sha256 } } } policyRevision(revision: 1) { sha256 document { rules { name } } } }',
  );
  expect(data.policy.revisions.nodes.map(({ message }: { message: string }) => message)).toEqual([
    'back',
    'two',
    'one',
  ]);
  expect(data.policy.revisions.nodes[0].sha256).toBe(data.policy.revisions.nodes[2].sha256);
  expect(data.policyRevision).toMatchObject({
    sha256: data.policy.revisions.nodes[2].sha256,
    document: { rules: [{ name: 'first' }] },
  });
});

describe('more than an agent accepts', () => {
  const labels = ['a', 'b', 'c', 'd', 'e', 'f'];
  const forwardsTo = ([near = '', far = '']: readonly string[]): object[] =>
    Array.from({ length: 200 }, (_, i) => ({
      ...{ name: String(i), siteId: near, listenAddress: '127.0.0.1', listenPort: i + 1 },
      ...{ destinationSiteId: far, targetAddress: '10.0.1.1', targetPort: 1 },
    }));
  const refusalOf = (answer: Awaited<ReturnType<Client>>) => ({
    code: codeOf(answer),
    message: answer.errors?.[0]?.message,
  });
  const REFUSAL = {
    code: 'BAD_INPUT',
    message: expect.stringContaining(
      'site "site 0" would have 1200 of at most 1000 forwards, of all policies together: have fewer',
    ),
  };
  let fleet: Fleet;
  let input: { readonly message: string; readonly rules: object[]; readonly forwards: object[] };

  /** Two sites, the second without an agent yet: so far nobody has any of the forwards. */
  beforeAll(async () => {
    fleet = await createFleet(1);
    const { admin, siteIds } = fleet;
    await admin('mutation ($id: ID!, $input: SiteInput!) { updateSite(id: $id, input: $input) { id } }', {
      id: siteIds[0],
      input: { name: 'site 0', labels },
    });
    const { data } = await admin('mutation { createSite(input: { name: "far" }) { id } }');
    siteIds.push(data.createSite.id);
    input = { message: '', rules: [], forwards: forwardsTo(siteIds) };
    for (const label of labels) await admin(SAVE, { input: { ...input, target: { label } } });
  });

  test('lets no agent be approved or enrol, and says so', async () => {
    const { organizationId, admin, siteIds } = fleet;
    const id = await api.enrollAgent(organizationId, siteIds[1] ?? '', { state: 'PENDING' });
    const approve = 'mutation ($id: ID!) { approveAgent(id: $id) { state } }';
    expect(refusalOf(await admin(approve, { id }))).toEqual(REFUSAL);
    const enrolled = api.database.worker.transaction(async (tx) => {
      await tx.agent.updateMany({ where: { organizationId, id }, data: { state: 'APPROVED' } });
      await compiledFleetChanges(new DesiredStateCompiler()).agentsChanged(tx, organizationId);
    });
    await expect(enrolled).rejects.toMatchObject({ ...REFUSAL, code: 'BAD_REQUEST' });
  });

  test('is refused when it is previewed and saved, also for later stages of a rollout, and nothing is half saved', async () => {
    const { organizationId, admin, siteIds } = fleet;
    const last = { target: { label: 'f' }, expectedRevision: labels.length };
    await admin(SAVE, { input: { ...last, message: '', rules: [], forwards: [] } });
    await api.enrollAgent(organizationId, siteIds[1] ?? '');
    await admin('mutation { createSite(input: { name: "canary", labels: ["canary"] }) { id } }');
    const before = await snapshot(organizationId);
    const next = { ...input, ...last, expectedRevision: labels.length + 1 };
    const preview =
      'query ($input: PreviewPolicyInput!) { previewPolicy(input: $input) { forwardsChanged } }';
    const { target, rules, forwards } = next;
    expect(refusalOf(await admin(preview, { input: { target, rules, forwards } }))).toEqual(REFUSAL);
    expect(refusalOf(await admin(SAVE, { input: next }))).toEqual(REFUSAL);
    const rollout = { canaryLabel: 'canary', soakSeconds: 0 };
    expect(refusalOf(await admin(SAVE, { input: { ...next, rollout } }))).toEqual(REFUSAL);
    expect(await snapshot(organizationId)).toEqual(before);
  });

  test('halts a rollout that comes to it later, and says why; another’s trouble does not keep it from that', async () => {
    const { organizationId, admin, siteIds } = fleet;
    const rollout = { canaryLabel: 'canary', soakSeconds: 0 };
    const troubled = await createFleet(1);
    await api.enrollAgent(troubled.organizationId, troubled.siteIds[0] ?? '');
    const first = { input: { message: '', rules: [rule()], rollout: { soakSeconds: 0 } } };
    expect((await troubled.admin(SAVE, first)).errors).toBeUndefined();
    // Without an agent at the other end nobody has any of the forwards; then one comes.
    await api.database.worker.prisma.agent.updateMany({
      where: { organizationId, siteId: siteIds[1] ?? '' },
      data: { state: 'REVOKED' },
    });
    const next = { ...input, target: { label: 'f' }, expectedRevision: labels.length + 1, rollout };
    expect((await admin(SAVE, { input: next })).errors).toBeUndefined();
    await api.enrollAgent(organizationId, siteIds[1] ?? '');
    const compiler = new (class extends DesiredStateCompiler {
      override recompile(tx: Transaction, id: string): Promise<string[]> {
        if (id === troubled.organizationId) return Promise.reject(new Error('not now'));
        return super.recompile(tx, id);
      }
    })();
    const worker = new RolloutWorker(
      api.database.worker,
      compiler,
      { isOnline: () => false },
      { isUp: true },
    );
    worker.start();
    const newest = async (ask: Client) =>
      (await ask('{ rollouts(first: 1) { nodes { state stage reason } } }')).data.rollouts.nodes[0];
    const halted = await eventually(async () => {
      const node = await newest(admin);
      return node.state === 'HALTED' && node;
    });
    await worker.stop();
    expect(halted).toEqual({ state: 'HALTED', stage: 0, reason: REFUSAL.message });
    expect(await newest(troubled.admin)).toEqual({ state: 'RUNNING', stage: 0, reason: null });
  });

  test('halts an upgrade of agents as well', async () => {
    const organizationId = await api.createOrganization();
    const admin = await api.signIn(organizationId, 'ADMIN');
    const release = { organizationId, version: '1.1.0', author: 'test' };
    const terms = { soakSeconds: 0, confirmSeconds: 60, maxFailures: 0, stages: planStages(null, [50]) };
    await api.database.tenants.transaction(organizationId, async (tx) => {
      await tx.agentRelease.create({ data: { ...release, sha256: 'ab'.repeat(32), bytes: 1 } });
      await tx.upgrade.create({ data: { ...release, ...terms } });
    });
    const compiler = new (class extends DesiredStateCompiler {
      override recompile(): Promise<string[]> {
        // As of a stored document that this release cannot read.
        return Promise.resolve(policyDocumentSchema.parse({ rules: 'none' })).then(() => []);
      }
    })();
    const worker = new UpgradeWorker(
      api.database.worker,
      compiler,
      { isOnline: () => false },
      { isUp: true },
    );
    worker.start();
    const halted = await eventually(async () => {
      const { data } = await admin('{ upgrades(first: 1) { nodes { state stage reason } } }');
      const [node] = data.upgrades.nodes;
      return node.state === 'HALTED' && node;
    });
    await worker.stop();
    const reason = expect.stringMatching(/^its desired states cannot be compiled: .*rules/s);
    expect(halted).toEqual({ state: 'HALTED', stage: 0, reason });
  });
});

describe('a document that is not valid', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await createFleet(2);
    await fleet.admin(SAVE, { input: { message: '', rules: [rule()] } });
  });

  test.each([
    [
      'no address block',
      [rule({ destination: { prefixes: ['10.0.0.0/24', '10.0.0.300/24'] } })],
      'rules[0].destination.prefixes[1]',
    ],
    ['host bits', [rule({ source: { prefixes: ['10.0.0.1/24'] } })], 'write 10.0.0.0/24'],
    ['a range backwards', [rule(), rule({ ports: [{ from: 2, to: 1 }] })], 'rules[1].ports[0]'],
    ['a port too high', [rule({ ports: [{ from: 1, to: 65536 }] })], 'rules[0].ports[0].to'],
    ['an unknown application', [rule({ application: 'smbx' })], 'is not in the catalogue'],
    ['application and ports', [rule({ application: 'smb', ports: [{ from: 1, to: 1 }] })], 'either'],
    ['an empty name', [rule({ name: ' ' })], 'rules[0].name'],
    ['a rate limit of nothing', [rule({ rateLimitMbps: 0 })], 'rules[0].rateLimitMbps'],
    [
      'a rate limit where nothing is accelerated',
      [rule({ action: 'PASS', rateLimitMbps: 5 })],
      'rules[0].rateLimitMbps needs the action accelerate',
    ],
    ['a weight of 0', [rule({ weight: 0 })], 'rules[0].weight'],
    ['one id twice', [rule({ id: 'x' }), rule({ id: 'x' })], 'rules[1].id'],
    ['a site that is none', [rule({ source: { siteIds: [randomUUID()] } })], 'rules[0].source.siteIds[0]'],
    ['a label with a space', [rule({ source: { labels: ['a b'] } })], 'rules[0].source.labels[0]'],
  ])('%s is refused with its place, and nothing is half saved', async (_what, rules, place) => {
    const { organizationId, admin } = fleet;
    const before = await snapshot(organizationId);
    const answer = await admin(SAVE, { input: { expectedRevision: 1, message: '', rules } });
    expect(codeOf(answer)).toBe('BAD_INPUT');
    expect(answer.errors?.[0]?.message).toContain(place);
    expect(await snapshot(organizationId)).toEqual(before);
  });
});

test("another organization's site is no site here, and its policy is not seen", async () => {
  const mine = await createFleet(1);
  const theirs = await createFleet(1);
  await theirs.admin(SAVE, { input: { message: 'theirs', rules: [rule()] } });
  const rules = [rule({ source: { siteIds: theirs.siteIds } })];
  expect(codeOf(await mine.admin(SAVE, { input: { message: '', rules } }))).toBe('BAD_INPUT');
  const { data } = await mine.admin(
    '{ policy { revision revisions { nodes { revision } } } policyRevision(revision: 1) { message } }',
  );
  expect(data).toEqual({ policy: { revision: null, revisions: { nodes: [] } }, policyRevision: null });
});
