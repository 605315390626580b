import { codeOf, TestApi } from '../testing/test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
}, 60_000);
afterAll(() => api.stop());

/** Statements so far that read the table, by the server's own count of scans. */
const scansOf = async (table: string): Promise<number> => {
  await api.database.worker.prisma.$queryRaw`SELECT pg_stat_force_next_flush()::text`;
  const [row] = await api.database.worker.prisma.$queryRaw<{ scans: number }[]>`
    SELECT (seq_scan + coalesce(idx_scan, 0))::int AS scans FROM pg_stat_user_tables WHERE relname = ${table}`;
  return row?.scans ?? 0;
};

test('what belongs to many rows is read in one statement, not in one for each', async () => {
  const organizationId = await api.createOrganization();
  const admin = await api.signIn(organizationId, 'ADMIN');
  const sizes: number[] = [];
  for (let size = 1; size <= 6; size += 1) {
    const { data } = await admin(`mutation { createSite(input: { name: "s${String(size)}" }) { id } }`);
    await api.enrollAgent(organizationId, data.createSite.id);
    if (size !== 1 && size !== 6) continue;
    const before = await scansOf('agent_desired_states');
    const answer = await admin('{ sites { agents { desiredGeneration desiredRevision site { name } } } }');
    expect(answer.data.sites).toHaveLength(size);
    await new Promise((resolve) => setTimeout(resolve, 50));
    sizes.push((await scansOf('agent_desired_states')) - before);
  }
  expect(sizes[1]).toBe(sizes[0]);
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
    const answer = await admin('{ links { id } }');
    expect(codeOf(answer)).toBe('INTERNAL');
    expect(JSON.stringify(answer.errors)).not.toContain('hidden');
    expect(JSON.stringify(answer.errors)).not.toContain('relation');
    expect(answer.errors?.[0]?.extensions).toHaveProperty('incident');
  } finally {
    await owner.query('ALTER TABLE hidden RENAME TO links');
    await owner.end();
  }
});

test('many requests at once with few connections all get through', async () => {
  const organizationId = await api.createOrganization();
  const admin = await api.signIn(organizationId, 'ADMIN');
  const answers = await Promise.all(
    Array.from({ length: 24 }, (_, i) =>
      admin(
        `mutation { a: createSite(input: { name: "a${String(i)}" }) { id agents { id } } b: createSite(input: { name: "b${String(i)}" }) { id agents { id } } }`,
      ),
    ),
  );
  expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([]);
  expect((await admin('{ fleet { sites } }')).data.fleet.sites).toBe(48);
});

test('a browser of another site cannot post for the person', async () => {
  const answer = await api.ask({ 'content-type': 'text/plain' }, '{ sites { id } }');
  expect(answer.errors?.[0]?.message).toContain('Cross-Site');
});
