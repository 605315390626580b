import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateKeyPair } from './keys.js';
import type { AgentReport } from './status/report.js';
import { readStatus } from './status/status-socket.js';
import { formatReport } from './status/table.js';
import { freePort, until } from './testing/on-loopback.js';

const RUN_AGENT = fileURLToPath(new URL('./testing/run-agent.mjs', import.meta.url));
const KEYS = { a: generateKeyPair(), b: generateKeyPair() };

const PAIRS = [
  { a: 'addon', b: 'addon' },
  { a: 'fallback', b: 'fallback' },
  { a: 'addon', b: 'fallback' },
] as const;

describe.each(PAIRS)('two agents, each a process with a static file: $a and $b', (implementations) => {
  let folder: string;
  let server: Server;
  let forwardPort: number;
  let metricsPort: number;
  let ports: { a: number; b: number };
  const agents = new Map<string, ChildProcess>();
  const logs = { a: '', b: '' };

  const socketOf = (name: string): string => join(folder, `${name}.sock`);

  async function start(name: 'a' | 'b'): Promise<ChildProcess> {
    const metrics = name === 'a' ? ['--metrics-listen', String(metricsPort)] : [];
    const agent = spawn(
      process.execPath,
      [RUN_AGENT, join(folder, `${name}.json`), socketOf(name), ...metrics],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, LONGHAUL_NATIVE: implementations[name] },
      },
    );
    logs[name] = '';
    agent.stdout.on('data', (text: Buffer) => (logs[name] += text.toString()));
    agents.set(name, agent);
    await until(async () => (await tunnelState(name)) !== undefined);
    return agent;
  }

  async function report(name: string): Promise<AgentReport | undefined> {
    return readStatus(socketOf(name)).catch(() => undefined);
  }

  async function metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  }

  async function tunnelState(name: string): Promise<string | undefined> {
    return (await report(name))?.tunnels.at(0)?.state;
  }

  /** Up at both. A thread that rehearses answers its peer late, so that the tunnel may go down again. */
  const tunnelLasts = (): Promise<void> =>
    until(async () => {
      const reports = await Promise.all([report('a'), report('b')]);
      return reports.every((each) => each?.rehearsed === true && each.tunnels.at(0)?.state === 'up');
    });

  async function kill(name: string, signal: NodeJS.Signals): Promise<number | null> {
    const agent = agents.get(name);
    agents.delete(name);
    agent?.kill(signal);
    const [code] = agent === undefined ? [null] : ((await once(agent, 'exit')) as [number | null]);
    return code;
  }

  async function configure(): Promise<void> {
    const { port } = server.address() as AddressInfo;
    const endpoint = (peer: 'a' | 'b'): string => `localhost:${ports[peer]}`;
    const common = (name: 'a' | 'b', peer: 'a' | 'b'): object => ({
      name,
      privateKey: KEYS[name].privateKey,
      listen: { address: '127.0.0.1', port: ports[name] },
      peers: [{ name: peer, publicKey: KEYS[peer].publicKey, endpoints: [endpoint(peer)] }],
    });
    const forward = { listen: `127.0.0.1:${forwardPort}`, peer: 'b', target: `127.0.0.1:${port}` };
    const allow = [{ peer: 'a', prefixes: ['127.0.0.1/32'], ports: [port] }];
    await writeFile(
      join(folder, 'a.json'),
      JSON.stringify({ ...common('a', 'b'), forwards: [{ ...forward, whenPeerDown: 'refuse' }] }),
    );
    await writeFile(join(folder, 'b.json'), JSON.stringify({ ...common('b', 'a'), allow }));
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longhaul-agents-'));
    server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    forwardPort = await freePort('tcp');
    metricsPort = await freePort('tcp');
    ports = { a: await freePort('udp'), b: await freePort('udp') };
    await configure();
    await Promise.all([start('a'), start('b')]);
    await until(async () => (await tunnelState('a')) === 'up' && (await tunnelState('b')) === 'up');
  });

  afterEach(async () => {
    for (const name of [...agents.keys()]) await kill(name, 'SIGKILL');
    server.close();
    await rm(folder, { recursive: true });
  });

  it('carry bytes exactly, and tell of it', async () => {
    await tunnelLasts();
    server.on('connection', (socket: Socket) => socket.pipe(socket));
    const data = randomBytes(4_000_000);
    const client = connect(forwardPort, '127.0.0.1');
    const hash = createHash('sha256');
    client.on('data', (part) => hash.update(part));
    client.end(data);
    await once(client, 'end');
    expect(hash.digest('hex')).toBe(createHash('sha256').update(data).digest('hex'));
    await until(async () => (await report('a'))?.tunnels[0].bytesReceived === data.length);
    const status = await report('a');
    expect(status?.tunnels[0]).toMatchObject({ peerName: 'b', state: 'up', bytesSent: data.length });
    expect(status === undefined ? '' : formatReport(status)).toMatch(/^b +up +[\d.]+ > [\d.]+/m);
    await until(async () =>
      (await metrics()).includes('longhaul_flows_ended_total{handling="accelerated",ended="closed"} 1'),
    );
    const lines = (await metrics()).split('\n');
    expect(lines).toContain(`longhaul_tunnel_sent_bytes_total{peer="b"} ${data.length}`);
    expect(lines).toContain('longhaul_tunnel_up{peer="b"} 1');
    for (const name of [
      'longhaul_tunnel_rtt_seconds{peer="b"}',
      'longhaul_udp_packets_sent_total',
      'process_cpu_seconds_total',
    ])
      expect(lines.find((line) => line.startsWith(`${name} `))).toMatch(/ [\d.e+-]+$/);
    // An agent without a controller has no telemetry to deliver.
    expect(lines.some((line) => line.startsWith('longhaul_telemetry_buffered_batches '))).toBe(false);
  });

  it('say once what is lost where the addon is not in use', async () => {
    for (const name of ['a', 'b'] as const) {
      const wanted = implementations[name] === 'fallback' ? 1 : 0;
      await until(() => logs[name].includes('agent runs'));
      expect(logs[name].split('the native addon is not in use')).toHaveLength(1 + wanted);
    }
  });

  // What follows is the same whatever carries the bytes.
  if (implementations !== PAIRS[0]) return;

  it('a peer that is killed: its connections end by a reset, and it carries new ones when it is back', async () => {
    await tunnelLasts();
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    const client = connect(forwardPort, '127.0.0.1');
    const ended = new Promise((resolve) => {
      client.on('error', (error: NodeJS.ErrnoException) => {
        resolve(error.code);
      });
    });
    const data = randomBytes(1_000_000);
    const writing = setInterval(() => client.write(data), 10);
    await once(client, 'data');
    client.resume();
    await kill('b', 'SIGKILL');
    await until(async () => (await tunnelState('a')) === 'down');
    await start('b');
    expect(await ended).toBe('ECONNRESET');
    clearInterval(writing);
    await tunnelLasts();
    const again = connect(forwardPort, '127.0.0.1');
    again.end('once more');
    const [echo] = (await once(again, 'data')) as [Buffer];
    expect(echo.toString()).toBe('once more');
  });

  it('stop when they are told to, leave nothing, and tell the peer at once', async () => {
    expect(await kill('b', 'SIGTERM')).toBe(0);
    await until(async () => (await tunnelState('a')) !== 'up');
    expect(await report('b')).toBeUndefined();
    expect(await kill('a', 'SIGINT')).toBe(0);
  });

  it('a second agent of the same place is refused, and the first goes on', async () => {
    const second = spawn(process.execPath, [RUN_AGENT, join(folder, 'a.json'), socketOf('a')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    second.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    const [code] = (await once(second, 'exit')) as [number];
    expect(code).not.toBe(0);
    expect(errors).toContain('an agent already runs here');
    await until(async () => (await tunnelState('a')) === 'up');
  });
});
