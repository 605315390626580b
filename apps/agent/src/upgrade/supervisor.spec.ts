import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateKeyPairSync, sign } from 'node:crypto';
import { releaseMessage, type AgentRelease, type HelloMessage } from '@longhaul/contracts';
import { features } from '@longhaul/native';
import { jest } from '@jest/globals';
import { pino } from 'pino';
import { loadIdentity } from '../control/identity.js';
import { eventually } from '../control/testing/eventually.js';
import { TestFleet, type TestAgent } from '../control/testing/running-agent.js';
import { someState } from '../control/testing/states.js';
import { generateKeyPair } from '../keys.js';
import { Agent } from '../run-agent.js';
import type { AgentReport } from '../status/report.js';
import { readStatus } from '../status/status-socket.js';
import { EchoServer, exchange, LongExchange, NewConnections } from '../testing/echo.js';
import { FakeReleases } from '../testing/fake-releases.js';
import { freePort } from '../testing/on-loopback.js';
import { OneState } from '../testing/one-state.js';
import { packRelease, rewriteRelease, type ReleaseFile } from '../testing/releases.js';
import { AGENT_VERSION } from '../version.js';
import { ReleaseRecord } from './release-record.js';
import { ReleaseStore } from './release-store.js';
import { Supervisor } from './supervisor.js';

/** A supervised agent and its peer, with real processes, real releases, and a controller's API and NATS by TLS. */

const PROGRAM = fileURLToPath(new URL('../../bin/longhaul-agent.js', import.meta.url));
const FAR_ID = '00000000-0000-4000-8000-00000000000f';

