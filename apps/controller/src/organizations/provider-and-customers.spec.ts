import type { Role } from '../generated/prisma/enums.js';
import { codeOf, TestApi, type Client, type Member } from '../testing/test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

const CREATE = 'mutation ($name: String!) { createOrganization(input: { name: $name }) { id name } }';
const MINE = '{ organizations { nodes { organization { id name } role current } } }';
const SWITCH = 'mutation ($id: ID!) { switchOrganization(id: $id) { role organization { id } } }';
const CHANGE_ROLE = 'mutation ($id: ID!, $role: Role!) { changeMemberRole(id: $id, role: $role) { role } }';
const REMOVE = 'mutation ($id: ID!) { removeMember(id: $id) }';

interface Provider {
  readonly organizationId: string;
  readonly account: Member;
  readonly owner: Client;
}

const createProvider = async (): Promise<Provider> => {
  const organizationId = await api.createOrganization();
  await api.makeProvider(organizationId);
  const account = await api.createMember(organizationId, 'OWNER');
  return { organizationId, account, owner: await api.openSession(account) };
};

const createCustomer = async ({ owner }: Provider, name: string): Promise<string> =>
  (await owner(CREATE, { name })).data.createOrganization.id as string;

/** The client of the session to which a session was moved. */
const moveTo = async (client: Client, id: string): Promise<Client> => {
  const { cookie = '', errors } = await client(SWITCH, { id });
  expect(errors).toBeUndefined();
  return (query, variables) => api.ask({ cookie: cookie.split(';')[0] ?? '' }, query, variables);
};

const actions = async (organizationId: string): Promise<string[]> =>
  (await api.database.tenants.transaction(organizationId, (tx) => tx.auditEvent.findMany())).map(
    ({ action }) => action,
  );

test('a provider makes organizations, sees them all, and goes from one to another', async () => {
  const provider = await createProvider();
  const acme = await createCustomer(provider, 'Acme');
  const { data } = await provider.owner(MINE);
  expect(data.organizations.nodes).toEqual([
    { organization: { id: acme, name: 'Acme' }, role: 'OWNER', current: false },
    { organization: { id: provider.organizationId, name: 'Test' }, role: 'OWNER', current: true },
  ]);
  const there = await moveTo(provider.owner, acme);
  await there('mutation { createSite(input: { name: "Paris" }) { id } }');
  expect((await there('{ organization { id } sites { nodes { name } } }')).data).toEqual({
    organization: { id: acme },
    sites: { nodes: [{ name: 'Paris' }] },
  });
  // The cookie of before is nobody's.
  expect(codeOf(await provider.owner('{ sites { nodes { name } } }'))).toBe('UNAUTHENTICATED');
  const back = await moveTo(there, provider.organizationId);
  expect((await back('{ sites { nodes { name } } }')).data.sites.nodes).toEqual([]);
  expect(await actions(acme)).toEqual(
    expect.arrayContaining(['organization.create', 'session.open', 'session.leave']),
  );
  expect(await actions(provider.organizationId)).toContain('organization.create');
});

test('a customer makes no organizations, and nobody goes where they do not belong', async () => {
  const provider = await createProvider();
  const acme = await createCustomer(provider, 'Acme');
  const customer = await api.signIn(acme, 'OWNER');
  expect(codeOf(await customer(CREATE, { name: 'x' }))).toBe('FORBIDDEN');
  expect(codeOf(await customer(SWITCH, { id: provider.organizationId }))).toBe('NOT_FOUND');
  expect((await customer(MINE)).data.organizations.nodes).toHaveLength(1);
});

test('the database itself lets no request make a provider', async () => {
  const id = await api.createOrganization();
  const promote = api.database.tenants.transaction(id, (tx) =>
    tx.organization.update({ where: { id }, data: { isProvider: true } }),
  );
  await expect(promote).rejects.toThrow(/denied/);
  const other = '11111111-1111-4111-8111-111111111111';
  const create = api.database.tenants.transaction(other, (tx) =>
    tx.organization.create({ data: { id: other, name: 'x', isProvider: true } }),
  );
  await expect(create).rejects.toThrow(/row-level security/);
});

