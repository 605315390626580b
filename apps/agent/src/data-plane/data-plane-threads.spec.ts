import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Worker } from 'node:worker_threads';
import { features } from '@longhaul/native';
import type { DataPlaneState } from '@longhaul/edge';
import { generateKeyPair } from '../keys.js';
import { freePort, until } from '../testing/on-loopback.js';
import { DataPlaneThreads } from './data-plane-threads.js';
import type { DataPlaneSnapshot, HandoverPlace } from './messages.js';

/** A hub of two workers and two sites of one, in this process; the site `b` is at the hub's first worker, `c` at its second. */

const MEMORY_BYTES = 256 * 2 ** 20;
const ANY_PORT = [{ from: 1, to: 65_535 }];

type Name = 'hub' | 'b' | 'c';

const keys = new Map((['hub', 'b', 'c'] as const).map((name) => [name, generateKeyPair()]));
const base64 = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64');

/** Answers each connection with its name, once it has heard something. */
async function startServer(name: string): Promise<Server> {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(name));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** What the server behind a forward says, or how the connection fails. */
function ask(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.write('?');
  return new Promise((resolve) => {
    socket.on('data', (data) => (text += data.toString()));
    socket.on('end', () => {
      resolve(text);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
  });
}

class Plane {
  readonly up = new Set<string>();
  readonly snapshots: DataPlaneSnapshot[] = [];
  readonly failures: Error[] = [];
  readonly threads: DataPlaneThreads;
  port = 0;

  constructor(
    readonly name: Name,
    workers: number,
    handover?: HandoverPlace,
  ) {
    this.threads = new DataPlaneThreads(
      { workers, memoryBytes: MEMORY_BYTES, tableName: `longhaul_spec_${name}`, handover },
      {
        snapshot: (snapshot) => this.snapshots.push(snapshot),
        tunnelUp: (peerId) => this.up.add(peerId),
        tunnelDown: (peerId) => this.up.delete(peerId),
        interceptionLost: () => undefined,
        failed: (error) => this.failures.push(error),
      },
    );
  }

  state(peers: readonly Plane[], rest: Partial<DataPlaneState> = {}): DataPlaneState {
    return {
      privateKey: base64(keys.get(this.name)?.privateKey),
      tunnel: { address: '127.0.0.1', port: 0 },
      peers: peers.map(({ name, port }) => ({
        id: name,
        publicKey: base64(keys.get(name)?.publicKey),
        endpoints: port === 0 ? [] : [{ address: '127.0.0.1', port }],
        profile: 'lossy',
        cipherSuite: 'aes-128-gcm',
        maxUdpPayload: 1472,
      })),
      rules: [],
      forwards: [],
      allow: peers.map(({ name }) => ({ peerId: name, prefixes: ['127.0.0.1/32'], ports: ANY_PORT })),
      intercept: false,
      management: [],
      ...rest,
    };
  }

  async apply(state: DataPlaneState): Promise<void> {
    await this.threads.apply(state);
    await until(() => (this.port = this.snapshots.at(-1)?.statistics.tunnelPort ?? 0) > 0);
  }
}

/** The thread itself, for what the agent would not do to it. */
function worker({ threads }: Plane, index: number): Worker {
  const thread = (Reflect.get(threads, 'threads') as readonly object[])[index];
  return Reflect.get(thread, 'worker') as Worker;
}

(features.steering ? describe : describe.skip)('a state is one for all workers', () => {
  let hub: Plane;
  let b: Plane;
  let c: Plane;
  const servers = new Map<string, Server>();

  beforeAll(async () => {
    for (const name of ['b', 'c']) servers.set(name, await startServer(name));
    hub = new Plane('hub', 2);
    b = new Plane('b', 1);
    c = new Plane('c', 1);
    await hub.apply(hub.state([b, c]));
    await Promise.all([b.apply(b.state([hub])), c.apply(c.state([hub]))]);
    // A thread that rehearses answers its peers late, so that a tunnel may go down again.
    const rehearsed = (): boolean => [hub, b, c].every(({ threads }) => threads.rehearsed);
    await until(() => rehearsed() && hub.up.size === 2 && b.up.size === 1 && c.up.size === 1);
  });

  afterAll(async () => {
    await Promise.all([hub, b, c].map(({ threads }) => threads.close()));
    expect([hub, b, c].flatMap(({ failures }) => failures)).toEqual([]);
    for (const server of servers.values()) server.close();
  });

  /** The server of a site by the tunnel to that site. */
  function forward(listenPort: number, peerId: 'b' | 'c'): DataPlaneState['forwards'][number] {
    const server = servers.get(peerId);
    return {
      id: `to ${peerId} from ${listenPort}`,
      listen: { address: '127.0.0.1', port: listenPort },
      target: { address: '127.0.0.1', port: server === undefined ? 0 : portOf(server) },
      treatment: { peerId, class: 'bulk', weight: 1, compression: 'auto', whenPeerDown: 'refuse' },
    };
  }

  const applyForwards = (...forwards: DataPlaneState['forwards'][number][]): Promise<void> =>
    hub.apply(hub.state([b, c], { forwards }));

  test('each peer is served by its worker', async () => {
    const [first, second] = [await freePort('tcp'), await freePort('tcp')];
    await applyForwards(forward(first, 'b'), forward(second, 'c'));
    expect([await ask(first), await ask(second)]).toEqual(['b', 'c']);
    const ended = (): string[] =>
      hub.snapshots.flatMap(({ endedFlows }) => endedFlows.map(({ peerId }) => String(peerId)));
    await until(() => ended().length >= 2);
    const { statistics } = hub.snapshots[hub.snapshots.length - 1];
    expect(statistics.links.map(({ peerId }) => peerId)).toEqual(['b', 'c']);
    expect(statistics.udp).toMatchObject({ misdirected: 0, sendErrors: 0 });
    expect(ended().sort()).toEqual(['b', 'c']);
  });

  test('a rate limit holds the connections of all workers together', async () => {
    const bytesPerMs = 1000;
    let [received, excess, sinceMs] = [0, -Infinity, 0];
    const sink = createServer((socket) => {
      socket.on('data', (data) => {
        received += data.length;
        excess = Math.max(excess, received - (performance.now() - sinceMs) * bytesPerMs);
      });
      socket.on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(sink, 'listening');
    const ports = [await freePort('tcp'), await freePort('tcp')];
    const limited = (port: number, peer: 'b' | 'c') => {
      const { treatment, ...rest } = forward(port, peer);
      const limit = { rateLimitMbps: (bytesPerMs * 8) / 1000, limitGroup: 'both' };
      return {
        ...rest,
        target: { address: '127.0.0.1', port: portOf(sink) },
        treatment: { ...treatment, ...limit },
      };
    };
    await applyForwards(limited(ports[0], 'b'), limited(ports[1], 'c'));
    const clients = ports.map((port) => connect(port, '127.0.0.1').on('error', () => undefined));
    const contents = clients.map(() => randomBytes(2_000_000));
    sinceMs = performance.now();
    clients.forEach((client, index) => client.write(contents[index]));
    await until(() => received > 1_500_000);
    for (const client of clients) client.destroy();
    sink.close();
    // Some bursts of 20 ms; two limits would let through 750,000 bytes more.
    expect(excess).toBeLessThan(300_000);
  });

  test.each(['b', 'c'] as const)(
    'a port that is taken, of a forward to %s, leaves the old state at both',
    async (taken) => {
      const [kept, added] = [await freePort('tcp'), await freePort('tcp')];
      await applyForwards(forward(kept, 'b'));
      const occupied = portOf(servers.get('b') ?? (await startServer('')));
      const other = taken === 'b' ? 'c' : 'b';
      const applied = applyForwards(forward(added, other), forward(occupied, taken));
      await expect(applied).rejects.toThrow(`forward to ${taken} from ${occupied}: cannot listen on`);
      expect([await ask(kept), await ask(added)]).toEqual(['b', 'ECONNREFUSED']);
    },
  );

  test('a forward moves between peers of different workers, and is never refused', async () => {
    const port = await freePort('tcp');
    await applyForwards(forward(port, 'b'));
    const answers: string[] = [];
    let moved = false;
    const asking = (async () => {
      while (!moved) answers.push(await ask(port));
    })();
    for (const peer of ['c', 'b', 'c', 'b', 'c'] as const) {
      await applyForwards(forward(port, peer));
      expect(await ask(port)).toBe(peer);
    }
    moved = true;
    await asking;
    expect(answers.filter((answer) => answer === 'ECONNREFUSED')).toEqual([]);
    expect(new Set(answers)).toContain('b');
  });

  test('ports that workers share are not open to another agent', async () => {
    const port = await freePort('tcp');
    await applyForwards(forward(port, 'c'));
    const stranger = new Plane('b', 2);
    const tunnel = { address: '127.0.0.1', port: hub.port };
    await expect(stranger.threads.apply(stranger.state([hub], { tunnel }))).rejects.toThrow(
      /cannot use UDP .*in use/,
    );
    const forwards = [
      { ...forward(port, 'c'), treatment: { ...forward(port, 'c').treatment, peerId: 'hub' } },
    ];
    await expect(stranger.threads.apply(stranger.state([hub], { forwards }))).rejects.toThrow(
      /cannot listen on .*in use/,
    );
    await stranger.threads.close();
  });

  test('a peer that goes away and comes back is found again', async () => {
    await hub.apply(hub.state([c]));
    await until(() => hub.up.size === 1);
    await hub.apply(hub.state([b, c]));
    await until(() => hub.up.size === 2);
    const port = await freePort('tcp');
    await applyForwards(forward(port, 'b'));
    await until(() => b.up.size === 1);
    expect(await ask(port)).toBe('b');
  });

  test('a state that comes while the process takes back what it handed over is the one that stays', async () => {
    const [port, other] = [await freePort('tcp'), await freePort('tcp')];
    const plane = new Plane('b', 1, { half: 0 });
    const forwardsAt = (listenPort: number): DataPlaneState =>
      plane.state([c], { forwards: [forward(listenPort, 'c')], intercept: true });
    await plane.apply(forwardsAt(port));
    await plane.threads.handOver();
    await Promise.all([plane.threads.takeBack(), plane.threads.apply(forwardsAt(other))]);
    const answers = [await ask(port), await ask(other)];
    await plane.threads.close();
    expect(answers[0]).toBe('ECONNREFUSED');
    expect(answers[1]).not.toBe('ECONNREFUSED');
  });

  test('a worker that dies is told of, no state is put in force any more, and the others can be closed', async () => {
    const plane = new Plane('b', 3);
    await plane.apply(plane.state([hub]));
    await worker(plane, 1).terminate();
    await until(() => plane.failures.length > 0);
    expect(plane.failures.map(String)).toEqual(['Error: the data plane ended with code 1']);
    await expect(plane.threads.apply(plane.state([hub]))).rejects.toThrow('the data plane ended with code 1');
    await plane.threads.close();
  });
});
