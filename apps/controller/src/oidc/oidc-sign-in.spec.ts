import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SESSION_COOKIE } from '../auth/credentials.js';
import type { Role } from '../generated/prisma/enums.js';
import { OidcServer, TestBrowser, type TestPerson } from '../testing/oidc-server.js';
import { codeOf, SIGN_IN, TestApi, type Answer } from '../testing/test-api.js';
import { FLOW_COOKIE } from './flow-cookie.js';

const CONTROLLER = 'https://controller.example:8443';
const START = `${CONTROLLER}/auth/oidc/start`;

const acme = randomUUID();
const beta = randomUUID();
const directory = mkdtempSync(join(tmpdir(), 'longhaul-oidc-'));

let provider: OidcServer;
let api: TestApi;
beforeAll(async () => {
  provider = await OidcServer.start(`${CONTROLLER}/auth/oidc/callback`);
  const [secretFile, accessFile] = [join(directory, 'secret'), join(directory, 'access.json')];
  writeFileSync(secretFile, `${provider.clientSecret}\n`);
  writeFileSync(
    accessFile,
    JSON.stringify({
      organizations: [
        {
          organization: acme,
          domains: ['acme.example'],
          roles: { 'net-admins': 'ADMIN', bosses: 'OWNER', operators: 'OPERATOR' },
          defaultRole: 'VIEWER',
        },
        { organization: beta, domains: ['acme.example'], roles: { 'beta-staff': 'OPERATOR' } },
      ],
    }),
  );
  api = await TestApi.start(
    {},
    {
      LONGHAUL_OIDC_ISSUER: provider.issuer,
      LONGHAUL_OIDC_CLIENT_ID: provider.clientId,
      LONGHAUL_OIDC_CLIENT_SECRET_FILE: secretFile,
      LONGHAUL_OIDC_ACCESS_FILE: accessFile,
      LONGHAUL_OIDC_NAME: 'Acme ID',
    },
  );
  for (const id of [acme, beta]) {
    await api.database.tenants.transaction(id, (tx) =>
      tx.organization.create({ data: { id, name: id === acme ? 'Acme' : 'Beta' } }),
    );
  }
});
afterAll(async () => {
  await api.stop();
  await provider.stop();
  rmSync(directory, { recursive: true });
});

const newBrowser = (): TestBrowser => new TestBrowser({ [CONTROLLER]: api.origin });

/** Where the person ends, and who the controller takes them for. */
const signIn = async (
  person: TestPerson,
): Promise<{ end: string; viewer: Answer['data']; cookie: string }> => {
  provider.person = person;
  const browser = newBrowser();
  const end = await browser.visit(`${START}?next=/policy`);
  const cookie = `${SESSION_COOKIE}=${browser.cookie(CONTROLLER, SESSION_COOKIE) ?? ''}`;
  const { data } = await api.ask({ cookie }, '{ viewer { email role organization { id } } }');
  return { end, viewer: data.viewer, cookie };
};

let count = 0;
const somebody = (more: Partial<TestPerson> = {}): TestPerson => {
  count += 1;
  const name = `person-${String(count)}`;
  return { sub: name, email: `${name}@acme.example`, email_verified: true, ...more };
};

const rolesOf = async (cookie: string): Promise<Record<string, Role>> => {
  const { data } = await api.ask({ cookie }, '{ organizations { nodes { organization { id } role } } }');
  const memberships = data.organizations.nodes as { organization: { id: string }; role: Role }[];
  return Object.fromEntries(memberships.map(({ organization, role }) => [organization.id, role]));
};

const eventsOf = (organizationId: string, actorName: string) =>
  api.database.tenants.transaction(organizationId, (tx) =>
    tx.auditEvent.findMany({ where: { organizationId, actorName }, orderBy: { at: 'asc' } }),
  );

