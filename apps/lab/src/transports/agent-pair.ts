import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { ChildProcess } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type LabNetwork, SITE_ADDRESSES, type SiteName } from '../network/lab-network.js';
import type { RoundTrips } from '../runs/transfer-result.js';
import { endGently, hasEnded } from './child.js';
import { type KeyPair, makeKeyPair } from './key-pair.js';
import type { TunnelPorts, TunnelTransport } from './tunnel-transport.js';

const LONGHAUL = fileURLToPath(new URL('../../../cli/bin/longhaul.js', import.meta.url));
const TUNNEL_PORT = 7800;
/** Starting takes seconds of CPU, and longer on a busy machine. */
const UP_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const LOG_TAIL_BYTES = 1_000;

const statusSchema = z.object({
  rehearsed: z.boolean(),
  tunnels: z.array(
    z.object({
      state: z.string(),
      minRttMs: z.number().nullable(),
      smoothedRttMs: z.number().nullable(),
    }),
  ),
});

type AgentStatus = z.output<typeof statusSchema>;

export interface AgentPairOptions extends TunnelPorts {
  /** Default `lossy`. */
  profile?: 'fair' | 'lossy' | 'fixed';
  /** A second forward, of class interactive. */
  interactive?: TunnelPorts;
  /** UDP port of both agents; another one for a second pair. Default 7800. */
  tunnelPort?: number;
  /** Addresses of the sites between which the tunnel runs. Default: those of the emulated link. */
  over?: Readonly<Record<SiteName, string>>;
}

/** Two agents with static files and no controller: connections to site a's forward end at site b. */
export class AgentPair implements TunnelTransport {
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
      await pair.waitUntilReady();
      return pair;
    } catch (error) {
      await pair.stop();
      throw error;
    }
  }

  get pids(): Record<SiteName, number> {
    return { a: this.agents.a.pid ?? 0, b: this.agents.b.pid ?? 0 };
  }

  /** Round trips of site a's tunnel; undefined if its agent does not answer or has seen none. */
  async rttMs(): Promise<RoundTrips | undefined> {
    const status = await agentStatus(this.statusSocket('a'));
    const tunnel = status?.tunnels[0];
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

  private async waitUntilReady(): Promise<void> {
    const deadline = Date.now() + UP_TIMEOUT_MS;
    for (const site of ['a', 'b'] as const) {
      while (!isReady(await agentStatus(this.statusSocket(site)))) {
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

function configOfA(own: KeyPair, far: KeyPair, options: AgentPairOptions): object {
  const forwards = [forward(options, 'bulk')];
  if (options.interactive) forwards.push(forward(options.interactive, 'interactive'));
  return { ...configOf('a', own, far, options), forwards };
}

function forward({ forwardPort, targetPort }: TunnelPorts, streamClass: 'bulk' | 'interactive'): object {
  return {
    listen: `${SITE_ADDRESSES.a.wan}:${forwardPort}`,
    peer: 'site-b',
    target: `${SITE_ADDRESSES.b.wan}:${targetPort}`,
    class: streamClass,
    whenPeerDown: 'refuse', // a run without a tunnel is an error, not a run of the kernel's TCP
  };
}

function configOfB(own: KeyPair, far: KeyPair, options: AgentPairOptions): object {
  const ports = [options.targetPort, ...(options.interactive ? [options.interactive.targetPort] : [])];
  const allow = [{ peer: 'site-a', prefixes: [`${SITE_ADDRESSES.b.wan}/32`], ports }];
  return { ...configOf('b', own, far, options), allow };
}

function configOf(site: SiteName, own: KeyPair, far: KeyPair, options: AgentPairOptions): object {
  const { profile = 'lossy', tunnelPort: port = TUNNEL_PORT } = options;
  const addresses = options.over ?? { a: SITE_ADDRESSES.a.wan, b: SITE_ADDRESSES.b.wan };
  const farSite = site === 'a' ? 'b' : 'a';
  return {
    name: `site-${site}`,
    privateKey: own.privateKey,
    listen: { address: addresses[site], port },
    peers: [
      {
        name: `site-${farSite}`,
        publicKey: far.publicKey,
        endpoints: [`${addresses[farSite]}:${port}`],
        profile,
      },
    ],
  };
}

/** Its one tunnel is up, and its code compiled. */
function isReady(status: AgentStatus | undefined): boolean {
  return status?.rehearsed === true && status.tunnels[0]?.state === 'up';
}

/** What an agent's status socket says; undefined if nobody answers. */
function agentStatus(path: string): Promise<AgentStatus | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => (text += part));
    socket.on('error', () => resolve(undefined));
    socket.on('end', () => resolve(statusSchema.safeParse(parseJson(text)).data));
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
