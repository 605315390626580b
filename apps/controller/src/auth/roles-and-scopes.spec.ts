import { codeOf, TestApi, type Client } from '../testing/test-api.js';
import type { Role } from '../generated/prisma/enums.js';

let api: TestApi;
let organizationId: string;
const clients = {} as Record<Role, Client>;
beforeAll(async () => {
  api = await TestApi.start();
  organizationId = await api.createOrganization();
  for (const role of ['OWNER', 'ADMIN', 'OPERATOR', 'VIEWER'] as const) {
    clients[role] = await api.signIn(organizationId, role);
  }
});
afterAll(() => api.stop());

const id = '00000000-0000-4000-8000-000000000000';
const actions: [lowest: Role, action: string][] = [
  ['VIEWER', '{ sites { nodes { id } } }'],
  ['VIEWER', '{ policy { revision } }'],
  ['OPERATOR', 'mutation { savePolicy(input: { message: "x", rules: [] }) { revision } }'],
  ['ADMIN', `mutation { createSite(input: { name: " " }) { id } }`],
  ['ADMIN', `mutation { updateLink(id: "${id}", input: {}) { id } }`],
  ['ADMIN', `mutation { approveAgent(id: "${id}") { id } }`],
  ['ADMIN', `mutation { createEnrollmentToken(input: { name: "x", siteId: "${id}" }) { token } }`],
  ['ADMIN', '{ apiTokens { nodes { id } } }'],
  ['OWNER', '{ users { nodes { email } } }'],
  ['OWNER', 'mutation { createUser(input: { email: "x", password: "x", role: VIEWER }) { id } }'],
];

test.each(actions)('%s and higher may: %s', async (lowest, action) => {
  const order: Role[] = ['VIEWER', 'OPERATOR', 'ADMIN', 'OWNER'];
  for (const role of order) {
    const code = codeOf(await clients[role](action));
    if (order.indexOf(role) < order.indexOf(lowest)) expect(code).toBe('FORBIDDEN');
    else expect(code).not.toBe('FORBIDDEN');
  }
});

const createToken = async (client: Client, scopes: string[], expiresAt?: Date) =>
  client(
    `mutation ($scopes: [String!]!, $expiresAt: DateTime) {
      createApiToken(input: { name: "pipeline", scopes: $scopes, expiresAt: $expiresAt }) { token apiToken { id scopes } }
    }`,
    { scopes, expiresAt },
  );

test('an API token may what its scopes say and nothing else, until it is revoked', async () => {
  const { data } = await createToken(clients.ADMIN, ['read', 'policy:write']);
  const { token, apiToken } = data.createApiToken;
  expect(token).toMatch(/^lh_api_[0-9A-Za-z]{12}_[\w-]{43}$/);
  const pipeline = api.withToken(token);
  expect((await pipeline('{ sites { nodes { id } } viewer { email role } }')).data).toEqual({
    sites: { nodes: [] },
    viewer: { email: 'pipeline', role: 'ADMIN' },
  });
  const denied = await pipeline('mutation { createSite(input: { name: "x" }) { id } }');
  expect(codeOf(denied)).toBe('FORBIDDEN');
  expect(denied.errors?.[0]?.message).toContain('sites:write');
  expect(codeOf(await pipeline('mutation { changePassword(current: "a", next: "b") }'))).toBe('FORBIDDEN');
  const revoke = 'mutation ($id: ID!) { revokeApiToken(id: $id) { revokedAt } }';
  expect((await clients.ADMIN(revoke, { id: apiToken.id })).data.revokeApiToken.revokedAt).not.toBeNull();
  expect(codeOf(await pipeline('{ sites { nodes { id } } }'))).toBe('UNAUTHENTICATED');
});

test('nobody hands on a scope that they do not have', async () => {
  expect(codeOf(await createToken(clients.ADMIN, ['users:write']))).toBe('FORBIDDEN');
  const { data } = await createToken(clients.ADMIN, ['tokens:write']);
  const pipeline = api.withToken(data.createApiToken.token);
  expect(codeOf(await createToken(pipeline, ['sites:write']))).toBe('FORBIDDEN');
});

test('a token is no more than its maker is now', async () => {
  const { id: userId } = await api.createMember(organizationId, 'ADMIN');
  const { data } = await createToken(clients.ADMIN, ['read', 'sites:write']);
  const { token, apiToken } = data.createApiToken;
  await api.database.tenants.transaction(organizationId, async (tx) => {
    await tx.apiToken.updateMany({ where: { id: apiToken.id }, data: { createdById: userId } });
    await tx.membership.updateMany({ where: { userId }, data: { role: 'VIEWER' } });
  });
  const action = 'mutation { createSite(input: { name: " " }) { id } }';
  expect(codeOf(await api.withToken(token)(action))).toBe('FORBIDDEN');
  await api.database.tenants.transaction(organizationId, (tx) =>
    tx.membership.deleteMany({ where: { userId } }),
  );
  expect(codeOf(await api.withToken(token)('{ sites { nodes { id } } }'))).toBe('UNAUTHENTICATED');
});

test('an expired token is good for nothing', async () => {
  expect(codeOf(await createToken(clients.ADMIN, ['read'], new Date(0)))).toBe('BAD_INPUT');
  const { data } = await createToken(clients.ADMIN, ['read'], new Date(Date.now() + 60_000));
  const { token, apiToken } = data.createApiToken;
  await api.database.tenants.transaction(organizationId, (tx) =>
    tx.apiToken.updateMany({ where: { id: apiToken.id }, data: { expiresAt: new Date(Date.now() - 1) } }),
  );
  expect(codeOf(await api.withToken(token)('{ sites { nodes { id } } }'))).toBe('UNAUTHENTICATED');
});

test('an unknown scope is refused with those that there are', async () => {
  const answer = await createToken(clients.ADMIN, ['everything']);
  expect(codeOf(answer)).toBe('BAD_INPUT');
  expect(answer.errors?.[0]?.message).toContain('policy:write');
});