test('whoever the provider knows gets an account at the first sign-in, the same at the second', async () => {
  const person = somebody({ groups: ['net-admins', 'operators', 'others'] });
  const first = await signIn(person);
  expect(first.end).toBe(`${CONTROLLER}/policy`);
  expect(first.viewer).toEqual({ email: person.email, role: 'ADMIN', organization: { id: acme } });
  expect(await rolesOf(first.cookie)).toEqual({ [acme]: 'ADMIN' });
  await signIn(person);
  const events = await eventsOf(acme, person.email ?? '');
  expect(events.map(({ action }) => action)).toEqual([
    'user.create',
    'member.add',
    'session.open',
    'session.open',
  ]);
});

test('roles follow the provider at every sign-in, up, down and out', async () => {
  const person = somebody({ groups: ['beta-staff'] });
  expect(await rolesOf((await signIn(person)).cookie)).toEqual({ [acme]: 'VIEWER', [beta]: 'OPERATOR' });
  const promoted = await signIn({ ...person, groups: ['operators'] });
  expect(await rolesOf(promoted.cookie)).toEqual({ [acme]: 'OPERATOR' });
});

test('the provider neither changes what people decided nor takes the last owner', async () => {
  const boss = somebody({ groups: ['bosses'] });
  expect((await signIn(boss)).viewer.role).toBe('OWNER');
  expect((await signIn({ ...boss, groups: [] })).viewer.role).toBe('OWNER');
  const person = somebody();
  const { cookie } = await signIn(person);
  expect((await rolesOf(cookie))[acme]).toBe('VIEWER');
  const owner = await api.signIn(acme, 'OWNER');
  const { data } = await owner('{ users { nodes { id email byOidc } } }');
  const user = (data.users.nodes as { id: string; email: string; byOidc: boolean }[]).find(
    ({ email }) => email === person.email,
  );
  expect(user?.byOidc).toBe(true);
  await owner('mutation ($id: ID!) { changeMemberRole(id: $id, role: OPERATOR) { id } }', { id: user?.id });
  expect((await signIn({ ...person, groups: ['net-admins'] })).viewer.role).toBe('OPERATOR');
});

describe('an account that is there already', () => {
  const member = async (organizationId: string, email: string): Promise<string> =>
    api.database.tenants.transaction(organizationId, async (tx) => {
      const { id } = await tx.user.create({ data: { organizationId, email } });
      await tx.membership.create({
        data: { organizationId, userOrganizationId: organizationId, userId: id, role: 'ADMIN' },
      });
      return id;
    });

  test('is linked by its verified address, keeps its role, and follows the subject from then on', async () => {
    const person = somebody();
    const id = await member(acme, person.email ?? '');
    expect((await signIn(person)).viewer).toMatchObject({ email: person.email, role: 'ADMIN' });
    const renamed = await signIn({ ...person, email: 'new-name@acme.example' });
    expect(renamed.viewer).toMatchObject({ email: person.email });
    const events = await eventsOf(acme, person.email ?? '');
    expect(events[0]).toMatchObject({ action: 'user.link', actorId: id });
    // Somebody else who got the address later is somebody else.
    expect((await signIn({ ...person, sub: 'another' })).end).toContain('problem=other-account');
  });

  test('is not linked by an address that is not verified', async () => {
    const person = somebody({ email_verified: false });
    await member(acme, person.email ?? '');
    const { end, viewer } = await signIn(person);
    expect([end, viewer]).toEqual([`${CONTROLLER}/sign-in?problem=unverified-email`, null]);
  });

  test('of an organization that the provider has no say over is not linked', async () => {
    const person = somebody();
    await member(await api.createOrganization(), person.email ?? '');
    const { end, viewer } = await signIn(person);
    expect([end, viewer]).toEqual([`${CONTROLLER}/sign-in?problem=other-account`, null]);
  });
});

test('an account without a password is not open to any', async () => {
  const person = somebody();
  await signIn(person);
  for (const password of ['', 'null', 'correct horse battery staple']) {
    expect(codeOf(await api.anonymous(SIGN_IN, { email: person.email, password }))).toBe('UNAUTHENTICATED');
  }
});

