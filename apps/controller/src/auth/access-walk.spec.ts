import { getNamedType, isObjectType } from 'graphql';
import {
  ACCESS_RULES,
  LOWEST_ROLES,
  TYPE_RULES,
  type AccessRule,
  type Scope,
} from '../testing/access-rules.js';
import { Fixtures } from '../testing/fixtures.js';
import {
  reachableTypes,
  rootFields,
  takesIds,
  wholeOperation,
  type RootField,
} from '../testing/operation-of-field.js';
import { allIds, allRows } from '../testing/row-fingerprints.js';
import { TenantWorld } from '../testing/tenant-world.js';
import { codeOf, TestApi, type Answer, type Client, type Member } from '../testing/test-api.js';

const ROLES = ['VIEWER', 'OPERATOR', 'ADMIN', 'OWNER'] as const;
type AnyRole = (typeof ROLES)[number];
const SCOPES = Object.keys(LOWEST_ROLES) as Scope[];

/** Somebody who asks, and what they have. */
interface Caller {
  readonly name: string;
  readonly role: AnyRole | undefined;
  /** Of a token. */
  readonly scopes?: readonly Scope[];
  readonly account?: Member;
  readonly client: Client;
}

let api: TestApi;
let fixtures: Fixtures;
let world: TenantWorld;
let elsewhere: TenantWorld;
let callers: Caller[];
let fields: Map<string, RootField>;

beforeAll(async () => {
  api = await TestApi.start();
  fixtures = new Fixtures(api.database.server.superuserUrl);
  world = await TenantWorld.create(api);
  elsewhere = await TenantWorld.create(api);
  fields = new Map(rootFields(api.schema).map((field) => [field.name, field]));
  callers = [
    { name: 'nobody', role: undefined, client: api.anonymous },
    ...(await Promise.all(ROLES.map(person))),
    ...(await Promise.all(SCOPES.map((scope) => token([scope])))),
    await tokenOfViewer(),
  ];
});
afterAll(async () => {
  await fixtures.close();
  await api.stop();
});

const person = async (role: AnyRole): Promise<Caller> => {
  const account = await world.member(role);
  return { name: role, role, account, client: await api.openSession(account) };
};

const token = async (scopes: Scope[]): Promise<Caller> => ({
  name: `token of an owner with ${scopes.join(', ')}`,
  role: 'OWNER',
  scopes,
  client: (await world.apiToken(scopes)).client,
});

/** Its maker was more when they made it. */
const tokenOfViewer = async (): Promise<Caller> => {
  const maker = await world.member('OWNER');
  const { client } = await world.apiToken(SCOPES, await api.openSession(maker));
  await fixtures.query("UPDATE memberships SET role = 'VIEWER' WHERE user_id = $1", [maker.id]);
  return { name: 'token of a viewer with every scope', role: 'VIEWER', scopes: SCOPES, client };
};

const fieldOf = (name: string): RootField => {
  const field = fields.get(name);
  if (field === undefined) throw new Error(`${name} has a rule and is not in the schema: delete the rule`);
  return field;
};

const may = ({ needs, peopleOnly = false }: AccessRule, { role, scopes }: Caller): boolean => {
  if (needs === 'public') return true;
  if (role === undefined || (peopleOnly && scopes !== undefined)) return false;
  const suffices = ROLES.indexOf(role) >= ROLES.indexOf(LOWEST_ROLES[needs]);
  return suffices && (scopes === undefined || scopes.includes(needs));
};

/** Good arguments of something in `world`, for a caller of `home`. */
const variablesFor = async (name: string, caller?: Caller, home = world): Promise<Record<string, unknown>> =>
  (await ACCESS_RULES[name]?.variables?.(world, caller?.account, home)) ?? {};

const call = async (name: string, caller: Caller): Promise<Answer> =>
  caller.client(wholeOperation(fieldOf(name)), await variablesFor(name, caller));

const inUse = async (name: string, caller: Caller): Promise<Caller> =>
  ACCESS_RULES[name]?.spendsCaller === true && caller.role !== undefined && caller.scopes === undefined
    ? person(caller.role)
    : caller;

const names = Object.keys(ACCESS_RULES);
const mutations = names.filter((name) => name.startsWith('Mutation.'));

test('every field that a client can begin with has a rule, and every rule a field', () => {
  expect([...fields.keys()].sort()).toEqual([...names].sort());
});

test('every type has a rule, and nothing that is for few is reached through what is for many', () => {
  const types = Object.values(api.schema.getTypeMap())
    .filter((type) => isObjectType(type) && !type.name.startsWith('__'))
    .map(({ name }) => name)
    .filter((name) => !['Query', 'Mutation', 'Subscription'].includes(name));
  expect(types.sort()).toEqual(Object.keys(TYPE_RULES).sort());
  const rank = (scope: Scope | 'public'): number =>
    scope === 'public' ? -1 : ROLES.indexOf(LOWEST_ROLES[scope]);
  const leaks = names
    .filter((name) => ACCESS_RULES[name]?.needs !== 'public')
    .flatMap((name) =>
      [...reachableTypes(fieldOf(name).field.type)]
        .filter(
          (type) => rank(TYPE_RULES[type.name] ?? 'public') > rank(ACCESS_RULES[name]?.needs ?? 'public'),
        )
        .map((type) => `${name} shows ${type.name}`),
    );
  expect(leaks).toEqual([]);
});

