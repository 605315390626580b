import { codeOf, SIGN_IN, TestApi } from '../testing/test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

const VIEWER = '{ viewer { email role organization { id } } }';

test('a person signs in, is known by the cookie, and signs out', async () => {
  const organizationId = await api.createOrganization();
  const { email, password } = await api.createMember(organizationId, 'OPERATOR');
  const signedIn = await api.anonymous(SIGN_IN, { email: ` ${email.toUpperCase()} `, password });
  expect(signedIn.data.signIn).toMatchObject({
    email,
    role: 'OPERATOR',
    organization: { id: organizationId },
  });
  expect(signedIn.cookie).toMatch(
    /^__Host-longhaul=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=604800$/,
  );
  const cookie = signedIn.cookie?.split(';')[0] ?? '';
  expect((await api.ask({ cookie }, VIEWER)).data.viewer).toEqual({
    email,
    role: 'OPERATOR',
    organization: { id: organizationId },
  });
  const signedOut = await api.ask({ cookie }, 'mutation { signOut }');
  expect(signedOut.cookie).toContain('Max-Age=0');
  expect((await api.ask({ cookie }, VIEWER)).data.viewer).toBeNull();
});

test('without a credential, or with one that is not good, nobody is known', async () => {
  const heads: Record<string, string>[] = [
    {},
    { cookie: '__Host-longhaul=nonsense' },
    { authorization: 'Bearer nonsense' },
    { authorization: `Bearer lh_api_${'a'.repeat(12)}_${'b'.repeat(43)}` },
  ];
  for (const headers of heads) {
    expect((await api.ask(headers, VIEWER)).data.viewer).toBeNull();
    const sites = await api.ask(headers, '{ sites { nodes { id } } }');
    expect(codeOf(sites)).toBe('UNAUTHENTICATED');
    expect(sites.errors?.[0]?.message).toContain('Sign in');
  }
});

test('an unknown address and a wrong password are told alike', async () => {
  const { email } = await api.createMember(await api.createOrganization(), 'VIEWER');
  const wrong = await api.anonymous(SIGN_IN, { email, password: 'wrong password' });
  const unknown = await api.anonymous(SIGN_IN, { email: 'nobody@example.com', password: 'wrong password' });
  expect(codeOf(wrong)).toBe('UNAUTHENTICATED');
  expect(wrong.errors?.map(({ message }) => message)).toEqual(unknown.errors?.map(({ message }) => message));
  expect(wrong.cookie).toBeUndefined();
});

test('a changed password ends the other sessions, and the old one signs nobody in', async () => {
  const { email, password } = await api.createMember(await api.createOrganization(), 'VIEWER');
  const cookies = [];
  for (let i = 0; i < 2; i += 1) {
    cookies.push((await api.anonymous(SIGN_IN, { email, password })).cookie?.split(';')[0] ?? '');
  }
  const [here = '', elsewhere = ''] = cookies;
  const change = `mutation ($current: String!, $next: String!) { changePassword(current: $current, next: $next) }`;
  const next = 'another long password';
  expect(codeOf(await api.ask({ cookie: here }, change, { current: 'wrong', next }))).toBe('BAD_INPUT');
  expect(codeOf(await api.ask({ cookie: here }, change, { current: password, next: 'short' }))).toBe(
    'BAD_INPUT',
  );
  expect((await api.ask({ cookie: here }, change, { current: password, next })).data).toEqual({
    changePassword: true,
  });
  expect((await api.ask({ cookie: here }, VIEWER)).data.viewer).toMatchObject({ email });
  expect((await api.ask({ cookie: elsewhere }, VIEWER)).data.viewer).toBeNull();
  expect(codeOf(await api.anonymous(SIGN_IN, { email, password }))).toBe('UNAUTHENTICATED');
  expect((await api.anonymous(SIGN_IN, { email, password: next })).data.signIn).toMatchObject({ email });
});

test('passwords and secrets are nowhere in the database as they are', async () => {
  const organizationId = await api.createOrganization();
  const { email } = await api.createMember(organizationId, 'VIEWER');
  const user = await api.database.tenants.transaction(organizationId, (tx) =>
    tx.user.findUniqueOrThrow({ where: { email } }),
  );
  expect(user.passwordHash).toMatch(/^scrypt\$15\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
});

/** Last: it uses up the attempts of this address. */
test('too many attempts have to wait, with the right password too', async () => {
  const { email, password } = await api.createMember(await api.createOrganization(), 'VIEWER');
  let answer = await api.anonymous(SIGN_IN, { email, password: 'wrong password' });
  for (let i = 0; i < 20 && codeOf(answer) === 'UNAUTHENTICATED'; i += 1) {
    answer = await api.anonymous(SIGN_IN, { email, password: 'wrong password' });
  }
  expect(codeOf(answer)).toBe('RATE_LIMITED');
  expect(answer.errors?.[0]?.message).toMatch(/try again in \d+ s/);
  expect(codeOf(await api.anonymous(SIGN_IN, { email, password }))).toBe('RATE_LIMITED');
});