test.each([
  ['of another domain', { email: 'x@evil.example' }, 'no-access'],
  ['of a domain that only looks alike', { email: 'x@notacme.example' }, 'no-access'],
  ['whose address is not verified', { email_verified: false }, 'unverified-email'],
  ['without an address', { email: undefined }, 'no-email'],
])('a person %s is not let in, and leaves nothing', async (_what, more, problem) => {
  const count = () => api.database.worker.prisma.auditEvent.count();
  const before = await count();
  const { end, viewer } = await signIn(somebody(more));
  expect([end, viewer]).toEqual([`${CONTROLLER}/sign-in?problem=${problem}`, null]);
  expect(await count()).toBe(before);
});

describe('a way back', () => {
  const wayBack = async (): Promise<{ browser: TestBrowser; back: string }> => {
    provider.person = somebody();
    const browser = newBrowser();
    return { browser, back: await browser.visit(START, /\/auth\/oidc\/callback/) };
  };

  test('is good once', async () => {
    const { browser, back } = await wayBack();
    expect(await browser.visit(back)).toBe(`${CONTROLLER}/`);
    expect(await browser.visit(back)).toContain('problem=expired');
  });

  test('is good in the browser that began it, and in no other', async () => {
    const { back } = await wayBack();
    const other = newBrowser();
    expect(await other.visit(back)).toContain('problem=expired');
    const { browser, back: theirs } = await wayBack();
    await other.visit(START, /\/auth\/oidc\/callback/);
    expect(await other.visit(theirs)).toContain('problem=refused');
    expect(browser.cookie(CONTROLLER, SESSION_COOKIE)).toBeUndefined();
    expect(other.cookie(CONTROLLER, SESSION_COOKIE)).toBeUndefined();
  });

  test('with a forged flow is refused', async () => {
    const { browser, back } = await wayBack();
    const [payload = '', mac = ''] = (browser.cookie(CONTROLLER, FLOW_COOKIE) ?? '').split('.');
    const flow = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...flow, next: 'https://evil.example' })).toString(
      'base64url',
    );
    browser.setCookie(CONTROLLER, FLOW_COOKIE, `${forged}.${mac}`);
    expect(await browser.visit(back)).toContain('problem=expired');
  });

  test.each(['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)'])(
    'never ends at %s',
    async (next) => {
      provider.person = somebody();
      expect(await newBrowser().visit(`${START}?next=${encodeURIComponent(next)}`)).toBe(`${CONTROLLER}/`);
    },
  );
});

test('the way there carries PKCE, state and nonce, and no secret', async () => {
  const url = new URL(await newBrowser().visit(START, /\/auth\?/));
  const parameters = Object.fromEntries(url.searchParams);
  expect(parameters).toMatchObject({
    response_type: 'code',
    code_challenge_method: 'S256',
    redirect_uri: `${CONTROLLER}/auth/oidc/callback`,
  });
  for (const name of ['state', 'nonce', 'code_challenge']) expect(parameters[name]).toMatch(/^[\w-]{43}$/);
  expect(url.href).not.toContain(provider.clientSecret);
});

test('the page for signing in learns that there is a provider', async () => {
  expect((await api.anonymous('{ signInMethods { oidc { name url } } }')).data).toEqual({
    signInMethods: { oidc: { name: 'Acme ID', url: '/auth/oidc/start' } },
  });
});

/** With a provider that is not there. */
test('while the provider is away the person is told', async () => {
  const other = await TestApi.start(
    {},
    {
      LONGHAUL_OIDC_ISSUER: 'http://127.0.0.1:1',
      LONGHAUL_OIDC_CLIENT_ID: 'x',
      LONGHAUL_OIDC_ACCESS_FILE: join(directory, 'access.json'),
    },
  );
  try {
    const browser = new TestBrowser({ [CONTROLLER]: other.origin });
    expect(await browser.visit(START)).toBe(`${CONTROLLER}/sign-in?problem=unavailable`);
  } finally {
    await other.stop();
  }
});