(features.steering ? describe : describe.skip)('an agent with a supervisor', () => {
  let folder: string;
  let fleet: TestFleet;
  let near: TestAgent;
  let far: Agent;
  let supervisor: ChildProcess;
  let echo: EchoServer;
  let forwardPort: number;
  let tunnelPort: number;
  let farPort: number;
  let generation = 0;
  let good: ReleaseFile;
  const farKeys = generateKeyPair();

  const socket = (): string => join(folder, 'near.sock');
  const report = (): Promise<AgentReport | undefined> => readStatus(socket()).catch(() => undefined);
  const hello = (): HelloMessage | undefined => near.hellos.at(-1) as HelloMessage | undefined;

  async function supervise(environment: NodeJS.ProcessEnv = {}): Promise<void> {
    const args = ['--state-dir', near.stateDir, '--name', 'near', '--status-socket', socket()];
    const log = ['--log-level', process.env['LOG_LEVEL'] ?? 'silent', '--data-plane-workers', '1'];
    supervisor = spawn(process.execPath, [PROGRAM, 'supervise', ...args, ...log], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...environment },
    });
    await eventually('the agent runs', report);
  }

  /** Has the agent run a release, as the controller would. */
  async function want(release: ReleaseFile | undefined, over: Partial<AgentRelease> = {}): Promise<void> {
    generation++;
    if (release !== undefined) fleet.controller.releases.set(release.sha256, release.content);
    const treatment = { class: 'bulk', weight: 1, compression: 'off', whenPeerDown: 'refuse' } as const;
    await fleet.nats.putState(
      someState(near.addressee, generation, {
        tunnelPort,
        peers: [
          {
            agentId: FAR_ID,
            siteId: FAR_ID,
            name: 'far',
            publicKey: farKeys.publicKey,
            endpoints: [`127.0.0.1:${farPort}`],
            profile: 'fair',
            cipherSuite: 'aes-128-gcm',
            maxUdpPayload: 1472,
          },
        ],
        rules: [],
        allow: [],
        forwards: [
          {
            listenAddress: '127.0.0.1',
            listenPort: forwardPort,
            peerAgentId: FAR_ID,
            targetAddress: '127.0.0.1',
            targetPort: echo.port,
            ...treatment,
          },
        ],
        agentRelease:
          release === undefined
            ? undefined
            : {
                version: release.version,
                sha256: release.sha256,
                bytes: release.content.length,
                attempt: 0,
                confirmSeconds: 60,
                soakSeconds: 1,
                drainSeconds: 60,
                ...over,
              },
      }),
    );
  }

  const runs = (version: string): Promise<unknown> =>
    eventually(`version ${version} runs`, async () => (await report())?.version === version);
  const isIdle = (): Promise<unknown> =>
    eventually('nothing is tried', () => hello()?.upgrade?.state === 'idle');
  const refused = (version: string): Promise<HelloMessage['upgrade']> =>
    eventually(`version ${version} is refused`, () => {
      const upgrade = hello()?.upgrade;
      return upgrade?.state === 'refused' && upgrade.version === version ? upgrade : undefined;
    });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longhaul-upgrade-'));
    good = await packRelease('9.9.1', folder);
    fleet = await TestFleet.start();
    near = await fleet.enroll();
    echo = await EchoServer.start();
    [forwardPort, tunnelPort, farPort] = [
      await freePort('tcp'),
      await freePort('udp'),
      await freePort('udp'),
    ];
    const { tunnelPublicKey } = await loadIdentity(near.stateDir);
    far = await Agent.start({
      name: 'far',
      source: new OneState({
        privateKey: Buffer.from(farKeys.privateKey, 'base64'),
        tunnel: { address: '127.0.0.1', port: farPort },
        peers: [
          {
            id: 'near',
            name: 'near',
            publicKey: Buffer.from(tunnelPublicKey, 'base64'),
            endpoints: [`127.0.0.1:${tunnelPort}`],
            profile: 'fair',
            cipherSuite: 'aes-128-gcm',
            maxUdpPayload: 1472,
          },
        ],
        rules: [],
        forwards: [],
        allow: [{ peerId: 'near', prefixes: ['127.0.0.1/32'], ports: [{ from: echo.port, to: echo.port }] }],
        intercept: false,
        management: [],
      }),
      log: pino({ level: 'silent' }),
      statusSocket: join(folder, 'far.sock'),
      dataPlaneWorkers: 1,
    });
    await supervise();
    await want(undefined);
    await eventually('the tunnel is up', async () => (await report())?.tunnels.at(0)?.state === 'up');
  });

  afterAll(async () => {
    supervisor.kill('SIGTERM');
    if (supervisor.exitCode === null) await once(supervisor, 'exit');
    await far.stop();
    echo.stop();
    await fleet.stop();
    await rm(folder, { recursive: true });
  });

  it('runs another version when its controller wants that, and nobody notices', async () => {
    expect((await report())?.version).toBe(AGENT_VERSION);
    const { pid: pidBefore } = (await report()) ?? {};
    const long = new LongExchange(forwardPort);
    const fresh = new NewConnections(forwardPort);
    await eventually('connections are served', () => fresh.done > 2);
    await want(good);
    await runs('9.9.1');
    const served = fresh.done;
    await eventually('the new version serves', () => fresh.done > served + 5);
    // Its connection keeps the process before alive.
    expect(isAlive(pidBefore)).toBe(true);
    expect(await long.finish()).toBe(true);
    await eventually('the process before ends', () => !isAlive(pidBefore));
    await fresh.stop();
    expect(fresh.failed).toBe(0);
    await isIdle();
    expect(hello()?.agentVersion).toBe('9.9.1');
    // Until then it was on trial, as its controller was told.
    const states = near.hellos
      .map((message) => message as HelloMessage)
      .filter(({ agentVersion }) => agentVersion === '9.9.1')
      .map(({ upgrade }) => upgrade?.state);
    expect(states[0]).toBe('trying');
    expect(states.at(-1)).toBe('idle');
    expect(await readdir(join(near.stateDir, 'releases'))).toEqual(['9.9.1']);
    expect(await exchange(forwardPort, 1_000_000)).toBe(true);
  });

  it('starts the version that was good last, after a power cut', async () => {
    supervisor.kill('SIGKILL');
    await once(supervisor, 'exit');
    await eventually('its processes end with it', async () => (await report()) === undefined);
    await supervise();
    await runs('9.9.1');
  });

  it.each([
    ['ends at once', 'process.exit(3);', 60, 'ended with code 3'],
    ['never gets ready', 'setInterval(() => undefined, 1000);', 5, 'not ready within 5 s'],
  ])('goes back from a version that %s, and does not try it again unasked', async (...parameters) => {
    const [, program, confirmSeconds, reason] = parameters;
    const version = `9.9.2-${program.length}`;
    const bad = await rewriteRelease(good, version, folder, program);
    const long = new LongExchange(forwardPort);
    const fresh = new NewConnections(forwardPort);
    await eventually('connections are served', () => fresh.done > 2);
    await want(bad, { confirmSeconds });
    const upgrade = await refused(version);
    expect(upgrade?.reason).toContain(reason);
    expect((await report())?.version).toBe('9.9.1');
    const tries = fleet.controller.requests.length;
    await want(bad, { confirmSeconds });
    await eventually('connections are served', () => fresh.done > 5);
    expect(fleet.controller.requests).toHaveLength(tries);
    expect(await long.finish()).toBe(true);
    await fresh.stop();
    expect(fresh.failed).toBe(0);
    // Somebody wants it to try again.
    await want(bad, { confirmSeconds, attempt: 1 });
    await eventually('it was tried again', () => {
      const { state, attempt } = hello()?.upgrade ?? {};
      return state === 'refused' && attempt === 1;
    });
  });

  it('goes back from a version that ends after it has taken over', async () => {
    const program = `
      import process from 'node:process';
      const emit = process.emit.bind(process);
      process.emit = (name, message, ...rest) => {
        if (name === 'message' && message.task?.type === 'take-over') setTimeout(() => process.exit(4), 700);
        return emit(name, message, ...rest);
      };
      await import('../dist/index.js').then(({ agentCommand }) => agentCommand().parseAsync());`;
    const bad = await rewriteRelease(good, '9.9.3', folder, program);
    const long = new LongExchange(forwardPort);
    await want(bad, { soakSeconds: 30 });
    expect((await refused('9.9.3'))?.reason).toContain('ended with code 4');
    await runs('9.9.1');
    expect(await long.finish()).toBe(true);
    expect(await exchange(forwardPort, 1_000_000)).toBe(true);
    // The controller sees an agent that was started anew, not two of them.
    const boots = near.hellos.map((message) => (message as HelloMessage).bootId);
    const changes = boots.filter((boot, index) => boot !== boots[index - 1]);
    expect(new Set(changes).size).toBe(changes.length);
  });

  it('keeps no release that was refused, and does not unpack a file that is not the one that was promised', async () => {
    const changed = await rewriteRelease(good, '9.9.4', folder);
    const promised = { ...changed, content: Buffer.concat([changed.content.subarray(0, -1), Buffer.of(1)]) };
    await want(promised);
    expect((await refused('9.9.4'))?.reason).toMatch(/SHA-256/);
    expect(await readdir(join(near.stateDir, 'releases'))).toEqual(['9.9.1']);
  });

  it('takes only what its release key has signed, where it has one', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const keyFile = join(near.stateDir, 'release-key.pem');
    await writeFile(keyFile, publicKey.export({ type: 'spki', format: 'pem' }));
    const next = await rewriteRelease(good, '9.9.5', folder);
    await want(next);
    expect((await refused('9.9.5'))?.reason).toContain('not signed');
    const other = generateKeyPairSync('ed25519').privateKey;
    const message = Buffer.from(releaseMessage(next.version, next.sha256));
    await want(next, { attempt: 1, signature: sign(null, message, other).toString('base64') });
    await eventually('it was looked at again', () => hello()?.upgrade?.attempt === 1);
    expect((await refused('9.9.5'))?.reason).toContain('not signed by the key');
    // A connection that does not end in time is cut off.
    const long = new LongExchange(forwardPort);
    const signature = sign(null, message, privateKey).toString('base64');
    await want(next, { attempt: 2, signature, drainSeconds: 1 });
    await runs('9.9.5');
    await long.broken();
    await isIdle();
    const record = JSON.parse(await readFile(join(near.stateDir, 'upgrade.json'), 'utf8')) as {
      good: string;
    };
    expect(record.good).toBe('9.9.5');
  });

  it('runs without the addon as well, and is not upgraded then', async () => {
    supervisor.kill('SIGTERM');
    await once(supervisor, 'exit');
    await supervise({ LONGHAUL_NATIVE: 'fallback' });
    await eventually('the tunnel is up', async () => (await report())?.tunnels.at(0)?.state === 'up');
    expect(await exchange(forwardPort, 100_000)).toBe(true);
    await eventually('its controller is told', () => hello()?.upgrade === undefined);
  });
});

