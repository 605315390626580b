import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DesiredState } from '@longhaul/contracts';
import {
  freePort,
  startNats,
  startPostgres,
  type RunningNats,
  type RunningPostgres,
} from '@longhaul/embedded-services';
import type { NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { prepareControllerState, type ControllerState } from '../bootstrap/prepare.js';
import { loadSettings, type BackupSettings } from '../config/settings.js';
import { migrate } from '../database/migrate.js';
import { MIGRATIONS_DIR } from '../database/migrations.js';
import { startController, type RunningController } from '../start.js';
import {
  connectAs,
  ControllerClient,
  readStateAs,
  type EnrolledAgent,
} from '../testing/controller-client.js';
import { eventually } from '../testing/eventually.js';
import { Fixtures } from '../testing/fixtures.js';
import { allRows } from '../testing/row-fingerprints.js';
import { verifyArchive } from './archive.js';
import { backup } from './backup.js';
import { restore } from './restore.js';

const PASSWORD = 'of the first owner';

/** PostgreSQL, nats-server, controller: each real. */
interface Installation {
  readonly nats: RunningNats;
  readonly state: ControllerState;
  readonly controller: RunningController;
  readonly client: ControllerClient;
}

let root: string;
let ports: { readonly nats: number; readonly https: number };
/** The installation that is lost, and the one that takes its place. */
let lost: RunningPostgres;
let fresh: RunningPostgres;
const running: Installation[] = [];
let agent: NatsConnection | undefined;

const folder = (name: string): string => join(root, name);

const startDatabase = (name: string): Promise<RunningPostgres> =>
  startPostgres({ dataDir: folder(name), settings: { fsync: 'off', full_page_writes: 'off' } });

const startInstallation = async (server: RunningPostgres, stateDir: string): Promise<Installation> => {
  const state = await prepareControllerState(stateDir, { hosts: [] });
  const natsDir = mkdtempSync(folder('nats-'));
  const nats = await startNats({ stateDir: natsDir, config: state.natsConfigFile, port: ports.nats });
  const settings = loadSettings({
    LONGHAUL_STATE_DIR: stateDir,
    DATABASE_URL: server.appUrl,
    DATABASE_OWNER_URL: server.ownerUrl,
    DATABASE_WORKER_URL: server.workerUrl,
    DATABASE_CONNECTIONS: '4',
    NATS_URL: nats.url,
    LONGHAUL_NATS_ALLOW_OLD: 'true',
    LONGHAUL_LISTEN: `127.0.0.1:${String(ports.https)}`,
    LONGHAUL_ADMIN_PASSWORD: PASSWORD,
    LONGHAUL_DRAIN_SECONDS: '0',
    LONGHAUL_LOG_LEVEL: 'error',
  });
  const controller = await startController(settings, () => undefined);
  const installation = { nats, state, controller, client: new ControllerClient(ports.https, state.caPem) };
  running.push(installation);
  return installation;
};

const stopInstallation = async (installation: Installation): Promise<void> => {
  running.splice(running.indexOf(installation), 1);
  await installation.controller.stop();
  await installation.nats.stop();
};

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'longhaul-backup-'));
  chmodSync(root, 0o755);
  ports = { nats: await freePort(), https: await freePort() };
  [lost, fresh] = await Promise.all([startDatabase('lost'), startDatabase('fresh')]);
});

afterAll(async () => {
  await agent?.close();
  for (const installation of [...running]) await stopInstallation(installation);
  await Promise.all([lost.stop(), fresh.stop()]);
  rmSync(root, { recursive: true, force: true });
});

/** Runs `work` on rows past row-level security. */
const withRows = async <T>(url: string, work: (fixtures: Fixtures) => Promise<T>): Promise<T> => {
  const fixtures = new Fixtures(url);
  return work(fixtures).finally(() => fixtures.close());
};

