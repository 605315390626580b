import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { ChildProcess } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type LabNetwork, SITE_ADDRESSES, type SiteName } from '../network/lab-network.js';
import { type KeyPair, makeKeyPair } from './key-pair.js';

const LONGHAUL = fileURLToPath(new URL('../../../cli/bin/longhaul.js', import.meta.url));
const TUNNEL_PORT = 7800;
const UP_TIMEOUT_MS = 15_000;
const POLL_MS = 50;
const STOP_TIMEOUT_MS = 3_000;
const LOG_TAIL_BYTES = 1_000;

const statusSchema = z.object({
  tunnels: z.array(
    z.object({
      state: z.string(),
      minRttMs: z.number().nullable(),
      smoothedRttMs: z.number().nullable(),
    }),
  ),
});

type TunnelStatus = z.output<typeof statusSchema>['tunnels'][number];

export interface AgentPairOptions {
  /** Port of site a's WAN address that the agent there takes connections on. */
  forwardPort: number;
  /** Port of site b's WAN address that the agent there opens them to. */
  targetPort: number;
  profile?: 'fair' | 'lossy' | 'fixed';
}

/** Two agents with static files and no controller: connections to site a's forward end at site b. */
export class AgentPair {
  private constructor(
    private readonly folder: string,
    private readonly agents: Readonly<Record<SiteName, ChildProcess>>,
  ) {}

  /** Starts both; resolves once the tunnel between them is up. Rejects with the end of an agent's log. */
  static async start(network: LabNetwork, options: AgentPairOptions): Promise<AgentPair> {
    const folder = await mkdtemp(join(tmpdir(), 'longhaul-agents-'));
    const keys = { a: makeKeyPair(), b: makeKeyPair() };
    const configs = { a: configOfA(keys.a, keys.b, options), b: configOfB(keys.b, keys.a, options) };
    for (const site of ['a', 'b'] as const) {
      await writeFile(join(folder, `${site}.json`), JSON.stringify(configs[site], null, 2), { mode: 0o600 });
    }
    const pair = new AgentPair(folder, {
      a: startAgent(network, 'a', folder),
      b: startAgent(network, 'b', folder),
    });
    try {
      await pair.waitUntilUp();
      return pair;
    } catch (error) {
      await pair.stop();
      throw error;
    }
  }

  get pids(): Record<SiteName, number> {
    return { a: this.agents.a.pid ?? 0, b: this.agents.b.pid ?? 0 };
  }

  /** Round trips of a site's tunnel, milliseconds; undefined if its agent does not answer or has seen none. */
  async rttMs(site: SiteName): Promise<{ min: number; smoothed: number } | undefined> {
    const tunnel = await tunnelStatus(this.statusSocket(site));
    if (tunnel === undefined || tunnel.minRttMs === null || tunnel.smoothedRttMs === null) return undefined;
    return { min: tunnel.minRttMs, smoothed: tunnel.smoothedRttMs };
  }

  async stop(): Promise<void> {
    await Promise.all([endGently(this.agents.a), endGently(this.agents.b)]);
    await rm(this.folder, { recursive: true, force: true });
  }

  private statusSocket(site: SiteName): string {
    return join(this.folder, `${site}.sock`);
  }

  private async waitUntilUp(): Promise<void> {
    const deadline = Date.now() + UP_TIMEOUT_MS;
    for (const site of ['a', 'b'] as const) {
      while ((await tunnelStatus(this.statusSocket(site)))?.state !== 'up') {
        const ended = hasEnded(this.agents[site]);
        if (ended || Date.now() > deadline) throw await this.explain(site, ended);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
  }

  private async explain(site: SiteName, ended: boolean): Promise<Error> {
    const log = await readFile(join(this.folder, `${site}.log`), 'utf8').catch(() => '');
    const what = ended ? 'ended' : `has no tunnel after ${UP_TIMEOUT_MS / 1000} s`;
    return new Error(
      `the agent of site ${site} ${what}: ${log.slice(-LOG_TAIL_BYTES).trim() || 'its log is empty'}`,
    );
  }
}

function startAgent(network: LabNetwork, site: SiteName, folder: string): ChildProcess {
  const argv = [process.execPath, LONGHAUL, 'agent', 'run', '--config', join(folder, `${site}.json`)];
  argv.push('--status-socket', join(folder, `${site}.sock`), '--log-level', 'warn');
  const log = openSync(join(folder, `${site}.log`), 'a');
  try {
    return network.exec(site, argv, { stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}

function configOfA(
  own: KeyPair,
  far: KeyPair,
  { forwardPort, targetPort, profile }: AgentPairOptions,
): object {
  return {
    name: 'site-a',
    privateKey: own.privateKey,
    listen: { address: SITE_ADDRESSES.a.wan, port: TUNNEL_PORT },
    peers: [peer('site-b', far, 'b', profile)],
    forwards: [
      {
        listen: `${SITE_ADDRESSES.a.wan}:${forwardPort}`,
        peer: 'site-b',
        target: `${SITE_ADDRESSES.b.wan}:${targetPort}`,
        whenPeerDown: 'refuse', // a run without a tunnel is an error, not a run of the kernel's TCP
      },
    ],
  };
}

function configOfB(own: KeyPair, far: KeyPair, { targetPort, profile }: AgentPairOptions): object {
  return {
    name: 'site-b',
    privateKey: own.privateKey,
    listen: { address: SITE_ADDRESSES.b.wan, port: TUNNEL_PORT },
    peers: [peer('site-a', far, 'a', profile)],
    allow: [{ peer: 'site-a', prefixes: [`${SITE_ADDRESSES.b.wan}/32`], ports: [targetPort] }],
  };
}

function peer(
  name: string,
  { publicKey }: KeyPair,
  site: SiteName,
  profile: AgentPairOptions['profile'],
): object {
  return {
    name,
    publicKey,
    endpoints: [`${SITE_ADDRESSES[site].wan}:${TUNNEL_PORT}`],
    profile: profile ?? 'lossy',
  };
}

/** What an agent's status socket says of its one tunnel; undefined if nobody answers. */
function tunnelStatus(path: string): Promise<TunnelStatus | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => (text += part));
    socket.on('error', () => resolve(undefined));
    socket.on('end', () => resolve(statusSchema.safeParse(parseJson(text)).data?.tunnels[0]));
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function endGently(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(impatience);
}
