import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { features } from '@longhaul/native';
import { generateKeyPair } from './keys.js';
import type { AgentReport } from './status/report.js';
import { readStatus } from './status/status-socket.js';
import { freePort, until } from './testing/on-loopback.js';

const RUN_AGENT = fileURLToPath(new URL('./testing/run-agent.mjs', import.meta.url));
const SITES = ['site-1', 'site-2', 'site-3'] as const;
/** Behind a NAT: only it opens the tunnel, through {@link Nat}. */
const ROAMER = 'site-3';
const NAMES = ['hub', ...SITES] as const;
const BYTES = 2_000_000;

type Name = (typeof NAMES)[number];

/** Carries datagrams between one agent and the hub, which sees them come from a port of the NAT's. */
class Nat {
  private readonly inside = createSocket('udp4');
  private outside: DatagramSocket | undefined;
  private agent: RemoteInfo | undefined;

  constructor(private readonly hubPort: number) {
    this.inside.on('message', (datagram, source) => {
      this.agent = source;
      this.outside?.send(datagram, this.hubPort, '127.0.0.1');
    });
  }

  /** The port that the agent sends to. */
  async start(): Promise<number> {
    this.inside.bind(0, '127.0.0.1');
    await once(this.inside, 'listening');
    await this.rebind();
    return this.inside.address().port;
  }

  /** The hub sees another port from now on. */
  async rebind(): Promise<void> {
    const next = createSocket('udp4').bind(0, '127.0.0.1');
    await once(next, 'listening');
    next.on('message', (datagram) => {
      if (this.agent !== undefined) this.inside.send(datagram, this.agent.port, '127.0.0.1');
    });
    this.outside?.close();
    this.outside = next;
  }

  stop(): void {
    this.inside.close();
    this.outside?.close();
  }
}