const savePolicy = async (client: ControllerClient, cookie: string, name: string): Promise<void> => {
  const { data } = await client.graphql(cookie, '{ policy { revision } }');
  await client.graphql(
    cookie,
    'mutation ($input: SavePolicyInput!) { savePolicy(input: $input) { revision } }',
    {
      input: {
        message: '',
        expectedRevision: data.policy?.revision ?? null,
        rules: [{ id: name, name, priority: 1, action: 'ACCELERATE' }],
      },
    },
  );
};

/** Of every table, as a restore changes it: with another epoch, and everything to be delivered. */
const withoutPosition = (rows: Record<string, string[]>): Record<string, unknown[]> =>
  Object.fromEntries(
    Object.entries(rows)
      .filter(([table]) => table !== 'outbox')
      .map(([table, list]) => [
        table,
        list
          .map((row) => {
            const value = JSON.parse(row) as Record<string, unknown>;
            const position = {
              desired_state_epoch: 0,
              epoch: 0,
              delivered_at: null,
              delivered_generation: 0,
            };
            if (table === 'organizations' || table === 'agent_desired_states') Object.assign(value, position);
            if (typeof value['document'] === 'object') Object.assign(value['document'] ?? {}, { epoch: 0 });
            return JSON.stringify(value);
          })
          .sort(),
      ]),
  );

const telemetryRows = (fixtures: Fixtures) =>
  fixtures.query(
    `SELECT (SELECT jsonb_agg(to_jsonb(f)) FROM telemetry.flows f) AS flows,
            (SELECT jsonb_agg(to_jsonb(p)) FROM telemetry.poison p) AS poison`,
  );

/** A rule is compiled into one for each peer. */
const isRuledBy = ({ rules }: DesiredState, name: string): boolean =>
  rules.length > 0 && rules.every(({ id }) => id.startsWith(name));

const archive = (): string => folder('longhaul.tar');

test('an installation that is lost comes back from its backup, and its agents go on', async () => {
  const stateDir = folder('state-lost');
  const before = await startInstallation(lost, stateDir);
  const { cookie } = await before.client.signIn(PASSWORD);
  const near: EnrolledAgent = await before.client.enrollAt(cookie, 'Paris', ['10.1.0.0/16']);
  await before.client.enrollAt(cookie, 'Lyon', ['10.2.0.0/16']);
  const connection = await connectAs(near, { reconnect: true });
  agent = connection;
  await savePolicy(before.client, cookie, 'of-the-backup');
  await withRows(lost.superuserUrl, async (fixtures) => {
    await fixtures.site(await fixtures.organization('A customer'), 'Elsewhere');
    await fixtures.query(
      `INSERT INTO telemetry.flows (organization_id, agent_id, flow_id, started_at, last_seen_at, source, destination,
         destination_port, handling, bytes_up, bytes_down, encoded_bytes_up, encoded_bytes_down)
       VALUES ($1, $2, gen_random_uuid(), now(), now(), '10.1.0.1', '10.2.0.1', 445, 'accelerated', 1, 2, 3, 4)`,
      [near.credential.organizationId, near.credential.agentId],
    );
    await fixtures.query(
      "INSERT INTO telemetry.poison (subject, stream_sequence, reason, body) VALUES ('s', 7, E'a\\tb\\nc', '\\x00ff')",
    );
  });
  await eventually(async () => isRuledBy(await readStateAs(connection, near.credential), 'of-the-backup'));

  const settings = { ownerUrl: lost.ownerUrl, stateDir };
  const manifest = await backup(settings, { file: archive(), telemetry: true });
  const rows = await withRows(lost.superuserUrl, allRows);
  const telemetry = await withRows(lost.superuserUrl, telemetryRows);
  expect(statSync(archive()).mode & 0o777).toBe(0o600);
  expect(readdirSync(root).filter((name) => name.startsWith('.longhaul-backup-'))).toEqual([]);
  expect(manifest.stateFiles.map(({ path }) => path)).toEqual(
    expect.arrayContaining([
      'ca.crt',
      'ca.key',
      'nats/operator.seed',
      'nats/agents-signing.seed',
      'session.secret',
    ]),
  );
  await expect(backup(settings, { file: archive(), telemetry: false })).rejects.toThrow('is there already');

  await savePolicy(before.client, cookie, 'after-the-backup');
  const newest = await eventually(async () => {
    const state = await readStateAs(connection, near.credential);
    return isRuledBy(state, 'after-the-backup') && state;
  });
  await expect(restore(settings, { file: archive(), force: true })).rejects.toThrow(
    'stop every controller first',
  );
  await stopInstallation(before);
  await lost.stop();

  const restored = { ownerUrl: fresh.ownerUrl, stateDir: folder('state-restored') };
  await restore(restored, { file: archive(), force: false });
  expect(withoutPosition(await withRows(fresh.superuserUrl, allRows))).toEqual(withoutPosition(rows));
  expect(await withRows(fresh.superuserUrl, telemetryRows)).toEqual(telemetry);
  const after = await startInstallation(fresh, restored.stateDir);
  expect(after.state.caSha256).toBe(before.state.caSha256);

  // Its connection, by the credential that it has; the state is newer than all that it has seen.
  const state = await eventually(async () => {
    const current = await readStateAs(connection, near.credential);
    return current.epoch > newest.epoch && current;
  });
  expect(isRuledBy(state, 'of-the-backup')).toBe(true);
  expect((await after.client.renew(near.seed)).agentId).toBe(near.credential.agentId);
  // The session's cookie, too, is good.
  await savePolicy(after.client, cookie, 'after-the-restore');
  await eventually(async () =>
    isRuledBy(await readStateAs(connection, near.credential), 'after-the-restore'),
  );
  await stopInstallation(after);
});

