import type { Transaction } from '../database/prisma.js';
import { claimDeliveries, recordAttempt } from '../notifications/delivery-store.js';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import { TenantWorld, unique } from '../testing/tenant-world.js';
import { codeOf, TestApi, type Answer, type Client } from '../testing/test-api.js';
import { SecretSeal } from '../webhooks/sealed-secret.js';
import { DEFAULT_RULES } from './default-rules.js';
import { evaluateOrganization } from './evaluation.js';

let api: TestApi;
let fixtures: Fixtures;
let world: TenantWorld;
let owner: Client;

beforeAll(async () => {
  api = await TestApi.start(
    {},
    { LONGHAUL_SMTP_URL: 'smtp://127.0.0.1:1', LONGHAUL_MAIL_FROM: 'alerts@example.com' },
  );
  fixtures = new Fixtures(api.database.server.superuserUrl);
  world = await TenantWorld.create(api);
  owner = world.owner;
});
afterAll(async () => {
  await fixtures.close();
  await api.stop();
});

const RULE = `id name kind enabled severity siteLabel site { id } threshold clearThreshold unit forSeconds clearForSeconds
  repeatSeconds emails silencedUntil webhooks { id name enabled }`;
const create = (input: object): Promise<Answer> =>
  owner(`mutation ($input: CreateAlertRuleInput!) { createAlertRule(input: $input) { ${RULE} } }`, { input });
const update = (id: string, input: object): Promise<Answer> =>
  owner(
    `mutation ($id: ID!, $input: UpdateAlertRuleInput!) { updateAlertRule(id: $id, input: $input) { ${RULE} } }`,
    { id, input },
  );
const problemsOf = ({ errors }: Answer): unknown[] =>
  (errors?.[0]?.extensions['problems'] as { path: string }[] | undefined)?.map(({ path }) => path) ?? [];

const ALERT = 'id state acknowledgedAt acknowledgedBy silencedUntil resolution sites { id } unit summary';
const alertOf = async (id: string) => {
  const { data } = await owner(`{ alerts { nodes { ${ALERT} } } }`);
  return (data.alerts.nodes as { id: string }[]).find((alert) => alert.id === id);
};

