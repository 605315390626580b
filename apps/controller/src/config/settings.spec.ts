import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings, SettingsError } from './settings.js';

const good = {
  DATABASE_URL: 'postgresql://longhaul_app:x@db/longhaul',
  DATABASE_OWNER_URL: 'postgresql://longhaul_owner:x@db/longhaul',
  DATABASE_WORKER_URL: 'postgres://longhaul_worker:x@db/longhaul',
  NATS_URL: 'tls://nats:4222',
};

test('what has a default need not be set; empty means not set', () => {
  expect(loadSettings({ ...good, LONGHAUL_LISTEN: '', LONGHAUL_PUBLIC_URL: '' })).toMatchObject({
    listen: [{ host: '127.0.0.1', port: 8443 }],
    publicUrl: 'https://127.0.0.1:8443',
    natsPublicUrls: ['tls://nats:4222'],
    adminEmail: 'admin@longhaul.local',
    adminPassword: undefined,
    sessionSecret: undefined,
    retention: { rawDays: 3, flowsDays: 30, rollupDays: { '1m': 7, '5m': 30, '1h': 90, '1d': 1095 } },
    metricsListen: undefined,
    tracing: undefined,
  });
});

test('lists are taken apart', () => {
  const settings = loadSettings({
    ...good,
    LONGHAUL_LISTEN: '10.78.0.1:8443, [::1]:9443',
    LONGHAUL_NATS_PUBLIC_URLS: 'tls://a:4222,tls://b:4222',
    LONGHAUL_PUBLIC_URL: 'https://controller.example/',
  });
  expect(settings.listen).toEqual([
    { host: '10.78.0.1', port: 8443 },
    { host: '::1', port: 9443 },
  ]);
  expect(settings.natsPublicUrls).toEqual(['tls://a:4222', 'tls://b:4222']);
  expect(settings.publicUrl).toBe('https://controller.example');
});

test('everything that is wrong is told at once, a line each, by its name', () => {
  const wrong = {
    DATABASE_URL: 'mysql://db',
    NATS_URL: 'db:4222',
    LONGHAUL_LISTEN: '8443',
    LONGHAUL_STATE_DIR: 'relative',
    LONGHAUL_ADMIN_PASSWORD: 'short',
    LONGHAUL_PUBLIC_URL: 'http://plain.example',
    LONGHAUL_TRUSTED_PROXIES: '10.0.0.0/33',
    LONGHAUL_RETENTION_1M_DAYS: '2',
    LONGHAUL_RETENTION_1D_DAYS: '9',
    LONGHAUL_METRICS_LISTEN: '9464',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector',
  };
  const names = [...Object.keys(wrong), 'DATABASE_OWNER_URL', 'DATABASE_WORKER_URL'];
  expect.assertions(names.length + 1);
  try {
    loadSettings(wrong);
  } catch (error) {
    const lines = error instanceof SettingsError ? error.message.split('\n') : [];
    expect(lines).toHaveLength(names.length);
    for (const name of names) expect(lines.filter((line) => line.startsWith(`${name} `))).toHaveLength(1);
  }
});

describe('an identity provider', () => {
  const directory = mkdtempSync(join(tmpdir(), 'longhaul-settings-'));
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const access = file(
    'access.json',
    '{ "organizations": [{ "organization": "provider", "domains": ["Acme.example"] }] }',
  );
  const oidc = {
    ...good,
    LONGHAUL_OIDC_ISSUER: 'https://id.acme.example',
    LONGHAUL_OIDC_CLIENT_ID: 'longhaul',
    LONGHAUL_OIDC_ACCESS_FILE: access,
  };

  test('is read with its secret and whom it lets in', () => {
    const secret = file('secret', 'hush\n');
    expect(loadSettings({ ...oidc, LONGHAUL_OIDC_CLIENT_SECRET_FILE: secret }).oidc).toMatchObject({
      clientSecret: 'hush',
      access: [{ organization: 'provider', domains: ['acme.example'], claim: 'groups', roles: {} }],
    });
    expect(loadSettings(good).oidc).toBeUndefined();
  });

  test.each([
    [{ LONGHAUL_OIDC_CLIENT_ID: '' }, 'LONGHAUL_OIDC_CLIENT_ID is not set'],
    [{ LONGHAUL_OIDC_ACCESS_FILE: '' }, 'name the JSON file'],
    [{ LONGHAUL_OIDC_ACCESS_FILE: '/nowhere.json' }, '/nowhere.json cannot be read (ENOENT)'],
    [{ LONGHAUL_OIDC_ACCESS_FILE: file('bad.json', 'x') }, 'is not JSON'],
    [
      { LONGHAUL_OIDC_ACCESS_FILE: file('empty.json', '{"organizations":[{"organization":"x"}]}') },
      'organizations.0.organization must be the id of an organization',
    ],
    [{ LONGHAUL_OIDC_ISSUER: 'http://id.acme.example' }, 'must be an https:// URL'],
    [{ LONGHAUL_OIDC_SCOPES: 'email' }, 'must hold openid'],
  ])('%j is refused in words', (wrong, message) => {
    const load = () => loadSettings({ ...oidc, ...wrong });
    expect(load).toThrow(SettingsError);
    expect(load).toThrow(message);
  });
});
