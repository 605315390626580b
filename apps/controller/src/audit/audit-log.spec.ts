import pg from 'pg';
import { codeOf, TestApi, type Client } from '../testing/test-api.js';

let api: TestApi;
let organizationId: string;
let admin: Client;
beforeAll(async () => {
  api = await TestApi.start();
  organizationId = await api.createOrganization();
  admin = await api.signIn(organizationId, 'ADMIN');
});
afterAll(() => api.stop());

const LOG = `query ($filter: AuditEventFilter, $first: Int, $after: String) {
  auditEvents(filter: $filter, first: $first, after: $after) {
    edges { node { id at action actorKind actorId actorName origin sessionId targetId before after } }
    pageInfo { hasNextPage endCursor }
  }
}`;

interface Event {
  readonly id: string;
  readonly action: string;
  readonly targetId: string;
  readonly before: string | null;
  readonly after: string | null;
}

const read = async (variables: object = {}, client = admin): Promise<Event[]> => {
  const { data, errors } = await client(LOG, { ...variables });
  expect(errors).toBeUndefined();
  return (data.auditEvents.edges as { node: Event }[]).map(({ node }) => node);
};

const createSite = async (name: string): Promise<string> =>
  (await admin('mutation ($name: String!) { createSite(input: { name: $name }) { id } }', { name })).data
    .createSite.id as string;

test('says who did what, from where and by which session, and what it was before', async () => {
  const id = await createSite('Paris');
  await admin('mutation ($id: ID!) { updateSite(id: $id, input: { name: "Lyon" }) { id } }', { id });
  const [updated, created] = await read({ filter: { targetId: id } });
  expect(updated).toMatchObject({
    action: 'site.update',
    actorKind: 'user',
    actorName: expect.stringContaining('admin') as string,
    origin: expect.stringContaining('127.0.0.1') as string,
    sessionId: (await admin('{ sessions { nodes { id } } }')).data.sessions.nodes[0].id as string,
  });
  expect(JSON.parse(updated?.before ?? '')).toMatchObject({ name: 'Paris' });
  expect(JSON.parse(updated?.after ?? '')).toMatchObject({ name: 'Lyon' });
  expect(created).toMatchObject({ action: 'site.create', before: null });
});

test('names the token that did it', async () => {
  const { data } = await admin(
    'mutation { createApiToken(input: { name: "terraform", scopes: ["sites:write"] }) { token apiToken { id } } }',
  );
  const { token, apiToken } = data.createApiToken;
  const made = await api.withToken(token as string)(
    'mutation { createSite(input: { name: "Nice" }) { id } }',
  );
  const [event] = await read({ filter: { targetId: made.data.createSite.id as string } });
  expect(event).toMatchObject({
    actorKind: 'api-token',
    actorId: apiToken.id as string,
    actorName: 'terraform',
    sessionId: null,
  });
});

test('is read page by page, each event once, also those of one moment', async () => {
  const at = new Date();
  await api.database.tenants.transaction(organizationId, (tx) =>
    tx.auditEvent.createMany({
      data: Array.from({ length: 7 }, (_, i) => ({
        organizationId,
        at,
        actorKind: 'system',
        actorName: 'test',
        action: 'page.test',
        targetId: String(i),
      })),
    }),
  );
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const { data } = await admin(LOG, { first: 3, after, filter: { actions: ['page.'] } });
    seen.push(...(data.auditEvents.edges as { node: Event }[]).map(({ node }) => node.targetId));
    after = data.auditEvents.pageInfo.hasNextPage ? (data.auditEvents.pageInfo.endCursor as string) : null;
  } while (after !== null);
  expect(seen.sort()).toEqual(['0', '1', '2', '3', '4', '5', '6']);
});

test('is narrowed by action, actor and time; nonsense is refused in words', async () => {
  await createSite('Metz');
  expect(new Set((await read({ filter: { actions: ['site.create'] } })).map(({ action }) => action))).toEqual(
    new Set(['site.create']),
  );
  expect(await read({ filter: { actions: ['site.'], until: '2020-01-01T00:00:00Z' } })).toEqual([]);
  expect((await read({ filter: { since: '2020-01-01T00:00:00Z' }, first: 2 })).length).toBe(2);
  for (const variables of [{ after: 'nonsense' }, { first: 501 }, { filter: { actions: ['%'] } }]) {
    expect(codeOf(await admin(LOG, variables))).toBe('BAD_INPUT');
  }
});

test('is for admins of the organization', async () => {
  expect(codeOf(await (await api.signIn(organizationId, 'OPERATOR'))(LOG))).toBe('FORBIDDEN');
  const stranger = await api.signIn(await api.createOrganization(), 'OWNER');
  expect((await read({}, stranger)).map(({ action }) => action)).toEqual(['session.open']);
});

test('cannot be changed: not by the controller, not by its worker, and not by a superuser by mistake', async () => {
  const { appUrl, workerUrl, superuserUrl } = api.database.server;
  for (const [connectionString, refusal] of [
    [appUrl, /permission denied/],
    [workerUrl, /permission denied/],
    [superuserUrl, /immutable/],
  ] as const) {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      await client.query("SELECT set_config('app.organization_id', $1, false)", [organizationId]);
      await expect(client.query("UPDATE audit_events SET action = 'x'")).rejects.toThrow(refusal);
      await expect(client.query('DELETE FROM audit_events')).rejects.toThrow(refusal);
      await expect(client.query('TRUNCATE audit_events')).rejects.toThrow(refusal);
    } finally {
      await client.end();
    }
  }
});

test('has nothing of a change that did not happen, and no change happens without it', async () => {
  const count = async () => (await read({ first: 500 })).length;
  const before = await count();
  await createSite('Brest');
  expect(codeOf(await admin('mutation { createSite(input: { name: "Brest" }) { id } }'))).toBe('CONFLICT');
  expect(await count()).toBe(before + 1);
  const owner = new pg.Client({ connectionString: api.database.server.ownerUrl });
  await owner.connect();
  try {
    await owner.query('REVOKE INSERT ON audit_events FROM longhaul_app');
    expect(codeOf(await admin('mutation { createSite(input: { name: "Dijon" }) { id } }'))).toBe('INTERNAL');
    const { data } = await admin('{ sites { nodes { name } } }');
    expect((data.sites.nodes as { name: string }[]).map(({ name }) => name)).not.toContain('Dijon');
  } finally {
    await owner.query('GRANT INSERT ON audit_events TO longhaul_app');
    await owner.end();
  }
});
