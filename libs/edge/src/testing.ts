import { createHash, randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { DataPlane, type DataPlaneEvents } from './data-plane.js';
import { generateKeyPair } from './key-pair.js';
import type { FlowRecord } from './connection/flow.js';
import type { AllowRule, DataPlaneState, ForwardState, Treatment } from './policy/state.js';

/** What the specs of this package share: two data planes on loopback, and applications around them. */

/** Each data plane's memory budget. */
export const MEMORY_BYTES = 268_435_456;

export function freeTcpPort(): Promise<number> {
  return freePort((port) => createServer().listen(port, '127.0.0.1'));
}

export function freeUdpPort(): Promise<number> {
  return freePort((port) => createSocket('udp4').bind(port, '127.0.0.1'));
}

/** Drawn below the ports that a system gives to whoever asks for any (Linux from 32,768), so that nobody gets it meanwhile. */
async function freePort(take: (port: number) => Server | DatagramSocket): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    const socket = take(port);
    try {
      await once(socket, 'listening');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue;
      throw error;
    }
    socket.close();
    await once(socket, 'close');
    return port;
  }
}

/** A data plane with a name, that remembers what it was told. */
export class TestAgent {
  readonly keys = generateKeyPair();
  readonly up = new Set<string>();
  /** How often a tunnel went down. */
  downs = 0;
  readonly ended: FlowRecord[] = [];
  readonly plane: DataPlane;

  constructor(
    readonly name: string,
    readonly port: number,
  ) {
    const events: DataPlaneEvents = {
      tunnelUp: (peerId) => this.up.add(peerId),
      tunnelDown: (peerId) => {
        this.up.delete(peerId);
        this.downs++;
      },
    };
    this.plane = new DataPlane({ memoryBytes: MEMORY_BYTES }, events);
  }

  state(peers: readonly TestAgent[], rest: Partial<DataPlaneState> = {}): DataPlaneState {
    return {
      privateKey: this.keys.privateKey,
      tunnel: { address: '127.0.0.1', port: this.port },
      peers: peers.map((peer) => ({
        id: peer.name,
        publicKey: peer.keys.publicKey,
        endpoints: [{ address: '127.0.0.1', port: peer.port }],
        profile: 'lossy',
        cipherSuite: 'aes-128-gcm',
        maxUdpPayload: 1472,
      })),
      rules: [],
      forwards: [],
      allow: [],
      intercept: false,
      management: [],
      ...rest,
    };
  }

  /** The record of the next flow that ends. */
  async endedFlow(): Promise<FlowRecord> {
    await until(() => {
      this.ended.push(...this.plane.takeEndedFlows());
      return this.ended.length > 0;
    });
    const record = this.ended.shift();
    if (record === undefined) throw new Error('no flow has ended');
    return record;
  }
}

export const BULK: Omit<Treatment, 'peerId'> = {
  class: 'bulk',
  weight: 1,
  compression: 'auto',
  whenPeerDown: 'refuse',
};

export const ANYWHERE_ON_LOOPBACK: Omit<AllowRule, 'peerId'> = {
  prefixes: ['127.0.0.0/8', '::1'],
  ports: [{ from: 1, to: 65_535 }],
};

/** Two agents with a tunnel between them, and a forward from the near one to whatever the test wants. */
export class TestPair {
  private constructor(
    readonly near: TestAgent,
    readonly far: TestAgent,
    readonly forward: ForwardState,
  ) {}

  static async start(targetPort: number, treatment: Partial<Treatment> = {}): Promise<TestPair> {
    const near = new TestAgent('near', await freeUdpPort());
    const far = new TestAgent('far', await freeUdpPort());
    const pair = new TestPair(near, far, {
      id: 'forward-1',
      listen: { address: '127.0.0.1', port: await freeTcpPort() },
      target: { address: '127.0.0.1', port: targetPort },
      treatment: { ...BULK, peerId: 'far', ...treatment },
    });
    near.plane.apply(near.state([far], { forwards: [pair.forward] }));
    far.plane.apply(far.state([near], { allow: [{ ...ANYWHERE_ON_LOOPBACK, peerId: 'near' }] }));
    await until(() => near.up.has('far') && far.up.has('near'));
    return pair;
  }

  /** A new application connection that goes through the tunnel. */
  connect(): Socket {
    const socket = connect({ host: '127.0.0.1', port: this.forward.listen.port, allowHalfOpen: true });
    return socket.on('error', () => undefined);
  }

  stop(): void {
    this.near.plane.close();
    this.far.plane.close();
  }
}

/** A server of the test's on loopback. */
export class TestServer {
  /** Connections that came in and that no test has asked for. */
  readonly sockets: Socket[] = [];
  private readonly all = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.sockets.push(socket);
      this.all.add(socket);
      socket.on('error', () => undefined);
    });
  }

  static async start(onConnection: (socket: Socket) => void = () => undefined): Promise<TestServer> {
    const server = createServer({ allowHalfOpen: true });
    const started = new TestServer(server);
    server.on('connection', onConnection);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return started;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The next connection that has come in, or comes. */
  async accepted(): Promise<Socket> {
    await until(() => this.sockets.length > 0);
    const socket = this.sockets.shift();
    if (socket === undefined) throw new Error('no connection came');
    return socket;
  }

  async stop(): Promise<void> {
    for (const socket of this.all) socket.destroy();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }
}

/** Waits until `condition` holds; a test that waits in vain fails by its own time limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

export interface Received {
  readonly bytes: number;
  readonly sha256: string;
}

/** Reads to the end. Rejects when the connection is reset. */
export function readAll(socket: Socket): Promise<Received> {
  const hash = createHash('sha256');
  let bytes = 0;
  socket.resume();
  return new Promise((resolve, reject) => {
    socket.on('data', (data) => {
      bytes += data.length;
      hash.update(data);
    });
    socket.on('end', () => {
      resolve({ bytes, sha256: hash.digest('hex') });
    });
    socket.on('error', reject);
  });
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** How a connection that is broken ends, for example ECONNRESET. */
export function errorCode(socket: Socket): Promise<string | undefined> {
  socket.resume();
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code);
    });
    socket.on('close', () => {
      resolve(undefined);
    });
  });
}

/** Without progress for so long a writer counts as stalled, */
const STALLED_MS = 500;
/** which is looked at so often: when this process has not run for long, what was taken meanwhile is seen before the next look. */
const LOOKS = 10;

/** Writes random bytes until no more are taken; gives how many were, and are on their way. */
export function writeUntilStalled(socket: Socket): Promise<number> {
  const data = randomBytes(65_536);
  return new Promise((resolve) => {
    let bytes = 0;
    let quietLooks = 0;
    const looking = setInterval(() => {
      quietLooks++;
      if (quietLooks < LOOKS) return;
      clearInterval(looking);
      resolve(bytes);
    }, STALLED_MS / LOOKS);
    const next = (): void => {
      socket.write(data, () => {
        if (quietLooks === LOOKS) return;
        quietLooks = 0;
        bytes += data.length;
        next();
      });
    };
    next();
  });
}
