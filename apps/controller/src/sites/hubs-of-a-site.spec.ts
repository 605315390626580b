import { randomUUID } from 'node:crypto';
import { desiredStateSchema } from '@longhaul/contracts';
import { codeOf, TestApi, type Client } from '../testing/test-api.js';

let api: TestApi;
let admin: Client;
let organizationId: string;

beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

beforeEach(async () => {
  organizationId = await api.createOrganization();
  admin = await api.signIn(organizationId, 'ADMIN');
});

const CREATE = 'mutation ($input: SiteInput!) { createSite(input: $input) { id hubSiteIds } }';
const UPDATE =
  'mutation ($id: ID!, $input: SiteInput!) { updateSite(id: $id, input: $input) { id hubSiteIds } }';

/** A site with an agent. */
const site = async (name: string, number: number, hubSiteIds?: string[]) => {
  const input = { name, lanPrefixes: [`10.${String(number)}.0.0/16`], hubSiteIds };
  const { data } = await admin(CREATE, { input });
  const { id } = data.createSite as { id: string };
  return { id, name, agentId: await api.enrollAgent(organizationId, id, { hostname: name }) };
};

/** What an agent has to be: names of its peers, and of the sites that its rules accelerate to. */
const wanted = async ({ agentId }: { agentId: string }) => {
  const { document } = await api.database.worker.prisma.agentDesiredState.findUniqueOrThrow({
    where: { organizationId_agentId: { organizationId, agentId } },
  });
  const { peers, rules, allow } = desiredStateSchema.parse(document);
  const nameOf = (id: string | undefined) => peers.find((peer) => peer.agentId === id)?.name;
  return {
    peers: peers.map(({ name }) => name),
    rules: rules.map(({ peerAgentId }) => nameOf(peerAgentId)).sort(),
    allow: allow.map(({ peerAgentId }) => nameOf(peerAgentId)).sort(),
  };
};

const linkCount = async (): Promise<number> =>
  (await admin('{ links(first: 1) { totalCount } }')).data.links.totalCount as number;

test('a spoke is linked to its hubs only, and its rules go no further', async () => {
  const [hub, other] = [await site('hub', 1), await site('other', 2)];
  const [north, south] = [await site('north', 3, [hub.id]), await site('south', 4, [hub.id])];
  await admin(
    `mutation { savePolicy(input: { message: "", rules: [{ name: "all", priority: 1, action: ACCELERATE }] }) { revision } }`,
  );
  const spoke = { peers: ['hub'], rules: ['hub'], allow: ['hub'] };
  expect(await wanted(north)).toEqual(spoke);
  expect(await wanted(south)).toEqual(spoke);
  const all = ['north', 'other', 'south'];
  expect(await wanted(hub)).toEqual({ peers: ['other', 'north', 'south'], rules: all, allow: all });
  expect(await wanted(other)).toEqual(spoke);
  expect(await linkCount()).toBe(3);
});

test('a site of the mesh becomes a spoke and a member of the mesh again; links keep what they were set to', async () => {
  const [hub, branch, other] = [await site('hub', 1), await site('branch', 2), await site('other', 3)];
  const input = { name: 'branch', hubSiteIds: [hub.id, hub.id.toUpperCase()] };
  const { data } = await admin(UPDATE, { id: branch.id, input });
  expect(data.updateSite.hubSiteIds).toEqual([hub.id]);
  expect((await wanted(branch)).peers).toEqual(['hub']);
  expect((await wanted(other)).peers).toEqual(['hub']);
  // What is left out stays.
  await admin(UPDATE, { id: branch.id, input: { name: 'branch' } });
  expect((await wanted(branch)).peers).toEqual(['hub']);
  await admin(UPDATE, { id: branch.id, input: { name: 'branch', hubSiteIds: null } });
  expect((await wanted(branch)).peers).toEqual(['hub', 'other']);
  expect(await linkCount()).toBe(3);
});

test('hubs are other sites of the organization', async () => {
  const branch = await site('branch', 1);
  const stranger = randomUUID();
  const update = (hubSiteIds: string[]) =>
    admin(UPDATE, { id: branch.id, input: { name: 'branch', hubSiteIds } });
  const own = await update([branch.id]);
  expect(codeOf(own)).toBe('BAD_INPUT');
  const unknown = await update([stranger]);
  expect(codeOf(unknown)).toBe('BAD_INPUT');
  expect(JSON.stringify(unknown.errors)).toContain(`is no site: ${stranger}`);
  expect(codeOf(await update(['nonsense']))).toBe('BAD_INPUT');
  expect(codeOf(await update(Array.from({ length: 17 }, () => randomUUID())))).toBe('BAD_INPUT');
  expect((await wanted(branch)).peers).toEqual([]);
});

test('a hub is not deleted under its spokes', async () => {
  const { data } = await admin(CREATE, { input: { name: 'hub' } });
  const hubId = data.createSite.id as string;
  await admin(CREATE, { input: { name: 'branch', hubSiteIds: [hubId] } });
  const refused = await admin('mutation ($id: ID!) { deleteSite(id: $id) }', { id: hubId });
  expect(codeOf(refused)).toBe('CONFLICT');
  expect(refused.errors?.[0]?.message).toContain('hub of the site "branch"');
});
