import { randomBytes, randomUUID } from 'node:crypto';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';

const northwind = randomUUID();
const southwind = randomUUID();

let database: TestDatabase;
beforeAll(async () => {
  database = await startTestDatabase();
  for (const id of [northwind, southwind]) {
    await database.tenants.transaction(id, async (tx) => {
      await tx.organization.create({ data: { id, name: id === northwind ? 'Northwind' : 'Southwind' } });
      await tx.site.create({
        data: { organizationId: id, name: 'Head office', labels: [], lanPrefixes: [] },
      });
      await tx.user.create({
        data: { organizationId: id, email: `admin@${id}.example`, passwordHash: 'x' },
      });
    });
  }
});
afterAll(() => database.stop());

test('the controller is longhaul_app, which neither is a superuser nor bypasses row-level security', async () => {
  const [role] = await database.tenants.scoped(
    {},
    (tx) => tx.$queryRaw<object[]>`
      SELECT current_user::text, session_user::text, rolsuper, rolbypassrls
      FROM pg_roles WHERE rolname = current_user`,
  );
  expect(role).toEqual({
    current_user: 'longhaul_app',
    session_user: 'longhaul_app',
    rolsuper: false,
    rolbypassrls: false,
  });
});

test('every table of tenants has row-level security, forced on its owner too', async () => {
  const tables = await database.worker.prisma.$queryRaw<{ relname: string }[]>`
    SELECT relname::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
      AND NOT (relrowsecurity AND relforcerowsecurity)`;
  expect(tables).toEqual([{ relname: '_prisma_migrations' }]);
});

test('without an organization no row is seen', async () => {
  const seen = await database.tenants.scoped({}, async (tx) => [
    await tx.organization.count(),
    await tx.site.count(),
    await tx.user.count(),
  ]);
  expect(seen).toEqual([0, 0, 0]);
});

test('a connection that served an organization forgets it with the transaction', async () => {
  for (let turn = 0; turn < 10; turn += 1) {
    expect(await database.tenants.transaction(northwind, (tx) => tx.site.count())).toBe(1);
    expect(await database.tenants.scoped({}, (tx) => tx.site.count())).toBe(0);
  }
});

test("a forgotten where shows one's own rows only", async () => {
  const sites = await database.tenants.transaction(northwind, (tx) => tx.site.findMany());
  expect(sites.map((site) => site.organizationId)).toEqual([northwind]);
  expect(await database.tenants.transaction(northwind, (tx) => tx.user.count())).toBe(1);
});

test("another tenant's rows cannot be written, moved to or deleted", async () => {
  const site = { name: 'Intruder', labels: [], lanPrefixes: [] };
  await expect(
    database.tenants.transaction(northwind, (tx) =>
      tx.site.create({ data: { ...site, organizationId: southwind } }),
    ),
  ).rejects.toThrow(/row-level security/);
  const changed = await database.tenants.transaction(northwind, (tx) =>
    tx.site.updateMany({ where: { organizationId: southwind }, data: { name: 'Taken' } }),
  );
  const deleted = await database.tenants.transaction(northwind, (tx) =>
    tx.site.deleteMany({ where: { organizationId: southwind } }),
  );
  expect([changed.count, deleted.count]).toEqual([0, 0]);
});

test("a key cannot point at another tenant's row", async () => {
  const foreign = await database.worker.prisma.site.findFirstOrThrow({
    where: { organizationId: southwind },
  });
  await expect(
    database.tenants.transaction(northwind, (tx) =>
      tx.enrollmentToken.create({
        data: {
          organizationId: northwind,
          siteId: foreign.id,
          publicId: 'a'.repeat(12),
          secretSha256: randomBytes(32),
          name: 'x',
          labels: [],
          expiresAt: new Date(),
        },
      }),
    ),
  ).rejects.toThrow(/Foreign key/);
});

test('a credential look-up shows the row that it names and no other, to read only', async () => {
  const email = `admin@${northwind}.example`;
  const users = await database.tenants.scoped({ signInEmail: email }, (tx) => tx.user.findMany());
  expect(users.map((user) => user.email)).toEqual([email]);
  const changed = await database.tenants.scoped({ signInEmail: email }, (tx) =>
    tx.user.updateMany({ data: { passwordHash: 'stolen' } }),
  );
  expect(changed.count).toBe(0);
});

test('the worker crosses tenants, but has no access to people and their credentials', async () => {
  expect(await database.worker.prisma.site.count()).toBe(2);
  await expect(database.worker.prisma.user.count()).rejects.toThrow(/denied/);
  await expect(database.worker.prisma.session.count()).rejects.toThrow(/denied/);
  await expect(database.worker.prisma.apiToken.count()).rejects.toThrow(/denied/);
});

test('revisions and audit events are written once, whoever asks', async () => {
  await database.tenants.transaction(northwind, async (tx) => {
    const policy = await tx.policy.create({ data: { organizationId: northwind } });
    await tx.policyRevision.create({
      data: {
        organizationId: northwind,
        policyId: policy.id,
        revision: 1,
        document: { rules: [] },
        sha256: '0',
        message: 'first',
        author: 'x',
      },
    });
  });
  await expect(
    database.tenants.transaction(northwind, (tx) =>
      tx.policyRevision.updateMany({ data: { message: 'other' } }),
    ),
  ).rejects.toThrow(/denied/);
  const { default: pg } = await import('pg');
  const superuser = new pg.Client({ connectionString: database.server.superuserUrl });
  await superuser.connect();
  try {
    await expect(superuser.query('UPDATE policy_revisions SET message = $1', ['other'])).rejects.toThrow(
      'immutable',
    );
    await expect(superuser.query('DELETE FROM policy_revisions')).rejects.toThrow('immutable');
    await expect(superuser.query('TRUNCATE policy_revisions CASCADE')).rejects.toThrow('immutable');
  } finally {
    await superuser.end();
  }
});
