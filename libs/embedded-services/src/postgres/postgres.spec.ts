import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startPostgres, type RunningPostgres } from './postgres.js';

const query = async <T extends pg.QueryResultRow>(url: string, text: string): Promise<T[]> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
};

const isAlive = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${String(pid)}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
};

describe('the embedded PostgreSQL', () => {
  const root = mkdtempSync(join(tmpdir(), 'longhaul-pg-'));
  chmodSync(root, 0o755);
  const dataDir = join(root, 'postgres');
  let postgres: RunningPostgres;

  beforeAll(async () => {
    postgres = await startPostgres({ dataDir });
  });

  afterAll(async () => {
    await postgres.stop();
    rmSync(root, { recursive: true, force: true });
  });

  it('gives roles that are no superusers and obey row-level security, and keeps passwords to the owner of the files', async () => {
    for (const [url, name] of [
      [postgres.ownerUrl, 'longhaul_owner'],
      [postgres.appUrl, 'longhaul_app'],
      [postgres.workerUrl, 'longhaul_worker'],
    ] as const) {
      const [row] = await query(
        url,
        'SELECT current_user AS name, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user',
      );
      expect(row).toEqual({ name, rolsuper: false, rolbypassrls: false });
    }
    expect(statSync(join(dataDir, 'passwords.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'data')).mode & 0o777).toBe(0o700);
  });

  it('lets nobody in without the password, listens on loopback only, and does not run as root', async () => {
    const url = new URL(postgres.superuserUrl);
    url.password = 'guess';
    await expect(query(url.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    await expect(
      query(
        `postgresql://postgres@localhost/longhaul?host=${postgres.socketDir}&port=${String(postgres.port)}`,
        'SELECT 1',
      ),
    ).rejects.toThrow(/password/);
    expect(await query(postgres.superuserUrl, 'SHOW listen_addresses')).toEqual([
      { listen_addresses: '127.0.0.1' },
    ]);
    expect(statSync(`/proc/${String(postgres.pid)}`).uid).not.toBe(0);
  });

  it('keeps committed rows over kill -9 and restarts on the same port, also while old backends linger', async () => {
    await query(postgres.ownerUrl, 'CREATE TABLE kept AS SELECT 1 AS value');
    const idle = new pg.Client({ connectionString: postgres.appUrl });
    idle.on('error', () => undefined);
    await idle.connect();
    const { port, pid } = postgres;
    await postgres.kill();
    await postgres.restart();
    expect(postgres.port).toBe(port);
    expect(postgres.pid).not.toBe(pid);
    expect(await query(postgres.ownerUrl, 'SELECT value FROM kept')).toEqual([{ value: 1 }]);
    await idle.end().catch(() => undefined);
  });

  it('refuses a taken port in words', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const spare = join(root, 'spare');
    await expect(startPostgres({ dataDir: spare, port })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: expect.stringContaining(String(port)) as string,
    });
    other.close();
  });

  it('starts over a postmaster.pid whose pid belongs to another program', async () => {
    await postgres.kill();
    const pidFile = join(dataDir, 'data', 'postmaster.pid');
    const lines = readFileSync(pidFile, 'utf8').split('\n');
    // A live process of the same user, which PostgreSQL itself would believe to be a server.
    const { uid, gid } = statSync(join(dataDir, 'data'));
    const decoy = spawn('sleep', ['30'], { uid, gid });
    await new Promise((resolve) => decoy.once('spawn', resolve));
    writeFileSync(pidFile, [String(decoy.pid), ...lines.slice(1)].join('\n'));
    postgres = await startPostgres({ dataDir });
    expect(await query(postgres.ownerUrl, 'SELECT value FROM kept')).toEqual([{ value: 1 }]);
    decoy.kill();
  });

  it('ends when its parent is killed with -9', async () => {
    await postgres.stop();
    const script = `
      import { startPostgres } from '@longhaul/embedded-services';
      const running = await startPostgres({ dataDir: ${JSON.stringify(dataDir)} });
      console.log(running.pid);
      setInterval(() => undefined, 1000);`;
    const file = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'orphan-test.mjs');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, script);
    const parent = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = await new Promise<number>((resolve) => {
      parent.stdout.once('data', (data: Buffer) => {
        resolve(Number(data.toString()));
      });
    });
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    for (let i = 0; i < 1000 && isAlive(pid); i += 1) await sleep(50);
    expect(isAlive(pid)).toBe(false);
    rmSync(file);
    postgres = await startPostgres({ dataDir });
  });
});