(features.steering ? describe : describe.skip)('a hub of two data-plane workers with three sites', () => {
  const keys = new Map(NAMES.map((name) => [name, generateKeyPair()]));
  const agents = new Map<Name, ChildProcess>();
  const udpPorts = new Map<Name, number>();
  /** Where the hub forwards to a site's server, and a site to the hub's. */
  const toSite = new Map<Name, number>();
  const toHub = new Map<Name, number>();
  let folder: string;
  let server: Server;
  let nat: Nat;

  const socketOf = (name: Name): string => join(folder, `${name}.sock`);
  const report = (name: Name): Promise<AgentReport> => readStatus(socketOf(name));

  async function start(name: Name): Promise<void> {
    const agent = spawn(process.execPath, [RUN_AGENT, join(folder, `${name}.json`), socketOf(name)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    agents.set(name, agent);
    await until(
      async () =>
        agent.exitCode === null &&
        (await report(name).then(
          () => true,
          () => false,
        )),
    );
  }

  async function kill(name: Name): Promise<void> {
    const agent = agents.get(name);
    agents.delete(name);
    if (agent === undefined) return;
    agent.kill('SIGKILL');
    await once(agent, 'exit');
  }

  /** A thread that rehearses answers its peers late, so that they may refuse connections for a moment. */
  async function upAt(name: Name): Promise<number> {
    const { tunnels, rehearsed } = await report(name).catch(() => ({ tunnels: [], rehearsed: false }));
    return rehearsed ? tunnels.filter(({ state }) => state === 'up').length : 0;
  }

  const allUp = (): Promise<void> =>
    until(async () => {
      const counts = await Promise.all(NAMES.map(upAt));
      return counts.join() === '3,1,1,1';
    });

  async function configure(): Promise<void> {
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ports = [(server.address() as AddressInfo).port];
    const endpoint = (name: Name, port = udpPorts.get(name)): string[] =>
      port === undefined ? [] : [`127.0.0.1:${port}`];
    const hubThroughNat = await nat.start();
    const config = (name: Name, peers: readonly Name[], forwards: ReadonlyMap<Name, number>): object => ({
      name,
      privateKey: keys.get(name)?.privateKey,
      listen: { address: '127.0.0.1', port: udpPorts.get(name) },
      memoryMiB: 256,
      dataPlaneWorkers: name === 'hub' ? 2 : 1,
      peers: peers.map((peer) => ({
        name: peer,
        publicKey: keys.get(peer)?.publicKey,
        endpoints: peer === ROAMER ? [] : endpoint(peer, name === ROAMER ? hubThroughNat : undefined),
      })),
      forwards: peers.map((peer) => ({
        listen: `127.0.0.1:${forwards.get(peer) ?? forwards.get(name)}`,
        peer,
        target,
        whenPeerDown: 'refuse',
      })),
      allow: peers.map((peer) => ({ peer, prefixes: ['127.0.0.1/32'], ports })),
    });
    const files = new Map<Name, object>([['hub', config('hub', SITES, toSite)]]);
    for (const name of SITES) files.set(name, config(name, ['hub'], new Map([[name, toHub.get(name) ?? 0]])));
    for (const [name, file] of files) await writeFile(join(folder, `${name}.json`), JSON.stringify(file));
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longhaul-workers-'));
    server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    for (const name of NAMES) udpPorts.set(name, await freePort('udp'));
    for (const name of SITES) {
      toSite.set(name, await freePort('tcp'));
      toHub.set(name, await freePort('tcp'));
    }
    nat = new Nat(udpPorts.get('hub') ?? 0);
    await configure();
    await Promise.all(NAMES.map(start));
    await allUp();
  });

  afterAll(async () => {
    for (const name of [...agents.keys()]) await kill(name);
    server.close();
    nat.stop();
    await rm(folder, { recursive: true });
  });

  /** Sends random bytes through a forward to the server, which sends them back; whether they come back as they went. */
  async function echo(port: number | undefined, whileFlowing?: () => Promise<void>): Promise<boolean> {
    const data = randomBytes(BYTES);
    const client = connect(port ?? 0, '127.0.0.1');
    const hash = createHash('sha256');
    client.on('data', (part) => hash.update(part));
    if (whileFlowing === undefined) {
      client.end(data);
    } else {
      client.write(data.subarray(0, BYTES / 2));
      await once(client, 'data');
      await whileFlowing();
      client.end(data.subarray(BYTES / 2));
    }
    await once(client, 'end');
    return hash.digest('hex') === createHash('sha256').update(data).digest('hex');
  }

  const everyWay = (): Promise<boolean[]> =>
    Promise.all(SITES.flatMap((name) => [echo(toSite.get(name)), echo(toHub.get(name))]));
  const EVERY_WAY_WORKS = SITES.flatMap(() => [true, true]);

  test('every tunnel carries every byte, both ways at once, and no datagram comes to the wrong worker', async () => {
    expect(await everyWay()).toEqual(EVERY_WAY_WORKS);
    // What a report tells is as old as the last snapshot.
    await until(async () => (await report('hub')).udp.packetsReceived > 1000);
    const { dataPlaneWorkers, tunnels, udp } = await report('hub');
    expect(dataPlaneWorkers).toBe(2);
    expect(tunnels.map(({ peerName }) => peerName)).toEqual([...SITES]);
    expect(udp).toMatchObject({ misdirected: 0, sendErrors: 0 });
    expect((await report('site-1')).dataPlaneWorkers).toBe(1);
  });

  test('a site whose NAT rebinds is followed in the midst of a connection', async () => {
    const before = await report('hub');
    expect(await echo(toHub.get(ROAMER), () => nat.rebind())).toBe(true);
    expect(await echo(toSite.get(ROAMER), () => nat.rebind())).toBe(true);
    const { udp, tunnels } = await report('hub');
    expect(udp.misdirected).toBe(0);
    expect(tunnels.map(({ state }) => state)).toEqual(before.tunnels.map(() => 'up'));
  });

  test.each(NAMES)('%s is killed and comes back: all tunnels carry again', async (name) => {
    await kill(name);
    await start(name);
    await until(async () => (await everyWay().catch(() => [])).join() === EVERY_WAY_WORKS.join());
    await allUp();
  });
});