describe('a rule', () => {
  test('is made as the default of its kind where nothing else is said', async () => {
    const name = unique('lossy');
    const { data, errors } = await create({ name, kind: 'LINK_LOSS' });
    expect(errors).toBeUndefined();
    const usual = DEFAULT_RULES.find(({ kind }) => kind === 'LINK_LOSS');
    expect(data.createAlertRule).toMatchObject({
      ...usual,
      name,
      enabled: true,
      unit: '%',
      siteLabel: null,
      site: null,
      emails: [],
      webhooks: [],
    });
  });

  test('keeps what an update leaves out, and clears what it sets to null', async () => {
    const webhookId = await world.webhook();
    const { data } = await create({
      name: unique('slow'),
      kind: 'LINK_RTT',
      siteId: world.siteId,
      threshold: 100,
      clearThreshold: 50,
      repeatSeconds: 3600,
      emails: ['noc@example.com', 'noc@example.com'],
      webhookIds: [webhookId],
    });
    const made = data.createAlertRule;
    expect(made).toMatchObject({
      emails: ['noc@example.com'],
      webhooks: [{ id: webhookId }],
      repeatSeconds: 3600,
    });
    const { data: kept } = await update(made.id, { severity: 'CRITICAL', threshold: 200 });
    expect(kept.updateAlertRule).toEqual({
      ...made,
      severity: 'CRITICAL',
      threshold: 200,
      clearThreshold: 100,
    });
    const { data: cleared } = await update(made.id, {
      siteId: null,
      siteLabel: 'branch',
      repeatSeconds: null,
      emails: null,
      webhookIds: null,
    });
    expect(cleared.updateAlertRule).toMatchObject({
      site: null,
      siteLabel: 'branch',
      repeatSeconds: null,
      emails: [],
      webhooks: [],
      severity: 'CRITICAL',
    });
  });

  test.each([
    [{ kind: 'AGENT_DOWN', threshold: 2 }, ['threshold']],
    [{ kind: 'LINK_LOSS', threshold: 101 }, ['threshold']],
    [{ kind: 'LINK_LOSS', threshold: 0 }, ['threshold']],
    [{ kind: 'LINK_LOSS', threshold: 1, clearThreshold: 2 }, ['clearThreshold']],
    [{ kind: 'DRIFT', siteLabel: 'a', siteId: '11111111-1111-4111-8111-111111111111' }, ['siteId']],
    [{ kind: 'DRIFT', siteLabel: 'no blanks' }, ['siteLabel']],
    [
      { kind: 'DRIFT', forSeconds: 86_401, clearForSeconds: -1, repeatSeconds: 59 },
      ['forSeconds', 'clearForSeconds', 'repeatSeconds'],
    ],
    [{ kind: 'DRIFT', emails: ['nobody'] }, ['emails[0]']],
  ])('%j is refused, and says where', async (input, paths) => {
    const answer = await create({ name: unique('bad'), ...input });
    expect([codeOf(answer), problemsOf(answer)]).toEqual(['BAD_INPUT', paths]);
  });

  test('has a name of its own', async () => {
    const name = unique('twin');
    const { data } = await create({ name, kind: 'DRIFT' });
    expect(codeOf(await create({ name, kind: 'DRIFT' }))).toBe('CONFLICT');
    const { data: other } = await create({ name: unique('other'), kind: 'DRIFT' });
    expect(codeOf(await update(other.createAlertRule.id, { name }))).toBe('CONFLICT');
    expect((await update(data.createAlertRule.id, { name })).errors).toBeUndefined();
  });

  test('that is deleted ends its alerts', async () => {
    const id = await world.alert();
    const [row] = await fixtures.query<{ rule: string }>('SELECT rule_id AS rule FROM alerts WHERE id = $1', [
      id,
    ]);
    expect((await owner('mutation ($id: ID!) { deleteAlertRule(id: $id) }', { id: row?.rule })).data).toEqual(
      {
        deleteAlertRule: true,
      },
    );
    expect(await alertOf(id)).toMatchObject({ state: 'RESOLVED', resolution: 'RULE_ENDED' });
  });

  test('that is deleted in the middle of a pass tells of each end once', async () => {
    const { organizationId } = world;
    const { worker } = api.database;
    const siteId = await world.site();
    const enroll = () => api.enrollAgent(organizationId, siteId);
    const [back, gone] = [await enroll(), await enroll()];
    await fixtures.query('UPDATE agents SET last_seen_at = now() WHERE site_id = $1', [siteId]);
    await fixtures.query(
      'INSERT INTO alert_evaluations (organization_id) VALUES ($1) ON CONFLICT DO NOTHING',
      [organizationId],
    );
    const emails = ['pager@example.com'];
    const terms = { forSeconds: 60, clearForSeconds: 0 };
    const { data } = await create({ name: unique('down'), kind: 'AGENT_DOWN', siteId, emails, ...terms });
    const begin = Date.now();
    const pass = (tx: Transaction, seconds: number, online?: string) =>
      evaluateOrganization(tx, organizationId, {
        intervalMs: 0,
        presence: { isOnline: (_organizationId, id) => id === online },
        publicUrl: 'https://controller.example',
        now: new Date(begin + seconds * 1000),
      });
    await worker.transaction((tx) => pass(tx, 0, gone));
    await worker.transaction((tx) => pass(tx, 60));
    const deletion = await worker.transaction(async (tx) => {
      await pass(tx, 120, back);
      const answer = owner('mutation ($id: ID!) { deleteAlertRule(id: $id) }', {
        id: data.createAlertRule.id,
      });
      await eventually(
        async () => (await fixtures.query('SELECT 1 FROM pg_locks WHERE NOT granted')).length > 0,
      );
      return { answer };
    });
    expect((await deletion.answer).data).toEqual({ deleteAlertRule: true });
    const told = await fixtures.query<{ event: string; agent: string }>(
      `SELECT event, alert #>> '{subject,id}' AS agent
       FROM deliveries, jsonb_array_elements(payload #> '{data,alerts}') AS alert WHERE email = $1`,
      emails,
    );
    expect(told.map(({ event, agent }) => `${event} ${agent}`).sort()).toEqual(
      [back, gone].flatMap((agent) => [`alert.firing ${agent}`, `alert.resolved ${agent}`]).sort(),
    );
  });

  test('with addresses needs a mail server', async () => {
    const bare = await TestApi.start();
    const { owner: other } = await TenantWorld.create(bare);
    const answer = await other(
      'mutation { createAlertRule(input: { name: "x", kind: DRIFT, emails: ["noc@example.com"] }) { id } }',
    );
    await bare.stop();
    expect([codeOf(answer), problemsOf(answer)]).toEqual(['BAD_INPUT', ['emails']]);
    expect(answer.errors?.[0]?.message).toContain('LONGHAUL_SMTP_URL');
  });
});