describe('in a database of its own', () => {
  let target: BackupSettings;
  let superuserUrl: string;
  let count = 0;

  beforeEach(async () => {
    count += 1;
    const name = `target_${String(count)}`;
    const at = (url: string): string => url.replace(/\/longhaul$/, `/${name}`);
    await withRows(fresh.superuserUrl, (fixtures) =>
      fixtures.query(`CREATE DATABASE ${name} OWNER longhaul_owner TEMPLATE template0`),
    );
    superuserUrl = at(fresh.superuserUrl);
    target = { ownerUrl: at(fresh.ownerUrl), stateDir: folder(name) };
  });

  const tables = () =>
    withRows(superuserUrl, (fixtures) =>
      fixtures.query(
        "SELECT 1 FROM pg_class WHERE relnamespace::regnamespace::text IN ('public', 'telemetry') AND relkind = 'r'",
      ),
    );
  const organizations = () =>
    withRows(superuserUrl, (fixtures) =>
      fixtures.query<{ name: string; epoch: number }>(
        'SELECT name, desired_state_epoch AS epoch FROM organizations ORDER BY name',
      ),
    );

  test.each([
    [
      'a byte that was changed',
      (bytes: Buffer) =>
        bytes.fill(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1, (bytes.length >> 1) + 1),
    ],
    ['an end that is missing', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ['another file', () => Buffer.from('not a tar file at all')],
  ])('%s is found before anything is changed', async (_what, change) => {
    const file = folder(`damaged-${String(count)}.tar`);
    writeFileSync(file, change(readFileSync(archive())));
    await expect(restore(target, { file, force: true })).rejects.toThrow(
      /is damaged|cut short|not a backup|not what was written|lacks its part|manifest does not name/,
    );
    expect(await tables()).toEqual([]);
    expect(() => statSync(target.stateDir)).toThrow('ENOENT');
  });

  test('what is there is replaced only when that is said, and again with a higher epoch', async () => {
    await restore(target, { file: archive(), force: false });
    const [first] = await organizations();
    await withRows(superuserUrl, (fixtures) => fixtures.organization('Zz, made since'));
    writeFileSync(join(target.stateDir, 'session.secret'), 'another');
    await expect(restore(target, { file: archive(), force: false })).rejects.toThrow(
      'another session.secret',
    );
    await expect(
      restore({ ...target, stateDir: folder('elsewhere') }, { file: archive(), force: false }),
    ).rejects.toThrow('the database is not empty');
    expect(await organizations()).toHaveLength(3);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await restore(target, { file: archive(), force: true });
    const again = await organizations();
    expect(again.map(({ name }) => name)).toEqual(['A customer', 'Default']);
    expect(again[0]?.epoch).toBeGreaterThan(first?.epoch ?? Infinity);
    expect(readFileSync(join(target.stateDir, 'session.secret'), 'utf8')).not.toBe('another');
    const { stateFiles } = await verifyArchive(archive());
    for (const { path } of stateFiles.filter((file) => !file.path.endsWith('.crt'))) {
      expect([path, statSync(join(target.stateDir, path)).mode & 0o777]).toEqual([path, 0o600]);
    }
  });

  test('a restore that fails half-way leaves nothing of itself', async () => {
    // The last table of the archive comes into conflict with somebody else's.
    await withRows(superuserUrl, (fixtures) => fixtures.query('CREATE SCHEMA telemetry'));
    await expect(restore(target, { file: archive(), force: false })).rejects.toThrow(/telemetry/);
    expect(await tables()).toEqual([]);
    expect(() => statSync(target.stateDir)).toThrow('ENOENT');
  });

  test('a backup of an earlier release is brought up to this one; a later release has to restore its own; releases come along, however large', async () => {
    const earlier = folder('earlier-migrations');
    cpSync(MIGRATIONS_DIR, earlier, { recursive: true });
    const last =
      readdirSync(earlier)
        .filter((name) => /^\d/.test(name))
        .sort()
        .at(-1) ?? '';
    rmSync(join(earlier, last), { recursive: true });
    await migrate(target.ownerUrl, earlier);
    await withRows(superuserUrl, (fixtures) => fixtures.organization('Of the earlier release'));
    mkdirSync(target.stateDir);
    await prepareControllerState(target.stateDir, { hosts: [] });
    const releases = join(target.stateDir, 'releases');
    const release = `${'ab'.repeat(32)}.tar.gz`;
    mkdirSync(releases);
    writeFileSync(join(releases, release), 'of a release');
    truncateSync(join(releases, release), 65 * 1024 ** 2);
    const content = readFileSync(join(releases, release));
    writeFileSync(join(releases, '.on-its-way.tmp'), 'half of another');
    // As one that is removed after it was listed.
    symlinkSync('nowhere', join(releases, `${'cd'.repeat(32)}.tar.gz`));
    const file = folder('earlier.tar');
    const { migrations, stateFiles } = await backup(target, { file, telemetry: false });
    expect(migrations.map(({ name }) => name)).not.toContain(last);
    expect(stateFiles.map(({ path }) => path).filter((path) => path.startsWith('releases/'))).toEqual([
      `releases/${release}`,
    ]);
    rmSync(releases, { recursive: true });
    await restore(target, { file, force: true });
    expect(readdirSync(releases)).toEqual([release]);
    expect(readFileSync(join(releases, release)).equals(content)).toBe(true);
    expect(await migrate(target.ownerUrl)).toEqual([]);
    expect(await organizations()).toMatchObject([{ name: 'Of the earlier release' }]);

    const later = new pg.Client({ connectionString: target.ownerUrl });
    await later.connect();
    await later.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', repeat('a', 64), '29991231000000_later')`,
    );
    await later.end();
    await backup(target, { file: folder('later.tar'), telemetry: false });
    await expect(restore(target, { file: folder('later.tar'), force: true })).rejects.toThrow(
      'restore it with that release',
    );
  });
});
