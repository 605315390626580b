import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { DataPlaneState } from '@longhaul/edge';
import { pino } from 'pino';
import { generateKeyPair } from './keys.js';
import type { Agent as AgentClass } from './run-agent.js';
import type { ApplyState, WantedState } from './state-source.js';
import { freePort } from './testing/on-loopback.js';
import { OneState } from './testing/one-state.js';

/** An agent whose peer has a name for its address, which is looked up anew while the agent changes. */

const literal = (state: WantedState): DataPlaneState => ({
  ...state,
  peers: state.peers.map((peer) => ({ ...peer, endpoints: [{ address: '127.0.0.1', port: 9 }] })),
});
const lookUp = jest.fn((state: WantedState): Promise<DataPlaneState> => Promise.resolve(literal(state)));
jest.unstable_mockModule('./resolve-endpoints.js', () => ({ resolveEndpoints: lookUp }));

class Source extends OneState {
  apply: ApplyState = () => Promise.reject(new Error('not started'));

  override start(apply: ApplyState): Promise<void> {
    this.apply = apply;
    return super.start(apply);
  }
}

describe('names of peers that are looked up anew', () => {
  let folder: string;
  let agent: AgentClass;
  let source: Source;
  let before: WantedState;
  let ports: { before: number; after: number };
  const keys = [generateKeyPair(), generateKeyPair()].map(({ privateKey, publicKey }) => ({
    privateKey: Buffer.from(privateKey, 'base64'),
    publicKey: Buffer.from(publicKey, 'base64'),
  }));

  const forwardsAt = (port: number): WantedState => ({
    ...before,
    forwards: [
      {
        id: `forward at ${port}`,
        listen: { address: '127.0.0.1', port },
        target: { address: '127.0.0.1', port: 9 },
        treatment: { peerId: 'far', class: 'bulk', weight: 1, compression: 'off', whenPeerDown: 'refuse' },
      },
    ],
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longhaul-renewed-'));
    ports = { before: await freePort('tcp'), after: await freePort('tcp') };
    const peer = { id: 'far', name: 'far', publicKey: keys[1].publicKey, endpoints: ['far.example:9'] };
    before = {
      privateKey: keys[0].privateKey,
      tunnel: { address: '127.0.0.1', port: 0 },
      peers: [{ ...peer, profile: 'fair', cipherSuite: 'aes-128-gcm', maxUdpPayload: 1472 }],
      rules: [],
      forwards: [],
      allow: [],
      intercept: false,
      management: [],
    };
    before = forwardsAt(ports.before);
    source = new Source(before);
    const { Agent } = await import('./run-agent.js');
    agent = await Agent.start({
      name: 'near',
      source,
      log: pino({ level: 'silent' }),
      statusSocket: join(folder, 'near.sock'),
      dataPlaneWorkers: 1,
    });
  });

  afterEach(async () => {
    await agent.stop();
    await rm(folder, { recursive: true });
  });

  /** What a timer has it do once a minute. */
  const renew = (): Promise<void> => (Reflect.get(agent, 'resolveAgain') as () => Promise<void>).call(agent);

  /** The names are known when `after` has begun to be put in force. */
  async function renewWhile(after: WantedState): Promise<PromiseSettledResult<void>> {
    let known: () => void = () => undefined;
    lookUp.mockImplementationOnce(async (state) => {
      await new Promise<void>((resolve) => (known = resolve));
      return literal(state);
    });
    const renewed = renew();
    const applied = source.apply(after);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    known();
    const [outcome] = await Promise.allSettled([applied, renewed]);
    return outcome;
  }

  /** A connection is reset where somebody listens, since the peer is down. */
  const listens = async (port: number): Promise<boolean> => {
    const socket = connect(port, '127.0.0.1');
    const code = await new Promise<string | undefined>((resolve) => {
      socket.on('error', ({ code }: NodeJS.ErrnoException) => {
        resolve(code);
      });
      socket.on('close', () => {
        resolve(undefined);
      });
      socket.resume();
    });
    return code !== 'ECONNREFUSED';
  };

  it('do not bring back the state that has been replaced meanwhile', async () => {
    expect(await renewWhile(forwardsAt(ports.after))).toMatchObject({ status: 'fulfilled' });
    expect(await Promise.all([ports.before, ports.after].map(listens))).toEqual([false, true]);
  });

  it('leave the state as it is when the next one cannot be put in force', async () => {
    const occupied: Server = createServer().listen(ports.after, '127.0.0.1');
    await once(occupied, 'listening');
    expect(await renewWhile(forwardsAt(ports.after))).toMatchObject({ status: 'rejected' });
    expect(await listens(ports.before)).toBe(true);
    occupied.close();
  });

  it('do not have a process listen again whose place another one has taken', async () => {
    await agent.release();
    await agent.stopListening();
    await renew();
    expect(await listens(ports.before)).toBe(false);
  });
});