describe('an alert', () => {
  const ACKNOWLEDGE = `mutation ($id: ID!) { acknowledgeAlert(id: $id) { ${ALERT} } }`;
  const SILENCE = `mutation ($id: ID!, $until: DateTime) { silenceAlert(id: $id, until: $until) { ${ALERT} } }`;
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();

  test('is acknowledged by whoever comes first', async () => {
    const id = await world.alert();
    const { data } = await owner(ACKNOWLEDGE, { id });
    expect(data.acknowledgeAlert).toMatchObject({
      acknowledgedBy: world.ownerAccount.email,
      sites: [{ id: world.siteId }],
    });
    const operator = await api.signIn(world.organizationId, 'OPERATOR');
    expect((await operator(ACKNOWLEDGE, { id })).data.acknowledgeAlert).toEqual(data.acknowledgeAlert);
  });

  test('is silenced until a time, and no longer than 90 days', async () => {
    const id = await world.alert();
    expect((await owner(SILENCE, { id, until: inAnHour })).data.silenceAlert.silencedUntil).toBe(inAnHour);
    expect((await owner(SILENCE, { id, until: null })).data.silenceAlert.silencedUntil).toBeNull();
    for (const until of [new Date(Date.now() - 1000), new Date(Date.now() + 91 * 86_400_000)]) {
      expect(codeOf(await owner(SILENCE, { id, until: until.toISOString() }))).toBe('BAD_INPUT');
    }
  });

  test('that is over can be neither', async () => {
    const id = await world.alert();
    await fixtures.query(
      "UPDATE alerts SET state = 'RESOLVED', open = NULL, resolved_at = now() WHERE id = $1",
      [id],
    );
    expect(codeOf(await owner(ACKNOWLEDGE, { id }))).toBe('CONFLICT');
    expect(codeOf(await owner(SILENCE, { id, until: inAnHour }))).toBe('CONFLICT');
  });
});

