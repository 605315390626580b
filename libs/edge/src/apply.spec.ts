import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { PeerOptions } from '@longhaul/tunnel';
import { StateError, type DataPlaneState } from './policy/state.js';
import {
  ANYWHERE_ON_LOOPBACK,
  errorCode,
  freeTcpPort,
  freeUdpPort,
  readAll,
  TestPair,
  TestServer,
  until,
  type TestAgent,
} from './testing.js';
import { generateKeyPair } from './key-pair.js';

/** A connection to a server that sends everything back, on which bytes go all the time. */
class Flowing {
  private sent = 0;
  private received = 0;
  private intact = true;
  private over = false;

  constructor(private readonly socket: Socket) {
    socket.on('data', (data) => {
      for (const byte of data) this.intact &&= byte === this.received++ % 251;
    });
    this.write();
  }

  private write(): void {
    if (this.over) return;
    const data = Buffer.from(Array.from({ length: 10_000 }, (_, i) => (this.sent + i) % 251));
    this.sent += data.length;
    this.socket.write(data, () => setTimeout(() => this.write(), 1));
  }

  /** Waits until what is sent from now on has come back too. */
  async on(): Promise<void> {
    const goal = this.sent + 200_000;
    await until(() => this.received >= goal);
  }

  /** Whether all came back as it was sent. */
  async end(): Promise<boolean> {
    this.over = true;
    await until(() => this.received === this.sent);
    this.socket.end();
    return this.intact;
  }
}

describe('a state is put in force as a whole or not at all', () => {
  let server: TestServer;
  let pair: TestPair;

  beforeEach(async () => {
    server = await TestServer.start((socket) => socket.pipe(socket));
    pair = await TestPair.start(server.port);
  });

  afterEach(async () => {
    pair.stop();
    await server.stop();
  });

  async function forwardWorks(): Promise<boolean> {
    const client = pair.connect();
    client.end('ping');
    return (await readAll(client)).bytes === 4;
  }

  it('a forward whose port is taken leaves the old state, and names port and forward', async () => {
    const occupier = createServer().listen(0, '127.0.0.1');
    await once(occupier, 'listening');
    const { port } = occupier.address() as AddressInfo;
    const free = await freeTcpPort();
    const { forward, near, far } = pair;
    const forwards = [
      { ...forward, id: 'new', listen: { address: '127.0.0.1', port: free } },
      { ...forward, id: 'taken', listen: { address: '127.0.0.1', port } },
    ];
    const apply = (): void => {
      near.plane.apply(near.state([far], { forwards }));
    };
    expect(apply).toThrow(new RegExp(`forward taken: cannot listen on 127.0.0.1:${port}.*in use`));
    expect(await errorCode(connect(free, '127.0.0.1'))).toBe('ECONNREFUSED');
    expect(await forwardWorks()).toBe(true);
    occupier.close();
  });

  it('a state that contradicts itself is refused with everything that is wrong', async () => {
    const { forward, near, far } = pair;
    const wrong = near.state([far, far], {
      forwards: [forward, { ...forward, treatment: { ...forward.treatment, peerId: 'nobody', weight: 0 } }],
      allow: [{ peerId: 'far', prefixes: ['10.0.0.0/33'], ports: [{ from: 9, to: 8 }] }],
    });
    let error: unknown;
    try {
      near.plane.apply(wrong);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(StateError);
    expect((error as StateError).problems).toEqual([
      'peer far is there twice',
      expect.stringMatching(/^public key .* is there twice$/),
      expect.stringMatching(/^forward from 127.0.0.1:\d+ is there twice$/),
      'forward forward-1: there is no peer nobody',
      'forward forward-1: the weight must be 1 to 100',
      'allow rule 1: 10.0.0.0/33 is not a prefix',
      'allow rule 1: 9-8 is not a range of ports',
    ]);
    expect(await forwardWorks()).toBe(true);
  });

  it('a forward that is gone is not listened on any more, one that changed takes the new target', async () => {
    const second = await TestServer.start((socket) => socket.end('second'));
    const { forward, near, far } = pair;
    const target = { address: '127.0.0.1', port: second.port };
    near.plane.apply(near.state([far], { forwards: [{ ...forward, target }] }));
    expect((await readAll(pair.connect())).bytes).toBe('second'.length);
    near.plane.apply(near.state([far]));
    expect(await errorCode(pair.connect())).toBe('ECONNREFUSED');
    await second.stop();
  });

  it('a tunnel port that changes keeps the tunnel and its connections', async () => {
    const client = pair.connect();
    client.write('a');
    const [first] = (await once(client, 'data')) as [Buffer];
    const { forward, near, far } = pair;
    const tunnel = { address: '127.0.0.1', port: await freeUdpPort() };
    near.plane.apply(near.state([far], { forwards: [forward], tunnel }));
    expect(near.plane.statistics().tunnelPort).toBe(tunnel.port);
    client.end('b');
    expect(first.toString() + String((await readAll(client)).bytes)).toBe('a1');
    expect(await forwardWorks()).toBe(true);
  });

  it('a peer that is gone takes its connections with it; one that comes back is a new one', async () => {
    const client = pair.connect();
    client.write('a');
    await once(client, 'data');
    const ended = errorCode(client);
    const { near, far } = pair;
    near.plane.apply(near.state([]));
    expect(await ended).toBe('ECONNRESET');
    expect(near.plane.statistics().links).toEqual([]);
    await until(() => !near.up.has('far') && !far.up.has('near'));
    near.plane.apply(near.state([far], { forwards: [pair.forward] }));
    await until(() => near.up.has('far') && far.up.has('near'));
    expect(await forwardWorks()).toBe(true);
  });

  it('keys that change at both sides under traffic break no connection, and only the new ones are good', async () => {
    const { near, far, forward } = pair;
    const client = pair.connect();
    const flowing = new Flowing(client);
    const next = { near: generateKeyPair(), far: generateKeyPair() };
    const allow = [{ ...ANYWHERE_ON_LOOPBACK, peerId: 'near' }];
    const apply = (agent: TestAgent, change: Partial<DataPlaneState>, peer: Partial<PeerOptions>): void => {
      const state =
        agent === near ? near.state([far], { forwards: [forward] }) : far.state([near], { allow });
      agent.plane.apply({ ...state, ...change, peers: state.peers.map((each) => ({ ...each, ...peer })) });
    };
    const oldKeys = (agent: TestAgent) => ({ previousPrivateKey: agent.keys.privateKey });
    // Announced, taken, known to everybody: as a controller brings it about, with both agents at the same time.
    apply(far, {}, { nextPublicKey: next.near.publicKey });
    apply(near, {}, { nextPublicKey: next.far.publicKey });
    await flowing.on();
    apply(
      near,
      { privateKey: next.near.privateKey, ...oldKeys(near) },
      { nextPublicKey: next.far.publicKey },
    );
    apply(far, { privateKey: next.far.privateKey, ...oldKeys(far) }, { nextPublicKey: next.near.publicKey });
    await flowing.on();
    apply(far, { privateKey: next.far.privateKey }, { publicKey: next.near.publicKey });
    apply(near, { privateKey: next.near.privateKey }, { publicKey: next.far.publicKey });
    await flowing.on();
    // Begins a session anew: only the new keys can.
    apply(near, { privateKey: next.near.privateKey }, { publicKey: next.far.publicKey, maxUdpPayload: 1400 });
    await flowing.on();
    expect(await flowing.end()).toBe(true);
    expect([...near.up, ...far.up]).toEqual(['far', 'near']);
    expect(near.downs + far.downs).toBe(0);
    expect(await forwardWorks()).toBe(true);
  });
});
