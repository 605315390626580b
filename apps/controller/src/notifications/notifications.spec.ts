import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import { CertificateAuthority } from '../bootstrap/certificate-authority.js';
import type { DeliveryState } from '../generated/prisma/enums.js';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import { startTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { WebhookReceiver, type ReceivedMessage } from '../testing/webhook-receiver.js';
import { createWebhookSecret, keyOfSecret, SecretSeal } from '../webhooks/sealed-secret.js';
import { claimDeliveries, MAX_PER_ORGANIZATION } from './delivery-store.js';
import { compose, Mailer } from './mailer.js';
import { newDelivery } from './new-delivery.js';
import { Notifier } from './notifier.js';
import type { WebhookOptions } from './send-webhook.js';

/** A busy machine is no failure. */
const PATIENT_MS = 60_000;
const seal = new SecretSeal('of this spec');

let database: TestDatabase;
let fixtures: Fixtures;
let receiver: WebhookReceiver;
let organizationId: string;
const notifiers: Notifier[] = [];

beforeAll(async () => {
  database = await startTestDatabase();
  fixtures = new Fixtures(database.server.superuserUrl);
});
afterAll(async () => {
  await fixtures.close();
  await database.stop();
});
beforeEach(async () => {
  receiver = await WebhookReceiver.start();
  organizationId = await fixtures.organization();
});
afterEach(async () => {
  await Promise.all(notifiers.splice(0).map((notifier) => notifier.stop()));
  await receiver.stop();
  await fixtures.query('DELETE FROM deliveries');
});

/** A replica that delivers. */
const startNotifier = (
  webhooks: Partial<WebhookOptions> = {},
  mailer: Mailer | undefined = undefined,
): Notifier => {
  const notifier = new Notifier(database.worker, {
    seal,
    mailer,
    webhooks: { allowPrivate: true, timeoutMs: PATIENT_MS, ...webhooks },
  });
  notifiers.push(notifier);
  notifier.start();
  return notifier;
};

interface Hook {
  readonly id: string;
  readonly secret: string;
}

const createHook = async (url = receiver.url): Promise<Hook> => {
  const id = randomUUID();
  const secret = createWebhookSecret();
  await fixtures.query(
    'INSERT INTO webhooks (organization_id, id, name, url, secret_sealed) VALUES ($1, $2::uuid, $2::text, $3, $4)',
    [organizationId, id, url, seal.seal(secret, id)],
  );
  return { id, secret };
};

const PAYLOAD = {
  type: 'alert.firing',
  timestamp: '2026-01-01T00:00:00.000Z',
  data: {
    organization: { id: 'x', name: 'Acme' },
    rule: { id: 'x', name: 'Agent down', kind: 'AGENT_DOWN', severity: 'CRITICAL', threshold: 1, unit: '' },
    alerts: [
      {
        id: 'x',
        summary: 'edge at Ghent is not connected to the controller.',
        firingSince: '2026-01-01T00:00:00.000Z',
      },
    ],
    total: 1,
    url: 'https://controller.example/alerts',
  },
};

const enqueue = async (target: { webhookId: string } | { email: string }): Promise<string> => {
  const { id } = await database.worker.prisma.delivery.create({
    data: newDelivery({
      organizationId,
      event: 'alert.firing',
      alertIds: [],
      payload: PAYLOAD,
      webhookId: null,
      email: null,
      ...target,
      now: new Date(),
    }),
  });
  return id;
};

const read = (id: string) =>
  database.worker.prisma.delivery.findFirstOrThrow({
    where: { organizationId, id },
    include: { log: { orderBy: { number: 'asc' } } },
  });

const until = (id: string, attempts: number, state: DeliveryState) =>
  eventually(async () => {
    const delivery = await read(id);
    return delivery.log.length === attempts && delivery.state === state && delivery;
  });

/** Has what waits for its next attempt tried now. */
const hurry = (id: string) => fixtures.query('UPDATE deliveries SET due_at = now() WHERE id = $1', [id]);

/** As a receiver checks it, written anew. */
const isSignedBy = ({ headers, body }: ReceivedMessage, secret: string): boolean => {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const expected = createHmac('sha256', keyOfSecret(secret)).update(signed).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .some((signature) => {
      const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64');
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
};

describe('a webhook', () => {
  test('gets the notification, signed, and what it answered is in the log, cut', async () => {
    receiver.answer = (response) => response.end('x'.repeat(5000));
    const hook = await createHook();
    const id = await enqueue({ webhookId: hook.id });
    startNotifier();
    const delivery = await until(id, 1, 'DELIVERED');
    expect(receiver.received).toHaveLength(1);
    const [message] = receiver.received;
    if (message === undefined) throw new Error('nothing came');
    expect(JSON.parse(message.body)).toEqual(PAYLOAD);
    expect(message.headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': id });
    expect(Math.abs(Number(message.headers['webhook-timestamp']) * 1000 - Date.now())).toBeLessThan(120_000);
    expect(isSignedBy(message, hook.secret)).toBe(true);
    expect(isSignedBy(message, createWebhookSecret())).toBe(false);
    expect(delivery).toMatchObject({ attempts: 1, dueAt: null });
    expect(delivery.finishedAt).not.toBeNull();
    expect(delivery.log[0]).toMatchObject({ number: 1, status: 200, error: null });
    expect(delivery.log[0]?.response).toMatch(/^x{1000}$/);
  });

  test('that fails is tried again later, with the same id and another signature, until it takes it', async () => {
    const statuses = [500, 503, 204];
    receiver.answer = (response) => {
      response.writeHead(statuses[receiver.received.length - 1] ?? 200).end();
    };
    const id = await enqueue({ webhookId: (await createHook()).id });
    startNotifier();
    const first = await until(id, 1, 'PENDING');
    expect(first.dueAt?.getTime()).toBeGreaterThan(Date.now());
    await hurry(id);
    await until(id, 2, 'PENDING');
    await hurry(id);
    const { log } = await until(id, 3, 'DELIVERED');
    expect(log.map(({ status, error }) => [status, error])).toEqual([
      [500, 'answered 500'],
      [503, 'answered 503'],
      [204, null],
    ]);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([id]));
  });

  test('that does not answer in time, or hangs up in its answer, is tried again', async () => {
    receiver.answer = (response) => {
      if (receiver.received.length === 1) return;
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      response.socket?.destroy();
    };
    const id = await enqueue({ webhookId: (await createHook()).id });
    const hasty = startNotifier({ timeoutMs: 1000 });
    const first = await until(id, 1, 'PENDING');
    expect(first.log[0]).toMatchObject({ status: null, error: 'no whole answer within 1 s' });
    await hasty.stop();
    startNotifier();
    await hurry(id);
    const second = await until(id, 2, 'PENDING');
    expect(second.log[1]).toMatchObject({ status: null });
    expect(second.log[1]?.error).toMatch(/cut short|aborted|hang up/);
  });

  test('that answers by another protocol, as none asked it to, is tried again', async () => {
    receiver.answer = (response) => {
      response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    };
    const id = await enqueue({ webhookId: (await createHook()).id });
    startNotifier();
    const { log } = await until(id, 1, 'PENDING');
    expect(log[0]).toMatchObject({ status: null, error: expect.stringContaining('answered 101') });
  });

  test('is not followed to where it redirects', async () => {
    const elsewhere = await WebhookReceiver.start();
    receiver.answer = (response) => {
      response.writeHead(307, { location: elsewhere.url }).end();
    };
    const id = await enqueue({ webhookId: (await createHook()).id });
    startNotifier();
    const { log } = await until(id, 1, 'PENDING');
    expect(log[0]).toMatchObject({
      status: 307,
      error: expect.stringContaining('redirects are not followed'),
    });
    expect(elsewhere.received).toEqual([]);
    await elsewhere.stop();
  });

  test('whose certificate nobody vouches for gets nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'longhaul-webhook-'));
    const authority = await CertificateAuthority.open(folder);
    const { certFile, keyFile } = await authority.ensureServerCertificate(folder, 'impostor', ['localhost']);
    const impostor = await WebhookReceiver.start({
      cert: readFileSync(certFile, 'utf8'),
      key: readFileSync(keyFile, 'utf8'),
    });
    rmSync(folder, { recursive: true });
    const id = await enqueue({ webhookId: (await createHook(impostor.url)).id });
    startNotifier();
    const { log } = await until(id, 1, 'PENDING');
    expect(log[0]).toMatchObject({ status: null, error: expect.stringMatching(/self-signed|certificate/) });
    expect(impostor.received).toEqual([]);
    await impostor.stop();
  });

  test('inside of the own network gets nothing, whatever its name is, and is given up', async () => {
    const url = receiver.url.replace('http:', 'https:');
    const ids = [
      await enqueue({ webhookId: (await createHook(url)).id }),
      await enqueue({ webhookId: (await createHook(url.replace('localhost', '127.0.0.1'))).id }),
      await enqueue({ webhookId: (await createHook('https://169.254.169.254/latest/meta-data')).id }),
    ];
    startNotifier({ allowPrivate: false });
    for (const id of ids) {
      const { log } = await until(id, 1, 'FAILED');
      expect(log[0]?.error).toMatch(/not an address of the public internet/);
    }
    expect(receiver.received).toEqual([]);
  });

  test('that says it is gone, or is switched off meanwhile, is given up at once', async () => {
    receiver.answer = (response) => response.writeHead(410).end();
    const [gone, off] = [await createHook(), await createHook()];
    await fixtures.query('UPDATE webhooks SET enabled = false WHERE id = $1', [off.id]);
    const ids = [await enqueue({ webhookId: gone.id }), await enqueue({ webhookId: off.id })];
    startNotifier();
    for (const id of ids) await until(id, 1, 'FAILED');
    expect(receiver.received).toHaveLength(1);
  });

  test('is given up when it is a day old', async () => {
    receiver.answer = (response) => response.writeHead(500).end();
    const id = await enqueue({ webhookId: (await createHook()).id });
    await fixtures.query("UPDATE deliveries SET expires_at = now() + interval '1 second' WHERE id = $1", [
      id,
    ]);
    startNotifier();
    expect(await until(id, 1, 'FAILED')).toMatchObject({ dueAt: null });
  });

  test('whose secret is changed has messages that are signed by both, until the former one is over', async () => {
    const hook = await createHook();
    const secret = createWebhookSecret();
    await fixtures.query(
      `UPDATE webhooks SET previous_secret_sealed = secret_sealed, secret_sealed = $2, previous_secret_until = now() + interval '1 hour'
       WHERE id = $1`,
      [hook.id, seal.seal(secret, hook.id)],
    );
    startNotifier();
    await until(await enqueue({ webhookId: hook.id }), 1, 'DELIVERED');
    await fixtures.query('UPDATE webhooks SET previous_secret_until = now() WHERE id = $1', [hook.id]);
    await until(await enqueue({ webhookId: hook.id }), 1, 'DELIVERED');
    const signers = receiver.received.map((message) =>
      [hook.secret, secret].map((each) => isSignedBy(message, each)),
    );
    expect(signers).toEqual([
      [true, true],
      [false, true],
    ]);
  });

  test('whose secret cannot be read any more says what to do', async () => {
    const hook = await createHook();
    await fixtures.query('UPDATE webhooks SET secret_sealed = $2 WHERE id = $1', [
      hook.id,
      new SecretSeal('another').seal('whsec_x', hook.id),
    ]);
    const id = await enqueue({ webhookId: hook.id });
    startNotifier();
    expect((await until(id, 1, 'PENDING')).log[0]?.error).toMatch(/rotate the webhook’s secret/);
    expect(receiver.received).toEqual([]);
  });

  test('that is slow keeps nobody else waiting', async () => {
    const slow = await WebhookReceiver.start();
    slow.answer = () => undefined;
    const [stuck, quick] = [await createHook(slow.url), await createHook()];
    for (let count = 0; count < 40; count += 1) await enqueue({ webhookId: stuck.id });
    const ids = [await enqueue({ webhookId: quick.id }), await enqueue({ webhookId: quick.id })];
    startNotifier();
    for (const id of ids) await until(id, 1, 'DELIVERED');
    await eventually(() => slow.received.length > 0);
    expect(slow.received.length).toBe(1);
    await slow.stop();
  });

  test('and many more of one organization that hang keep no other organization waiting', async () => {
    const slow = await WebhookReceiver.start();
    slow.answer = () => undefined;
    for (let count = 0; count < 50; count += 1) {
      await enqueue({ webhookId: (await createHook(slow.url)).id });
    }
    startNotifier();
    await eventually(() => slow.received.length === MAX_PER_ORGANIZATION);
    organizationId = await fixtures.organization();
    await until(await enqueue({ webhookId: (await createHook()).id }), 1, 'DELIVERED');
    expect(slow.received).toHaveLength(MAX_PER_ORGANIZATION);
    await slow.stop();
  });
});

describe('of several replicas', () => {
  test('one makes each attempt', async () => {
    const hooks = await Promise.all(Array.from({ length: 6 }, () => createHook()));
    const ids: string[] = [];
    for (let round = 0; round < 8; round += 1) {
      for (const { id } of hooks) ids.push(await enqueue({ webhookId: id }));
    }
    for (let count = 0; count < 3; count += 1) startNotifier();
    for (const id of ids) await until(id, 1, 'DELIVERED');
    expect(receiver.received.map(({ headers }) => headers['webhook-id']).sort()).toEqual(ids.sort());
  });

  test('another one tries again what one that was killed had in hand, when its lease is over', async () => {
    const id = await enqueue({ webhookId: (await createHook()).id });
    const [claimed] = await claimDeliveries(database.worker, 1, []);
    expect(claimed).toMatchObject({ id, number: 1 });
    startNotifier();
    expect(await claimDeliveries(database.worker, 1, [])).toEqual([]);
    await hurry(id);
    const delivery = await until(id, 1, 'DELIVERED');
    expect(delivery).toMatchObject({ attempts: 2 });
    expect(receiver.received).toHaveLength(1);
  });

  test('one that ends finishes what it has in hand', async () => {
    receiver.answer = (response) => setTimeout(() => response.end(), 300);
    const id = await enqueue({ webhookId: (await createHook()).id });
    const notifier = startNotifier();
    await eventually(() => receiver.received.length === 1);
    await notifier.stop();
    expect(await read(id)).toMatchObject({ state: 'DELIVERED' });
  });
});

describe('e-mail', () => {
  interface Mail {
    readonly from: string;
    readonly to: string[];
    readonly text: string;
  }
  let mails: Mail[];
  let refusal: (Error & { responseCode?: number }) | undefined;
  let server: SMTPServer;
  let url: string;

  beforeEach(async () => {
    mails = [];
    refusal = undefined;
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onAuth: ({ username, password }, _session, done) => {
        if (username === 'longhaul' && password === 'pass word') done(null, { user: username });
        else done(new Error('who are you?'));
      },
      onRcptTo: (_address, _session, done) => {
        done(refusal ?? null);
      },
      onData: (stream, session: SMTPServerSession, done) => {
        const parts: Buffer[] = [];
        stream.on('data', (part: Buffer) => parts.push(part));
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope;
          mails.push({
            from: mailFrom === false ? '' : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            // Quoted-printable breaks long lines.
            text: Buffer.concat(parts).toString('utf8').replaceAll('=\r\n', ''),
          });
          done();
        });
      },
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.server.address() as { port: number };
    url = `smtp://longhaul:pass%20word@127.0.0.1:${String(port)}`;
  });
  afterEach(async () => {
    await Promise.all(notifiers.splice(0).map((notifier) => notifier.stop()));
    await new Promise<void>((resolve) => {
      server.close(resolve);
    });
  });
  const start = (given = url): Notifier =>
    startNotifier({}, new Mailer(given, 'alerts@longhaul.example', 5000));

  test('goes to each person as a message of their own', async () => {
    const people = ['a@example.com', 'b@example.com'];
    const ids = await Promise.all(people.map((email) => enqueue({ email })));
    start();
    for (const id of ids) {
      const { log } = await until(id, 1, 'DELIVERED');
      expect(log[0]).toMatchObject({ status: 250, error: null });
    }
    expect(mails.map(({ to }) => to).sort()).toEqual(people.map((person) => [person]));
    for (const { from, to, text } of mails) {
      const id = ids[people.indexOf(to[0] ?? '')];
      expect(from).toBe('alerts@longhaul.example');
      expect(text).toContain('Subject: [Longhaul] CRITICAL: edge at Ghent is not connected');
      expect(text).toContain(`Message-ID: <${String(id)}@longhaul.example>`);
      expect(text).toContain('Auto-Submitted: auto-generated');
      expect(text).toContain('https://controller.example/alerts');
      for (const other of people) expect(text.includes(other)).toBe(other === to[0]);
    }
  });

  test('that the server refuses for good is given up, for the moment is tried again', async () => {
    refusal = Object.assign(new Error('mailbox is full'), { responseCode: 452 });
    const id = await enqueue({ email: 'a@example.com' });
    start();
    const first = await until(id, 1, 'PENDING');
    expect(first.log[0]).toMatchObject({ status: 452, response: expect.stringContaining('mailbox is full') });
    refusal = Object.assign(new Error('no such mailbox'), { responseCode: 550 });
    await hurry(id);
    const second = await until(id, 2, 'FAILED');
    expect(second.log[1]).toMatchObject({ status: 550 });
    expect(mails).toEqual([]);
  });

  test('waits for a server that is away, and for one to be set', async () => {
    const id = await enqueue({ email: 'a@example.com' });
    const without = startNotifier();
    expect((await until(id, 1, 'PENDING')).log[0]?.error).toMatch(/LONGHAUL_SMTP_URL/);
    await without.stop();
    const away = start('smtp://127.0.0.1:1');
    await hurry(id);
    expect((await until(id, 2, 'PENDING')).log[1]?.error).toMatch(/ECONNREFUSED/);
    await away.stop();
    start();
    await hurry(id);
    await until(id, 3, 'DELIVERED');
  });

  test('says how many more there are, and that it is over', () => {
    const { data } = PAYLOAD;
    const many = compose({ ...PAYLOAD, data: { ...data, total: 250 } });
    expect(many.subject).toBe('[Longhaul] CRITICAL: Agent down (250)');
    expect(many.text).toContain('… and 249 more.');
    expect(compose({ ...PAYLOAD, type: 'alert.resolved' }).subject).toMatch(/^\[Longhaul\] Resolved: edge/);
  });

  test('has no line that a name could add to its header', async () => {
    const summary = 'edge\r\nBcc: victim@example.com\r\n\r\nat Ghent';
    const payload = {
      ...PAYLOAD,
      data: { ...PAYLOAD.data, alerts: [{ ...PAYLOAD.data.alerts[0], summary }] },
    };
    const id = await enqueue({ email: 'a@example.com' });
    await fixtures.query('UPDATE deliveries SET payload = $2 WHERE id = $1', [id, JSON.stringify(payload)]);
    start();
    await until(id, 1, 'DELIVERED');
    expect(mails[0]?.to).toEqual(['a@example.com']);
    expect(mails[0]?.text).not.toMatch(/^Bcc:/m);
  });
});

test('the receiver that the documentation shows takes what is ours, and refuses what is changed, old or another’s', async () => {
  const docs = readFileSync(new URL('../../../../docs/alerts.md', import.meta.url), 'utf8');
  const [, source = ''] = /```js\n(\/\/ verify\.mjs[^]*?)```/.exec(docs) ?? [];
  const module = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as {
    verify: (headers: Record<string, unknown>, body: string, secret: string, nowMs?: number) => boolean;
  };
  const hook = await createHook();
  startNotifier();
  await until(await enqueue({ webhookId: hook.id }), 1, 'DELIVERED');
  const [message] = receiver.received;
  if (message === undefined) throw new Error('nothing came');
  const { headers, body } = message;
  expect(module.verify(headers, body, hook.secret)).toBe(true);
  expect(module.verify(headers, `${body} `, hook.secret)).toBe(false);
  expect(module.verify(headers, body, createWebhookSecret())).toBe(false);
  expect(module.verify({ ...headers, 'webhook-id': 'other' }, body, hook.secret)).toBe(false);
  expect(module.verify(headers, body, hook.secret, Date.now() + 600_000)).toBe(false);
  expect(module.verify({}, body, hook.secret)).toBe(false);
});
