import { readFileSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import { eventually } from '../testing/eventually.js';
import { codeOf, TestApi } from '../testing/test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start({ log_statement: 'all' });
});
afterAll(() => api.stop());

/** Statements so far that read the table, as the server logged them. */
const readsOf = (table: string): number =>
  readFileSync(api.database.logFile, 'utf8').split(`FROM "public"."${table}"`).length - 1;

test('what belongs to many rows is read in one statement, not in one for each', async () => {
  const organizationId = await api.createOrganization();
  const admin = await api.signIn(organizationId, 'ADMIN');
  const sizes: number[] = [];
  for (let size = 1; size <= 6; size += 1) {
    const { data } = await admin(`mutation { createSite(input: { name: "s${String(size)}" }) { id } }`);
    await api.enrollAgent(organizationId, data.createSite.id);
    if (size !== 1 && size !== 6) continue;
    const before = readsOf('agent_desired_states');
    const answer = await admin(
      '{ sites { nodes { agents { desiredGeneration desiredRevision site { name } } } } }',
    );
    expect(answer.data.sites.nodes).toHaveLength(size);
    sizes.push(readsOf('agent_desired_states') - before);
  }
  expect(sizes).toEqual([1, 1]);
});

test('an error of ours says what it is; any other is only a number', async () => {
  const organizationId = await api.createOrganization();
  const admin = await api.signIn(organizationId, 'ADMIN');
  expect(codeOf(await admin('{ nothing }'))).toBe('BAD_INPUT');
  expect(codeOf(await admin('{'))).toBe('BAD_INPUT');
  expect(codeOf(await admin('mutation { createSite(input: {}) { id } }'))).toBe('BAD_INPUT');
  expect(codeOf(await admin('mutation { deleteSite(id: "nonsense") }'))).toBe('NOT_FOUND');
  await api.database.worker.prisma.$queryRaw`SELECT 1`;
  const { default: pg } = await import('pg');
  const owner = new pg.Client({ connectionString: api.database.server.ownerUrl });
  await owner.connect();
  await owner.query('ALTER TABLE links RENAME TO hidden');
  try {
    const answer = await admin('{ links { nodes { id } } }');
    expect(codeOf(answer)).toBe('INTERNAL');
    expect(JSON.stringify(answer.errors)).not.toContain('hidden');
    expect(JSON.stringify(answer.errors)).not.toContain('relation');
    expect(answer.errors?.[0]?.extensions).toHaveProperty('incident');
  } finally {
    await owner.query('ALTER TABLE hidden RENAME TO links');
    await owner.end();
  }
});

test('a query that may return too much is refused before anything is read, with its cost and the limit', async () => {
  const admin = await api.signIn(await api.createOrganization(), 'ADMIN');
  const query =
    'query ($n: Int) { sites(first: $n) { nodes { id } } links(first: $n) { nodes { ends { agent { ...x } peer { ...x } } } } } fragment x on Agent { site { agents { site { agents { id } } } } }';
  const before = readsOf('sites');
  const answer = await admin(query, { n: 500 });
  expect(codeOf(answer)).toBe('QUERY_TOO_COSTLY');
  const [error] = answer.errors ?? [];
  expect(error?.extensions).toEqual({
    code: 'QUERY_TOO_COSTLY',
    cost: 36_002,
    limit: 25_000,
  });
  expect(error?.message).toContain('25000');
  expect(readsOf('sites')).toBe(before);
  expect((await admin(query, { n: 10 })).errors).toBeUndefined();
});

test('a refusal is told to the client and is no error in the log', async () => {
  const errors: unknown[] = [];
  Logger.overrideLogger({
    log: () => undefined,
    warn: () => undefined,
    error: (line: unknown) => errors.push(line),
  });
  try {
    const admin = await api.signIn(await api.createOrganization(), 'ADMIN');
    expect(codeOf(await admin('mutation { deleteSite(id: "nonsense") }'))).toBe('NOT_FOUND');
    expect(codeOf(await admin('{ users { nodes { id } } }'))).toBe('FORBIDDEN');
    expect(codeOf(await api.anonymous('{ sites { nodes { id } } }'))).toBe('UNAUTHENTICATED');
    expect(errors).toEqual([]);
  } finally {
    Logger.overrideLogger(['fatal']);
  }
});

test('many requests at once with few connections all get through', async () => {
  const organizationId = await api.createOrganization();
  const admin = await api.signIn(organizationId, 'ADMIN');
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      admin(
        `mutation { a: createSite(input: { name: "a${String(i)}" }) { id agents { id } } b: createSite(input: { name: "b${String(i)}" }) { id agents { id } } }`,
      ),
    ),
  );
  expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([]);
  expect((await admin('{ fleet { sites } }')).data.fleet.sites).toBe(24);
});

test('a browser of another site cannot post for the person', async () => {
  const answer = await api.ask({ 'content-type': 'text/plain' }, '{ sites { nodes { id } } }');
  expect(answer.errors?.[0]?.message).toContain('Cross-Site');
});

/** Last: it takes the database away. */
test('while the database is away requests say so, and afterwards they are answered', async () => {
  const admin = await api.signIn(await api.createOrganization(), 'ADMIN');
  await api.database.server.kill();
  const away = await admin('{ sites { nodes { id } } }');
  expect(away.errors?.map(({ extensions }) => extensions['code'])).toEqual(['UNAVAILABLE']);
  await api.database.server.restart();
  await eventually(async () => (await admin('{ sites { nodes { id } } }')).errors === undefined);
});