describe('a supervisor, whatever its processes do', () => {
  let releases: FakeReleases;
  let supervisor: Supervisor;

  beforeEach(async () => {
    releases = new FakeReleases(await mkdtemp(join(tmpdir(), 'longhaul-supervisor-')));
    for (const version of ['1.0.0', '2.0.0', '3.0.0']) await releases.add(version);
    await releases.good('1.0.0');
    const log = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' });
    supervisor = await Supervisor.start({ stateDir: releases.stateDir, log, arguments: [] });
  });

  afterEach(async () => {
    await supervisor.stop();
    jest.restoreAllMocks();
    await rm(releases.stateDir, { recursive: true });
  });

  /** 2.0.0 runs, and waits for the connections of 1.0.0 before it lets 3.0.0 be tried. */
  async function waitForConnections(): Promise<void> {
    await releases.request('1.0.0', '2.0.0');
    await releases.hasBeenGiven('1.0.0', 'retire');
    await releases.isToldThatNothingIsTried('2.0.0');
    await releases.request('2.0.0', '3.0.0');
    await releases.isToldOfTrial('2.0.0', '3.0.0');
  }

  it('fails when its process ends while another version waits to be tried, which is not to blame', async () => {
    await waitForConnections();
    await releases.kill('2.0.0');
    await expect(supervisor.failed).rejects.toThrow('version 2.0.0) was ended by SIGKILL');
    await supervisor.stop();
    expect(await releases.refusals()).toEqual({});
    expect(await releases.told('3.0.0')).toEqual([]);
  });

  it('fails when the new process ends while that is being written down that it is good', async () => {
    jest.spyOn(ReleaseRecord.prototype, 'keep').mockImplementation(async () => {
      const pid = await releases.pidOf('2.0.0');
      await releases.kill('2.0.0');
      await eventually('it is gone', () => !isAlive(pid));
    });
    await releases.request('1.0.0', '2.0.0');
    await expect(supervisor.failed).rejects.toThrow('version 2.0.0) was ended by SIGKILL');
  });

  it('does not wait for a version to come up when the one before has ended', async () => {
    await releases.add('2.0.0', { unanswered: ['start'] });
    await releases.request('1.0.0', '2.0.0', { confirmSeconds: 3600 });
    await releases.hasBeenGiven('2.0.0', 'start');
    await releases.kill('1.0.0');
    await expect(supervisor.failed).rejects.toThrow(
      'version 1.0.0 was ended by SIGKILL while version 2.0.0 was tried',
    );
  });

  describe('on a disk that is full', () => {
    const full = () => Promise.reject(new Error('ENOSPC: no space left on device'));
    const nothingFails = (): Promise<string> => Promise.race([supervisor.failed, Promise.resolve('runs')]);

    beforeEach(() => {
      jest.spyOn(ReleaseRecord.prototype, 'keep').mockImplementation(full);
      jest.spyOn(ReleaseRecord.prototype, 'refuse').mockImplementation(full);
      jest.spyOn(ReleaseStore.prototype, 'prune').mockImplementation(full);
    });

    it('lets a version that is good run all the same', async () => {
      await releases.request('1.0.0', '2.0.0');
      await releases.hasBeenGiven('1.0.0', 'retire');
      await releases.isToldThatNothingIsTried('2.0.0');
      expect(await nothingFails()).toBe('runs');
    });

    it('goes back from one that is not', async () => {
      await releases.add('2.0.0', { unanswered: ['start'] });
      await releases.request('1.0.0', '2.0.0', { confirmSeconds: 1 });
      await releases.hasBeenGiven('1.0.0', 'take-back');
      await releases.isToldThatNothingIsTried('1.0.0');
      expect(await nothingFails()).toBe('runs');
    });

    it('starts the installed version in place of one that does not start any more', async () => {
      const { stateDir } = releases;
      await supervisor.stop();
      await writeFile(new ReleaseStore(stateDir).entryOf('1.0.0'), 'process.exit(1);');
      const log = pino({ level: 'silent' });
      const start = Supervisor.start({ stateDir, log, arguments: ['--state-dir', stateDir] });
      await expect(start).rejects.toThrow('this agent is not enrolled');
    });
  });

  it('tells a version that it is tried before it does anything else, and when that is over', async () => {
    await releases.request('1.0.0', '2.0.0', { attempt: 3 });
    await releases.isToldThatNothingIsTried('2.0.0');
    const [first] = await releases.told('2.0.0');
    expect(first.standing?.trying).toEqual(expect.objectContaining({ version: '2.0.0', attempt: 3 }));
  });

  it('has the flows of a process that does not speak any more told by the next one that does', async () => {
    await releases.add('2.0.0', { unanswered: ['take-over'] });
    await releases.request('1.0.0', '2.0.0', { confirmSeconds: 1 });
    await releases.isToldFlows('1.0.0', ['1.0.0']);
    await releases.isToldThatNothingIsTried('1.0.0');
    await releases.add('3.0.0');
    await releases.request('1.0.0', '3.0.0');
    await releases.isToldFlows('3.0.0', ['1.0.0']);
  });

  it('ends a version that is being tried when it is stopped', async () => {
    await releases.add('2.0.0', { unanswered: ['start'] });
    await releases.request('1.0.0', '2.0.0', { confirmSeconds: 3600 });
    await releases.hasBeenGiven('2.0.0', 'start');
    await supervisor.stop();
    expect(isAlive(await releases.pidOf('2.0.0'))).toBe(false);
  });

  it('starts no version that waited to be tried when it is stopped', async () => {
    await releases.add('2.0.0', { lingers: true });
    await waitForConnections();
    const started = jest.spyOn(ReleaseStore.prototype, 'entryOf');
    await supervisor.stop();
    expect(started).not.toHaveBeenCalled();
  });

  it('ends the process before when it is stopped while that is to retire', async () => {
    const stopped = new Promise<void>((resolve) => {
      jest.spyOn(ReleaseRecord.prototype, 'keep').mockImplementation(() => {
        resolve(supervisor.stop());
        return Promise.resolve();
      });
    });
    await releases.request('1.0.0', '2.0.0');
    await stopped;
    expect(isAlive(await releases.pidOf('1.0.0'))).toBe(false);
  });
});

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}
