import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { getOperationAST, parse } from 'graphql';
import { MAX_COST, costOf } from './cost.js';
import { Fixtures } from '../testing/fixtures.js';
import { TestApi, type Client } from '../testing/test-api.js';

/**
 * What each query of the portal costs the database: the statements that PostgreSQL logged while it was served, with few rows
 * and with many. A page that asks once more for every row would show here, and not before a customer has ten thousand.
 */
const FEW = 3;
const MANY = 30;
const PORTAL = fileURLToPath(new URL('../../../portal/src', import.meta.url));

let api: TestApi;
let fixtures: Fixtures;
let owner: Client;
let organizationId: string;

beforeAll(async () => {
  api = await TestApi.start({ log_statement: 'all' });
  fixtures = new Fixtures(api.database.server.superuserUrl);
  organizationId = await api.createOrganization();
  owner = await api.signIn(organizationId, 'OWNER');
});
afterAll(async () => {
  await fixtures.close();
  await api.stop();
});

/** Documents as they stand in the portal's sources: what an interpolation names is a constant of the same file. */
const queriesOf = (file: string): string[] => {
  const source = readFileSync(file, 'utf8');
  const constants = new Map(
    [...source.matchAll(/const (\w+) = \/\* GraphQL \*\/ `([^`]*)`/g)].map(([, name = '', text = '']) => [
      name,
      text,
    ]),
  );
  return [...source.matchAll(/\/\* GraphQL \*\/\s*`([^`]*)`/g)]
    .map(([, text = '']) => text.replace(/\$\{(\w+)\}/g, (_, name: string) => constants.get(name) ?? ''))
    .filter((text) => /^\s*query /.test(text));
};

const queries = readdirSync(PORTAL, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.documents.ts'))
  .flatMap((file) => queriesOf(`${PORTAL}/${file}`))
  .map((query) => [/query (\w+)/.exec(query)?.[1] ?? '', query] as const);

/** Sites, an agent and a token in each, a link from the first to each, revisions, desired and applied states: up to `count`. */
const grow = async (count: number): Promise<void> => {
  const given = [organizationId, count];
  await fixtures.query(
    `INSERT INTO sites (organization_id, name)
     SELECT $1, 'Site ' || n FROM generate_series(1, $2::int) n ON CONFLICT DO NOTHING`,
    given,
  );
  await fixtures.query(
    `INSERT INTO agents (organization_id, site_id, hostname, state, version, nats_public_key, tunnel_public_key, tunnel_port)
     SELECT $1, id, 'edge', 'APPROVED', '1', 'U' || id, 'K' || id, 4500 FROM sites WHERE organization_id = $1
     ON CONFLICT DO NOTHING`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO agent_desired_states (organization_id, agent_id, epoch, generation, document, content_sha256)
     SELECT $1, id, 1, 1, '{}', 'x' FROM agents WHERE organization_id = $1 ON CONFLICT DO NOTHING`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO agent_applied (organization_id, agent_id, epoch, generation, outcome, boot_id, applied_at)
     SELECT $1, id, 1, 1, 'APPLIED', id, now() FROM agents WHERE organization_id = $1 ON CONFLICT DO NOTHING`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO links (organization_id, site_a_id, site_b_id)
     SELECT $1, least(a.id, b.id), greatest(a.id, b.id) FROM sites a JOIN sites b ON a.id <> b.id
     WHERE a.organization_id = $1 AND b.organization_id = $1 AND a.name = 'Site 1' ON CONFLICT DO NOTHING`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO enrollment_tokens (organization_id, site_id, public_id, secret_sha256, name, expires_at)
     SELECT $1, id, 'e' || id, ''::bytea, 'token', now() + interval '1 day' FROM sites WHERE organization_id = $1
     ON CONFLICT DO NOTHING`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO policies (organization_id, revision) VALUES ($1, 1) ON CONFLICT DO NOTHING`,
    [organizationId],
  );
  await fixtures.query(
    `INSERT INTO policy_revisions (organization_id, policy_id, revision, document, sha256, message, author)
     SELECT $1, p.id, n, '{"rules":[],"forwards":[],"tests":[]}', 'x', '', 'test'
     FROM policies p, generate_series(1, $2::int) n WHERE p.organization_id = $1 ON CONFLICT DO NOTHING`,
    given,
  );
  await growAlerts();
};

/** A rule and a webhook for each site, and of each rule an alert that fires, one that is over, and a notification. */
const growAlerts = async (): Promise<void> => {
  const given = [organizationId];
  await fixtures.query(
    `INSERT INTO webhooks (organization_id, id, name, url, secret_sealed)
     SELECT $1, id, name, 'https://example.com', '' FROM sites WHERE organization_id = $1 ON CONFLICT DO NOTHING`,
    given,
  );
  await fixtures.query(
    `INSERT INTO alert_rules (organization_id, id, name, kind, severity, site_id, threshold, clear_threshold, for_seconds, clear_for_seconds)
     SELECT $1, id, name, 'AGENT_DOWN', 'INFO', id, 1, 0, 60, 60 FROM sites WHERE organization_id = $1 ON CONFLICT DO NOTHING`,
    given,
  );
  await fixtures.query(
    `INSERT INTO alert_rule_webhooks (organization_id, rule_id, webhook_id)
     SELECT $1, id, id FROM sites WHERE organization_id = $1 ON CONFLICT DO NOTHING`,
    given,
  );
  await fixtures.query(
    `INSERT INTO alerts (organization_id, id, rule_id, rule_name, kind, severity, state, subject_kind, subject_id, subject_name,
                         site_ids, value, summary, open, pending_since)
     SELECT $1, md5(id::text || s.state)::uuid, id, name, 'AGENT_DOWN', 'INFO', s.state::alert_state, 'AGENT', id, 'edge', ARRAY[id], 1,
            'edge is away', CASE WHEN s.state = 'FIRING' THEN true END, now()
     FROM sites, unnest(ARRAY['FIRING', 'RESOLVED']) AS s(state) WHERE organization_id = $1 ON CONFLICT DO NOTHING`,
    given,
  );
  await fixtures.query(
    `WITH sent AS (
       INSERT INTO deliveries (organization_id, id, event, webhook_id, payload, state, expires_at)
       SELECT $1, id, 'alert.firing', id, '{}', 'FAILED', now() FROM sites WHERE organization_id = $1
       ON CONFLICT DO NOTHING RETURNING organization_id, id)
     INSERT INTO delivery_attempts (organization_id, delivery_id, number, at, duration_ms)
     SELECT organization_id, id, 1, now(), 1 FROM sent`,
    given,
  );
};

const variables = async (): Promise<Record<string, unknown>> => {
  const [link] = await fixtures.query<{ id: string; agent: string }>(
    `SELECT l.id, a.id AS agent FROM links l JOIN agents a ON a.site_id = l.site_a_id WHERE l.organization_id = $1 LIMIT 1`,
    [organizationId],
  );
  return {
    first: 500,
    after: null,
    filter: {},
    linkId: link?.id,
    agentId: link?.agent,
    minutes: 5,
    revision: 1,
    from: new Date(Date.now() - 3_600_000).toISOString(),
  };
};

/** Statements that the server has logged, those of this spec's own fixtures apart. */
const statementsOf = async (query: string): Promise<{ statements: number; rows: number }> => {
  const wanted = new Set([...query.matchAll(/\$(\w+)/g)].map(([, name]) => name));
  const given = Object.fromEntries(Object.entries(await variables()).filter(([name]) => wanted.has(name)));
  const logged = (): number =>
    readFileSync(api.database.logFile, 'utf8').split(/LOG: {2}(?:statement|execute [^:]*):/).length - 1;
  await owner(query, given);
  const before = logged();
  const { data, errors } = await owner(query, given);
  expect(errors).toBeUndefined();
  return { statements: logged() - before, rows: JSON.stringify(data).split('{').length - 1 };
};

test('every query of the portal is found, and costs less than half of what is allowed', () => {
  expect(queries.map(([name]) => name)).toEqual(
    expect.arrayContaining(['Fleet', 'Sites', 'Links', 'Agents', 'Policy']),
  );
  for (const [name, query] of queries) {
    const document = parse(query);
    const operation = getOperationAST(document);
    if (!operation) throw new Error(`${name} is no operation`);
    const cost = costOf({ schema: api.schema, document, operation, variables: { first: 500 } });
    expect([name, cost < MAX_COST / 2]).toEqual([name, true]);
  }
});

test('no query of the portal asks the database more often when there are more rows', async () => {
  await grow(FEW);
  const few = new Map<string, Awaited<ReturnType<typeof statementsOf>>>();
  for (const [name, query] of queries) few.set(name, await statementsOf(query));
  await grow(MANY);
  const grown: string[] = [];
  for (const [name, query] of queries) {
    const many = await statementsOf(query);
    const before = few.get(name);
    expect(many.statements).toBeGreaterThan(0);
    if (many.statements !== before?.statements) {
      throw new Error(
        `${name}: ${String(before?.statements)} statements, with more rows ${String(many.statements)}`,
      );
    }
    if (many.rows > (before?.rows ?? 0)) grown.push(name);
  }
  // What is counted is what was meant: these have a row for each.
  expect(grown).toEqual(
    expect.arrayContaining([
      'Sites',
      'Links',
      'Agents',
      'EnrollmentTokens',
      'PolicyRevisions',
      'PolicyApplication',
      'AlertRules',
      'FiringAlerts',
      'PastAlerts',
      'Webhooks',
      'Deliveries',
    ]),
  );
});