describe('members', () => {
  let organizationId: string;
  let account: Member;
  let owner: Client;
  beforeEach(async () => {
    ({ organizationId, account, owner } = await createProvider());
  });

  const add = (code: string, role: Role) =>
    owner(
      'mutation ($code: String!, $role: Role!) { addMember(input: { code: $code, role: $role }) { id email role } }',
      { code, role },
    );
  const codeOfPerson = async (person: Member): Promise<string> => {
    const client = await api.openSession(person);
    return (await client('mutation { createJoinCode { code } }')).data.createJoinCode.code as string;
  };

  test('whoever has an account elsewhere is added by a code that they made, and works in both', async () => {
    const home = await api.createOrganization();
    const guest = await api.createMember(home, 'VIEWER');
    const code = await codeOfPerson(guest);
    expect((await add(code, 'ADMIN')).data.addMember).toEqual({
      id: guest.id,
      email: guest.email,
      role: 'ADMIN',
    });
    expect(codeOf(await add(code, 'ADMIN'))).toBe('CONFLICT');
    const here = await moveTo(await api.openSession(guest), organizationId);
    expect((await here('{ viewer { role } }')).data.viewer).toEqual({ role: 'ADMIN' });
    expect((await owner('{ users { nodes { email } } }')).data.users.nodes).toHaveLength(2);
  });

  test('without a code nobody is added, and whether there is an account is told alike', async () => {
    const { email } = await api.createMember(await api.createOrganization(), 'VIEWER');
    const code = await codeOfPerson(await api.createMember(await api.createOrganization(), 'VIEWER'));
    const sealedFor = (claims: object): string =>
      `lh_join_${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${code.split('.')[1] ?? ''}`;
    const untilMs = Date.now() + 60_000;
    const tries = [
      email,
      'nobody@example.com',
      code.slice(0, -1),
      sealedFor({ userId: account.id, email, untilMs }),
      sealedFor({ userId: account.id, email: 'nobody@example.com', untilMs }),
    ];
    const answers = await Promise.all(tries.map((each) => add(each, 'ADMIN')));
    expect(new Set(answers.map(codeOf))).toEqual(new Set(['NOT_FOUND']));
    expect(new Set(answers.map(({ errors }) => errors?.[0]?.message)).size).toBe(1);
  });

  test('a changed role counts at once', async () => {
    const member = await api.createMember(organizationId, 'VIEWER');
    const client = await api.openSession(member);
    const save = 'mutation { savePolicy(input: { message: "x", rules: [] }) { revision } }';
    expect(codeOf(await client(save))).toBe('FORBIDDEN');
    expect((await owner(CHANGE_ROLE, { id: member.id, role: 'OPERATOR' })).errors).toBeUndefined();
    expect((await client(save)).errors).toBeUndefined();
  });

  test('who is removed is out at once, with their sessions and tokens', async () => {
    const member = await api.createMember(organizationId, 'ADMIN');
    const client = await api.openSession(member);
    const { data } = await client(
      'mutation { createApiToken(input: { name: "x", scopes: ["read"] }) { token } }',
    );
    const pipeline = api.withToken(data.createApiToken.token as string);
    expect((await pipeline('{ sites { nodes { id } } }')).errors).toBeUndefined();
    expect((await owner(REMOVE, { id: member.id })).data).toEqual({ removeMember: true });
    expect(codeOf(await client('{ sites { nodes { id } } }'))).toBe('UNAUTHENTICATED');
    expect(codeOf(await pipeline('{ sites { nodes { id } } }'))).toBe('UNAUTHENTICATED');
    expect(codeOf(await owner(REMOVE, { id: member.id }))).toBe('NOT_FOUND');
  });

  test('the last owner stays, also when two go at once', async () => {
    for (const [mutation, variables] of [
      [REMOVE, { id: account.id }],
      [CHANGE_ROLE, { id: account.id, role: 'ADMIN' }],
    ] as const) {
      const answer = await owner(mutation, variables);
      expect(codeOf(answer)).toBe('CONFLICT');
      expect(answer.errors?.[0]?.message).toContain('make somebody else an owner');
    }
    const second = await api.createMember(organizationId, 'OWNER');
    const rival = await api.openSession(second);
    const both = await Promise.all([owner(REMOVE, { id: second.id }), rival(REMOVE, { id: account.id })]);
    expect(both.filter(({ errors }) => errors === undefined)).toHaveLength(1);
    const owners = await api.database.tenants.transaction(organizationId, (tx) =>
      tx.membership.count({ where: { organizationId, role: 'OWNER' } }),
    );
    expect(owners).toBe(1);
  });
});

describe('sessions', () => {
  const LIST =
    'query ($userId: ID) { sessions(userId: $userId) { nodes { id current origin userAgent lastUsedAt } } }';
  const END = 'mutation ($id: ID!) { endSession(id: $id) }';

  test('are listed with where they are from, and ended one by one', async () => {
    const organizationId = await api.createOrganization();
    const member = await api.createMember(organizationId, 'VIEWER');
    const [here, there] = [await api.openSession(member), await api.openSession(member)];
    const { data } = await here(LIST);
    expect(data.sessions.nodes).toHaveLength(2);
    expect(data.sessions.nodes.filter(({ current }: { current: boolean }) => current)).toEqual([
      expect.objectContaining({ origin: '127.0.0.1', lastUsedAt: expect.any(String) as string }),
    ]);
    const other = data.sessions.nodes.find(({ current }: { current: boolean }) => !current);
    expect((await here(END, { id: other.id })).data).toEqual({ endSession: true });
    expect(codeOf(await there('{ sites { nodes { id } } }'))).toBe('UNAUTHENTICATED');
    expect((await here('{ sites { nodes { id } } }')).errors).toBeUndefined();
  });

  test('of others are for owners', async () => {
    const organizationId = await api.createOrganization();
    const member = await api.createMember(organizationId, 'ADMIN');
    const client = await api.openSession(member);
    const owner = await api.createMember(organizationId, 'OWNER');
    const boss = await api.openSession(owner);
    const { data } = await boss(LIST, { userId: owner.id });
    expect(codeOf(await client(LIST, { userId: owner.id }))).toBe('FORBIDDEN');
    expect(codeOf(await client(END, { id: data.sessions.nodes[0].id }))).toBe('NOT_FOUND');
    const [theirs] = (await boss(LIST, { userId: member.id })).data.sessions.nodes;
    expect((await boss(END, { id: theirs.id })).data).toEqual({ endSession: true });
    expect(codeOf(await client('{ sites { nodes { id } } }'))).toBe('UNAUTHENTICATED');
  });
});