describe('a webhook', () => {
  const CREATE =
    'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret webhook { id url } } }';
  const createHook = (url: string) => owner(CREATE, { input: { name: unique('hook'), url } });

  test('shows its secret when it is made and when it is changed, and nowhere else', async () => {
    const { data } = await createHook('https://example.com/hook?team=a');
    const { secret, webhook } = data.createWebhook;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const rotate =
      'mutation ($id: ID!) { rotateWebhookSecret(id: $id) { secret webhook { rotationEndsAt } } }';
    const { data: rotated } = await owner(rotate, { id: webhook.id });
    const { secret: next, webhook: after } = rotated.rotateWebhookSecret;
    expect(next).not.toBe(secret);
    expect(Date.parse(after.rotationEndsAt)).toBeGreaterThan(Date.now() + 23 * 3_600_000);
    const stored = JSON.stringify([
      await fixtures.query('SELECT * FROM webhooks WHERE id = $1', [webhook.id]),
      await fixtures.query('SELECT * FROM audit_events WHERE organization_id = $1', [world.organizationId]),
    ]);
    for (const each of [secret, next] as string[]) {
      expect(stored).not.toContain(each.slice(6));
      expect(stored).not.toContain(Buffer.from(each.slice(6), 'base64').toString('hex'));
    }
  });

  test('whose secret another session secret sealed gets a new one that signs alone', async () => {
    const { id } = (await createHook('https://example.com/')).data.createWebhook.webhook;
    await fixtures.query('UPDATE webhooks SET secret_sealed = $2 WHERE id = $1', [
      id,
      new SecretSeal('another').seal('whsec_x', id),
    ]);
    const { data } = await owner(
      'mutation ($id: ID!) { rotateWebhookSecret(id: $id) { webhook { rotationEndsAt } } }',
      { id },
    );
    expect(data.rotateWebhookSecret.webhook).toEqual({ rotationEndsAt: null });
    const stored = await fixtures.query(
      'SELECT previous_secret_sealed AS sealed FROM webhooks WHERE id = $1',
      [id],
    );
    expect(stored).toEqual([{ sealed: null }]);
  });

  test.each([
    'http://example.com/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://u:p@example.com/',
    'example.com',
  ])('does not lead to %s', async (url) => {
    const answer = await createHook(url);
    expect([codeOf(answer), problemsOf(answer)]).toEqual(['BAD_INPUT', ['url']]);
  });

  test('is tested, and what was given up is sent again as it was', async () => {
    const id = (await createHook('https://example.com/')).data.createWebhook.webhook.id as string;
    const test = 'mutation ($id: ID!) { testWebhook(id: $id) { id event state attempts webhook { id } } }';
    const { data } = await owner(test, { id });
    const delivery = data.testWebhook;
    expect(delivery).toMatchObject({ event: 'webhook.test', state: 'PENDING', attempts: 0, webhook: { id } });
    await fixtures.query(
      "UPDATE deliveries SET state = 'FAILED', due_at = NULL, attempts = 9, retries = 9, expires_at = now() WHERE id = $1",
      [delivery.id],
    );
    const again = 'mutation ($id: ID!) { redeliver(id: $id) { id state attempts dueAt } }';
    expect((await owner(again, { id: delivery.id })).data.redeliver).toMatchObject({
      id: delivery.id,
      state: 'PENDING',
      attempts: 9,
      dueAt: expect.any(String),
    });
    await owner('mutation ($id: ID!) { updateWebhook(id: $id, input: { enabled: false }) { id } }', { id });
    expect(codeOf(await owner(test, { id }))).toBe('CONFLICT');
  });

  test('is called again by what is sent again while an attempt is in hand', async () => {
    const { worker } = api.database;
    const webhookId = await world.webhook();
    const { data } = await owner('mutation ($id: ID!) { testWebhook(id: $id) { id } }', { id: webhookId });
    const { id } = data.testWebhook;
    const claim = async () => (await claimDeliveries(worker, 100, [])).find((delivery) => delivery.id === id);
    const claimed = await claim();
    if (claimed === undefined) throw new Error('it is not due');
    await owner('mutation ($id: ID!) { redeliver(id: $id) { id } }', { id });
    const now = new Date();
    const taken = { status: 200, response: null, error: null, isFinal: false };
    await recordAttempt(worker, claimed, taken, { startedAt: now, now });
    const { deliveries } = (
      await owner(
        'query ($webhookId: ID) { deliveries(filter: { webhookId: $webhookId }) { nodes { state log { number status } } } }',
        { webhookId },
      )
    ).data;
    expect(deliveries.nodes).toEqual([{ state: 'PENDING', log: [{ number: 1, status: 200 }] }]);
    expect(await claim()).toMatchObject({ number: 2, retries: 1 });
  });

  test('that is deleted is taken out of the rules that name it', async () => {
    const id = await world.webhook();
    const { data } = await create({ name: unique('rule'), kind: 'DRIFT', webhookIds: [id] });
    await owner('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id });
    const { alertRules } = (await owner('{ alertRules(first: 500) { nodes { id webhooks { id } } } }')).data;
    expect(alertRules.nodes).toContainEqual({ id: data.createAlertRule.id, webhooks: [] });
  });
});

test('an organization that is made has the default rules', async () => {
  const { data } = await owner(
    'mutation ($name: String!) { createOrganization(input: { name: $name }) { id } }',
    {
      name: unique('customer'),
    },
  );
  const rules = await eventually(() =>
    fixtures.query<{ name: string }>('SELECT name FROM alert_rules WHERE organization_id = $1', [
      data.createOrganization.id,
    ]),
  );
  expect(rules.map(({ name }) => name).sort()).toEqual(DEFAULT_RULES.map(({ name }) => name).sort());
});