test('what takes ids says what becomes of those of another organization', () => {
  const silent = names.filter(
    (name) => takesIds(fieldOf(name)) !== (ACCESS_RULES[name]?.foreignIds !== undefined),
  );
  expect(silent).toEqual([]);
});

test('no secret has a field, but a token at the moment that it is made', () => {
  const secret = /secret|password|hash|seed|private|preshared|token$/i;
  const found = Object.values(api.schema.getTypeMap())
    .filter((type) => isObjectType(type))
    .flatMap((type) =>
      Object.values(type.getFields())
        .filter((field) => secret.test(field.name) && !isObjectType(getNamedType(field.type)))
        .map((field) => `${type.name}.${field.name}`),
    );
  expect(found.sort()).toEqual([
    'CreatedApiToken.token',
    'CreatedEnrollmentToken.token',
    'Mutation.changePassword',
    'WebhookWithSecret.secret',
  ]);
});

describe.each(names)('%s', (name) => {
  const rule = ACCESS_RULES[name] ?? { needs: 'read' };

  test('is refused to whoever has less, and nothing is changed by that', async () => {
    // The arguments are good ones, so that nothing but the caller is a reason to refuse.
    const refused = callers.filter((caller) => !may(rule, caller));
    const variables = await variablesFor(name);
    const before = await allRows(fixtures);
    const codes = await Promise.all(
      refused.map(async ({ client, name: who, role }) => {
        const answer = await client(wholeOperation(fieldOf(name)), variables);
        return [
          who,
          codeOf(answer),
          role === undefined ? 'UNAUTHENTICATED' : 'FORBIDDEN',
          answer.data,
        ] as const;
      }),
    );
    for (const [who, code, expected, data] of codes) {
      expect([who, code]).toEqual([who, expected]);
      expect(Object.values((data ?? {}) as object).filter((value) => value !== null)).toEqual([]);
    }
    expect(await allRows(fixtures)).toEqual(before);
  });

  test('is served to whoever has enough', async () => {
    for (const candidate of callers.filter((each) => may(rule, each))) {
      const caller = await inUse(name, candidate);
      const { errors } = await call(name, caller);
      expect([caller.name, errors]).toEqual([caller.name, undefined]);
    }
  });

  test('shows and changes nothing of another organization', async () => {
    const account = await elsewhere.member('OWNER');
    const stranger: Caller = {
      name: 'stranger',
      role: 'OWNER',
      account,
      client: await api.openSession(account),
    };
    const answers: Answer[] = [];
    const variables = await variablesFor(name, stranger, elsewhere);
    const before = await allRows(fixtures, world.organizationId);
    if (name !== 'Mutation.signIn') {
      const answer = await stranger.client(wholeOperation(fieldOf(name)), variables);
      answers.push(answer);
      if (rule.foreignIds === 'NOT_FOUND' || rule.foreignIds === 'BAD_INPUT') {
        expect(codeOf(answer)).toBe(rule.foreignIds);
      } else expect(answer.errors).toBeUndefined();
      if (rule.foreignIds === 'null') expect(answer.data).toEqual({ [fieldOf(name).field.name]: null });
    }
    expect(await allRows(fixtures, world.organizationId)).toEqual(before);
    // Of an id that the stranger gave, an error may speak.
    const given = JSON.stringify(variables);
    const theirs = [...(await allIds(fixtures, world.organizationId))].filter((id) => !given.includes(id));
    expect(theirs.length).toBeGreaterThan(10);
    expect(theirs.filter((id) => JSON.stringify(answers).includes(id))).toEqual([]);
  });
});

describe.each(mutations)('%s', (name) => {
  test('is written down in the audit log, with who did it and from where', async () => {
    const action = ACCESS_RULES[name]?.audits;
    const caller = await inUse(name, await person('OWNER'));
    const variables = await variablesFor(name, caller);
    const before = await eventIds();
    expect((await caller.client(wholeOperation(fieldOf(name)), variables)).errors).toBeUndefined();
    const events = (await readEvents()).filter(({ id }) => !before.has(id));
    const actor = name === 'Mutation.signIn' ? world.ownerAccount : caller.account;
    expect(events).toContainEqual(
      expect.objectContaining({
        action,
        actor_kind: 'user',
        actor_id: actor?.id,
        actor_name: actor?.email,
        origin: expect.stringContaining('127.0.0.1') as string,
      }),
    );
  });
});

interface EventRow {
  readonly id: string;
  readonly action: string;
  readonly [column: string]: unknown;
}

const readEvents = (): Promise<EventRow[]> =>
  fixtures.query<EventRow>('SELECT * FROM audit_events WHERE organization_id = $1', [world.organizationId]);

const eventIds = async (): Promise<Set<string>> => new Set((await readEvents()).map(({ id }) => id));
