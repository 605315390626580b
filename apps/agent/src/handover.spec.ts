import { mkdtemp, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { features } from '@longhaul/native';
import { pino } from 'pino';
import { generateKeyPair } from './keys.js';
import { Agent, type HandedOverAgent } from './run-agent.js';
import type { StateSource, WantedState } from './state-source.js';
import { EchoServer, exchange, LongExchange, NewConnections } from './testing/echo.js';
import { freePort, until } from './testing/on-loopback.js';
import { OneState } from './testing/one-state.js';

/** Two agents on loopback, of which one is followed by another process of it: here by another set of threads, on sockets of its own. */

const MEMORY_BYTES = 256 * 1024 * 1024;
const BYTES = 4_000_000;
/** Time for what must not be done to be done. */
const LOOK_MS = 300;

const keys = { near: generateKeyPair(), far: generateKeyPair() };
const bytesOf = (base64: string): Uint8Array => Buffer.from(base64, 'base64');

(features.steering ? describe : describe.skip).each([
  { workers: 1, farFinds: true },
  { workers: 2, farFinds: true },
  { workers: 1, farFinds: false },
])(
  'an agent of $workers workers that another takes over from (peer has its address: $farFinds)',
  ({ workers, farFinds }) => {
    let folder: string;
    let server: EchoServer;
    let forwardPort: number;
    let ports: { near: number; far: number };
    let agents: Agent[];
    let before: Agent;
    let far: Agent;
    /** Until then the sources do not close. */
    let closing: Promise<void>;
    const source = (name: 'near' | 'far'): StateSource =>
      Object.assign(new OneState(state(name)), { close: () => closing });

    const state = (name: 'near' | 'far'): WantedState => {
      const peer = name === 'near' ? 'far' : 'near';
      const target = { address: '127.0.0.1', port: server.port };
      const treatment = {
        peerId: 'far',
        class: 'bulk',
        weight: 1,
        compression: 'off',
        whenPeerDown: 'refuse',
      } as const;
      return {
        privateKey: bytesOf(keys[name].privateKey),
        tunnel: { address: '127.0.0.1', port: ports[name] },
        peers: [
          {
            id: peer,
            name: peer,
            publicKey: bytesOf(keys[peer].publicKey),
            endpoints: name === 'near' && !farFinds ? [] : [`127.0.0.1:${ports[peer]}`],
            profile: 'fair',
            cipherSuite: 'aes-128-gcm',
            maxUdpPayload: 1472,
          },
        ],
        rules: [],
        forwards:
          name === 'near'
            ? [{ id: 'f', listen: { address: '127.0.0.1', port: forwardPort }, target, treatment }]
            : [],
        allow:
          name === 'far'
            ? [
                {
                  peerId: 'near',
                  prefixes: ['127.0.0.1/32'],
                  ports: [{ from: target.port, to: target.port }],
                },
              ]
            : [],
        intercept: false,
        management: [],
      };
    };

    async function start(
      name: 'near' | 'far',
      half: 0 | 1 = 0,
      predecessor?: HandedOverAgent,
    ): Promise<Agent> {
      const agent = await Agent.start({
        name,
        source: source(name),
        log: pino({ level: process.env['LOG_LEVEL'] ?? 'silent' }),
        statusSocket: join(folder, `${name}.sock`),
        stateDir: join(folder, name),
        memoryBytes: MEMORY_BYTES,
        dataPlaneWorkers: workers,
        handover:
          name === 'far'
            ? undefined
            : { half, predecessor, reopenSource: () => Promise.resolve(source(name)) },
      });
      agents.push(agent);
      return agent;
    }

    async function stop(agent: Agent): Promise<void> {
      agents.splice(agents.indexOf(agent), 1);
      await agent.stop();
    }

    /** As of the last half second. A thread that rehearses answers its peer late, so that the tunnel may go down again. */
    const isUp = (agent: Agent): boolean => agent.rehearsed && agent.report().tunnels.at(0)?.state === 'up';

    /** As the process of an agent does before it says that it is ready. */
    const isReady = (agent: Agent): boolean => agent.hasTunnelsOfPredecessor && agent.rehearsed;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'longhaul-handover-'));
      agents = [];
      closing = Promise.resolve();
      server = await EchoServer.start();
      forwardPort = await freePort('tcp');
      ports = { near: await freePort('udp'), far: await freePort('udp') };
      [before, far] = await Promise.all([start('near'), start('far')]);
      await until(() => isUp(before) && isUp(far));
    });

    afterEach(async () => {
      for (const agent of [...agents]) await stop(agent);
      server.stop();
      await rm(folder, { recursive: true });
    });

    async function beginAfter(): Promise<Agent> {
      const after = await start('near', 1, await before.handOver());
      await until(() => isReady(after));
      return after;
    }

    it('keeps its connections to their end, and no new one is refused', async () => {
      const long = new LongExchange(forwardPort);
      const fresh = new NewConnections(forwardPort);
      await until(() => before.activeFlows > 0);
      const after = await beginAfter();
      await before.release();
      await after.takeOver();
      await until(() => after.activeFlows > 0);
      await before.stopListening();
      await until(() => before.activeFlows === 1);
      expect(await exchange(forwardPort, BYTES)).toBe(true);
      expect(await long.finish()).toBe(true);
      await until(() => before.activeFlows === 0);
      await stop(before);
      await after.predecessorEnded();
      expect(await exchange(forwardPort, BYTES)).toBe(true);
      await fresh.stop();
      expect(fresh.failed).toBe(0);
      expect(fresh.done).toBeGreaterThan(5);
      await until(() => isUp(after) && isUp(far));
      // Another takes over from this one, in the place of the first.
      const third = await start('near', 0, await after.handOver());
      await until(() => isReady(third));
      await after.release();
      await third.takeOver();
      await stop(after);
      await third.predecessorEnded();
      expect(await exchange(forwardPort, BYTES)).toBe(true);
    });

    it('goes on when the other one ends, before, while or after it takes over', async () => {
      const long = new LongExchange(forwardPort);
      const fresh = new NewConnections(forwardPort);
      await until(() => before.activeFlows > 0);
      await stop(await beginAfter());
      await before.takeBack();
      await stop(await beginAfter());
      let close: () => void = () => undefined;
      closing = new Promise((resolve) => (close = resolve));
      const released = before.release();
      const takenBack = before.takeBack();
      await Promise.race([takenBack, sleep(LOOK_MS)]);
      close();
      await Promise.all([released, takenBack]);
      const after = await beginAfter();
      await before.release();
      await after.takeOver();
      await stop(after);
      await before.takeBack();
      // The far end may have begun a session in the place of the other one's, which ends when it hears of this one.
      await until(() => isUp(before) && isUp(far));
      expect(await exchange(forwardPort, BYTES)).toBe(true);
      expect(await long.finish()).toBe(true);
      // Those of the other one end with it, and one of such a session.
      await fresh.stop();
      expect(fresh.failed).toBeLessThanOrEqual(2);
      await until(() => isUp(before) && isUp(far));
    });
  },
);
