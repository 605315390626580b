import { Fixtures } from '../testing/fixtures.js';
import { codeOf, TestApi, type Answer, type Client, type Data } from '../testing/test-api.js';

/** Lists that are read page by page: each from its end to its beginning, with rows that come and go meanwhile. */
let api: TestApi;
let fixtures: Fixtures;
let owner: Client;
let organizationId: string;
let siteIds: string[];

const SITES = 23;
const LISTS = [
  'sites',
  'agents',
  'links',
  'enrollmentTokens',
  'apiTokens',
  'users',
  'sessions',
  'organizations',
  'policies',
  'rollouts',
  'auditEvents',
  'alertRules',
  'alerts',
  'webhooks',
  'deliveries',
] as const;

beforeAll(async () => {
  api = await TestApi.start();
  fixtures = new Fixtures(api.database.server.superuserUrl);
  organizationId = await api.createOrganization();
  const account = await api.createMember(organizationId, 'OWNER');
  owner = await api.openSession(account);
  await fillOrganization(account.id);
  siteIds = (await whole('sites')).map(({ id }) => id);
});
afterAll(async () => {
  await fixtures.close();
  await api.stop();
});

/** Many rows of one moment each, so that only the last key tells them apart. */
const fillOrganization = async (userId: string): Promise<void> => {
  const given = [organizationId, userId, SITES];
  await fixtures.query(
    `WITH people AS (
       INSERT INTO users (organization_id, email) SELECT $1, 'p' || n || '@example.com' FROM generate_series(1, 7) n RETURNING id)
     INSERT INTO memberships (organization_id, user_organization_id, user_id, role) SELECT $1, $1, id, 'VIEWER' FROM people`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO sessions (organization_id, user_id, token_hash, expires_at)
     SELECT $1, $2, sha256(('s' || n)::bytea), now() + interval '1 day' FROM generate_series(1, 7) n`,
    given.slice(0, 2),
  );
  await fixtures.query(
    `INSERT INTO api_tokens (organization_id, created_by_id, public_id, secret_sha256, name, scopes, revoked_at)
     SELECT $1, $2, 't' || n, ''::bytea, 'token', '{read}', CASE WHEN n > 5 THEN now() END FROM generate_series(1, 7) n`,
    given.slice(0, 2),
  );
  await fixtures.query(
    `WITH orgs AS (INSERT INTO organizations (name) SELECT 'Same' FROM generate_series(1, 7) RETURNING id)
     INSERT INTO memberships (organization_id, user_organization_id, user_id, role) SELECT id, $1, $2, 'VIEWER' FROM orgs`,
    given.slice(0, 2),
  );
  await fixtures.query(
    `INSERT INTO sites (organization_id, name, labels)
     SELECT $1, 'Site ' || n, CASE WHEN n <= 3 THEN '{canary}'::text[] ELSE '{}' END FROM generate_series(1, $2) n`,
    [organizationId, SITES],
  );
  await fixtures.query(
    `INSERT INTO agents (organization_id, site_id, hostname, state, version, nats_public_key, tunnel_public_key, tunnel_port)
     SELECT $1, id, 'edge', CASE WHEN name = 'Site 1' THEN 'PENDING' ELSE 'APPROVED' END::agent_state, '1.' || length(name),
            'U' || id, 'K' || id, 4500
     FROM sites WHERE organization_id = $1 AND name <> 'Site 2'`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO links (organization_id, site_a_id, site_b_id)
     SELECT $1, least(a.id, b.id), greatest(a.id, b.id) FROM sites a JOIN sites b ON a.id <> b.id
     WHERE a.organization_id = $1 AND b.organization_id = $1 AND a.name = 'Site 3'`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO enrollment_tokens (organization_id, site_id, public_id, secret_sha256, name, max_uses, uses, expires_at, revoked_at)
     SELECT $1, (SELECT id FROM sites WHERE organization_id = $1 LIMIT 1), 'e' || n, ''::bytea, 'token', 2, CASE WHEN n = 1 THEN 2 ELSE 1 END,
            CASE WHEN n = 2 THEN now() - interval '1 day' ELSE now() + interval '1 day' END, CASE WHEN n = 3 THEN now() END
     FROM generate_series(1, 7) n`,
    [organizationId],
  );
  await fixtures.query(
    `WITH saved AS (
       INSERT INTO policies (organization_id, scope, target, revision)
       VALUES ($1, 'SITE', gen_random_uuid()::text, 3), ($1, 'SITE_GROUP', 'a', 2), ($1, 'ORGANIZATION', '', 1), ($1, 'SITE_GROUP', 'b', 4)
       RETURNING id, revision),
     revisions AS (
       INSERT INTO policy_revisions (organization_id, policy_id, revision, document, sha256, message, author)
       SELECT $1, id, revision, '{"rules":[],"forwards":[],"tests":[]}', 'x', '', 'test' FROM saved RETURNING policy_id, revision)
     SELECT 1`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO rollouts (organization_id, policy_id, revision, state, stages, soak_seconds, confirm_seconds, max_failures, author)
     SELECT $1, policy_id, revision, CASE WHEN revision = 1 THEN 'HALTED' ELSE 'COMPLETED' END::rollout_state, '[{"percent":100}]', 1, 10, 0, 'test'
     FROM policy_revisions WHERE organization_id = $1`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO webhooks (organization_id, name, url, secret_sealed)
     SELECT $1, 'Hook ' || n, 'https://example.com', '' FROM generate_series(1, 7) n`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO deliveries (organization_id, event, alert_ids, webhook_id, payload, state, expires_at)
     SELECT $1, 'alert.firing', '{}', id, '{}', CASE WHEN name < 'Hook 3' THEN 'FAILED' ELSE 'DELIVERED' END::delivery_state, now()
     FROM webhooks WHERE organization_id = $1`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO alert_rules (organization_id, name, kind, severity, threshold, clear_threshold, for_seconds, clear_for_seconds)
     SELECT $1, 'Rule ' || n, 'AGENT_DOWN', 'INFO', 1, 0, 60, 60 FROM generate_series(1, 7) n`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO alerts (organization_id, rule_id, rule_name, kind, severity, state, subject_kind, subject_id, subject_name,
                         site_ids, value, summary, open, pending_since)
     SELECT r.organization_id, r.id, r.name, r.kind, CASE WHEN r.name < 'Rule 3' THEN 'CRITICAL' ELSE 'INFO' END::alert_severity,
            CASE WHEN r.name < 'Rule 5' THEN 'FIRING' ELSE 'RESOLVED' END::alert_state, 'AGENT', gen_random_uuid(), 'edge',
            ARRAY[s.id], 1, 'edge is away', CASE WHEN r.name < 'Rule 5' THEN true END, now()
     FROM alert_rules r JOIN sites s ON s.organization_id = r.organization_id AND s.name = 'Site 1'
     WHERE r.organization_id = $1`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO audit_events (organization_id, actor_kind, actor_name, action) SELECT $1, 'system', 'test', 'site.create' FROM generate_series(1, 7)`,
    [organizationId],
  );
};

interface Item {
  readonly id: string;
  readonly [field: string]: unknown;
}

const fieldsOf = (list: string): string => {
  if (list === 'organizations') return 'organization { id }';
  return list === 'policies' ? 'scope label siteId' : 'id';
};

const COUNTED = new Set<string>(LISTS.filter((list) => list !== 'auditEvents'));

const page = (list: string, first: number, after: string | null): Promise<Answer> =>
  owner(
    `query ($first: Int, $after: String) { ${list}(first: $first, after: $after) {
       edges { cursor node { ${fieldsOf(list)} } } nodes { ${fieldsOf(list)} } pageInfo { hasNextPage endCursor }
       ${COUNTED.has(list) ? 'totalCount' : ''} } }`,
    { first, after },
  );

const whole = async (list: string): Promise<Item[]> =>
  (await page(list, 500, null)).data[list].nodes as Item[];

const byPages = async (list: string, size: number, between?: () => Promise<unknown>): Promise<Item[]> => {
  const items: Item[] = [];
  let after: string | null = null;
  do {
    const { data, errors } = await page(list, size, after);
    expect(errors).toBeUndefined();
    const { nodes, edges, pageInfo } = data[list];
    expect(nodes.length).toBeLessThanOrEqual(size);
    expect(edges.map(({ node }: { node: unknown }) => node)).toEqual(nodes);
    expect(pageInfo.endCursor).toBe(edges.at(-1).cursor);
    items.push(...(nodes as Item[]));
    after = pageInfo.hasNextPage ? (pageInfo.endCursor as string) : null;
    await between?.();
  } while (after !== null);
  return items;
};

test.each(LISTS)('%s comes page by page, each item once and in the order of the whole', async (list) => {
  const { data } = await page(list, 500, null);
  const all = data[list].nodes as Item[];
  expect(all.length).toBeGreaterThan(3);
  if (COUNTED.has(list)) expect(data[list].totalCount).toBe(all.length);
  expect(await byPages(list, 3)).toEqual(all);
});

test('what comes and goes between two pages neither repeats nor hides the rest', async () => {
  const names = [`A ${String(Date.now())}`, `Z ${String(Date.now())}`];
  let round = 0;
  const seen = await byPages('sites', 5, async () => {
    round += 1;
    if (round === 1) for (const name of names) await fixtures.site(organizationId, name);
    if (round === 3) await fixtures.query('DELETE FROM sites WHERE name = $1', [names[0]]);
  });
  const ids = seen.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(expect.arrayContaining(siteIds));
  expect(ids).toHaveLength(siteIds.length + 1);
  await fixtures.query('DELETE FROM sites WHERE name = $1', [names[1]]);
});

test('a page of no size, and a cursor that is none of the list, are refused with what to do', async () => {
  for (const first of [0, -1, 501]) expect(codeOf(await page('sites', first, null))).toBe('BAD_INPUT');
  const { data } = await page('agents', 1, null);
  const foreign = data.agents.pageInfo.endCursor as string;
  const changed = Buffer.from(
    Buffer.from(foreign, 'base64url').toString().replace('edge', '\u0000'),
  ).toString('base64url');
  for (const [list, cursor] of [
    ['sites', foreign],
    ['agents', 'nonsense'],
    ['agents', ''],
    ['agents', changed.slice(0, -8)],
    ['policies', Buffer.from('["policies","PLANET","x"]').toString('base64url')],
    ['auditEvents', Buffer.from('["auditEvents",1e300,"x"]').toString('base64url')],
    ['flows', Buffer.from('["flows","yesterday","x"]').toString('base64url')],
  ] as const) {
    const query = `query ($after: String) { ${list}(after: $after) { pageInfo { endCursor } } }`;
    const answer = await owner(query, { after: cursor });
    expect([list, cursor, codeOf(answer)]).toEqual([list, cursor, 'BAD_INPUT']);
    expect(answer.errors?.[0]?.extensions['problems']).toEqual([
      expect.objectContaining({ path: 'after', code: 'INVALID_CURSOR' }),
    ]);
  }
});

test.each([
  ['sites', '{ name: "SITE 1" }', 11],
  ['sites', '{ label: "canary" }', 3],
  ['sites', '{ state: EMPTY }', 1],
  ['sites', '{ state: PENDING }', 1],
  ['sites', '{ state: OFFLINE }', SITES - 2],
  ['sites', '{ state: HEALTHY }', 0],
  ['sites', '{ label: "canary", state: OFFLINE }', 1],
  ['agents', '{ state: PENDING }', 1],
  ['agents', '{ version: "1.6" }', 8],
  ['agents', '{ hostname: "EDG" }', SITES - 1],
  ['agents', '{ online: true }', 0],
  ['agents', '{ online: false, state: APPROVED }', SITES - 2],
  ['agents', '{ drifted: true }', 0],
  ['links', '{ profile: LOSSY }', 0],
  ['enrollmentTokens', '{ status: "active" }', 4],
  ['enrollmentTokens', '{ status: "used-up" }', 1],
  ['enrollmentTokens', '{ status: "expired" }', 1],
  ['enrollmentTokens', '{ status: "revoked" }', 1],
  ['apiTokens', '{ status: "revoked" }', 2],
  ['apiTokens', '{ status: "active" }', 5],
  ['users', '{ role: OWNER }', 1],
  ['users', '{ email: "P1@" }', 1],
  ['policies', '{ scope: SITE_GROUP }', 2],
  ['rollouts', '{ state: HALTED }', 1],
  ['rollouts', '{ revision: 2 }', 1],
  ['alerts', '{ state: FIRING }', 4],
  ['alerts', '{ state: RESOLVED, severity: INFO }', 3],
  ['alerts', '{ severity: CRITICAL, kind: AGENT_DOWN }', 2],
  ['alerts', '{ kind: LINK_LOSS }', 0],
  ['deliveries', '{ state: FAILED }', 2],
])('%s with %s', async (list, filter, count) => {
  const { data, errors } = await owner(`{ ${list}(filter: ${filter}) { totalCount nodes { __typename } } }`);
  expect(errors).toBeUndefined();
  expect([data[list].totalCount, data[list].nodes.length]).toEqual([count, count]);
});

test('links of a site, and agents of a site, are found by it', async () => {
  const [agent] = (await owner('{ agents(first: 1) { nodes { site { id } } } }')).data.agents.nodes;
  const variables = { id: agent.site.id as string };
  const { data } = await owner(
    `query ($id: ID!) { agents(filter: { siteId: $id }) { nodes { site { id } } }
       links(filter: { siteId: $id }) { nodes { siteA { id } siteB { id } } } }`,
    variables,
  );
  expect(data.agents.nodes).toEqual([{ site: variables }]);
  for (const { siteA, siteB } of data.links.nodes) expect([siteA.id, siteB.id]).toContain(variables.id);
});

test('alerts about a site are found by it, and deliveries by their webhook', async () => {
  const sites = (await owner('{ sites(filter: { name: "Site 1" }) { nodes { id name } } }')).data.sites.nodes;
  const about = await Promise.all(
    (sites as { id: string; name: string }[]).map(async ({ id, name }) => {
      const query =
        'query ($id: ID!) { alerts(filter: { siteId: $id }) { totalCount nodes { sites { id } } } }';
      const { alerts } = (await owner(query, { id })).data;
      expect(alerts.nodes.every((alert: Data) => alert.sites[0].id === id)).toBe(true);
      return [name, alerts.totalCount as number] as const;
    }),
  );
  expect(about.filter(([, count]) => count > 0)).toEqual([['Site 1', 7]]);
  const [webhook] = (await owner('{ webhooks(first: 1) { nodes { id } } }')).data.webhooks.nodes;
  const query =
    'query ($id: ID!) { deliveries(filter: { webhookId: $id }) { nodes { webhook { id } log { number } } } }';
  expect((await owner(query, { id: webhook.id })).data.deliveries.nodes).toEqual([
    { webhook: { id: webhook.id }, log: [] },
  ]);
});

test('an agent that is not what it shall be is found, and its site shows it', async () => {
  const [row] = await fixtures.query<{ id: string }>(
    `INSERT INTO agent_desired_states (organization_id, agent_id, epoch, generation, document, content_sha256)
     SELECT organization_id, id, 1, 5, '{}', 'x' FROM agents WHERE organization_id = $1 AND state = 'APPROVED' LIMIT 1
     RETURNING agent_id AS id`,
    [organizationId],
  );
  const { data } = await owner('{ agents(filter: { drifted: true }) { nodes { id site { state } } } }');
  expect(data.agents.nodes).toEqual([{ id: row?.id, site: { state: 'OFFLINE' } }]);
});

test('ten thousand sites are read in twenty pages, each once', async () => {
  const id = await api.createOrganization();
  await fixtures.query(
    `INSERT INTO sites (organization_id, name) SELECT $1, 'Site ' || n FROM generate_series(1, 10000) n`,
    [id],
  );
  const client = await api.signIn(id, 'VIEWER');
  const query = `query ($after: String) { sites(first: 500, after: $after) {
    nodes { id name agents { id } } pageInfo { hasNextPage endCursor } } }`;
  const seen = new Set<string>();
  let pages = 0;
  for (let after: string | null = null, more = true; more; pages += 1) {
    const { data }: Answer = await client(query, { after });
    for (const site of data.sites.nodes as Item[]) seen.add(site.id);
    more = data.sites.pageInfo.hasNextPage as boolean;
    after = data.sites.pageInfo.endCursor as string;
  }
  expect([pages, seen.size]).toEqual([20, 10_000]);
});
