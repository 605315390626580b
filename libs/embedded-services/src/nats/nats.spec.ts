import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNats, type RunningNats } from './nats.js';
import { findNatsServer } from './binary.js';

const greeting = (port: number): Promise<Record<string, unknown>> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      resolve(JSON.parse(data.toString().replace(/^INFO /, '')) as Record<string, unknown>);
    });
  });

describe('the embedded nats-server', () => {
  const root = mkdtempSync(join(tmpdir(), 'longhaul-nats-'));
  const config = join(root, 'nats-server.conf');
  let nats: RunningNats;

  beforeAll(async () => {
    writeFileSync(config, `jetstream { store_dir: ${JSON.stringify(join(root, 'store'))} }\n`);
    nats = await startNats({ stateDir: root, config });
  });

  afterAll(async () => {
    await nats.stop();
    rmSync(root, { recursive: true, force: true });
  });

  it('serves on loopback, and comes back on the same port after kill -9', async () => {
    const before = await greeting(nats.port);
    expect(before).toMatchObject({ host: '127.0.0.1', jetstream: true });
    const { port, pid } = nats;
    await nats.kill();
    await expect(greeting(port)).rejects.toThrow(/ECONNREFUSED/);
    await nats.restart();
    expect(nats.port).toBe(port);
    expect(nats.pid).not.toBe(pid);
    expect((await greeting(port))['server_id']).not.toBe(before['server_id']);
    expect(readFileSync(join(root, 'nats-server.pid'), 'utf8').trim()).toBe(String(nats.pid));
  });

  it('refuses a taken port and a broken configuration in words', async () => {
    const other = join(root, 'other');
    await expect(startNats({ stateDir: other, config, port: nats.port })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
    });
    const broken = join(root, 'broken.conf');
    writeFileSync(broken, 'jetstream {');
    await expect(startNats({ stateDir: other, config: broken })).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('nats-server.log ends with:') as string,
    });
  });

  it('takes a program on PATH before it fetches one', async () => {
    const folder = mkdtempSync(join(root, 'bin-'));
    writeFileSync(join(folder, 'nats-server'), '#!/bin/sh\n', { mode: 0o755 });
    expect(await findNatsServer(root, `/nowhere:${folder}`)).toBe(join(folder, 'nats-server'));
  });
});
