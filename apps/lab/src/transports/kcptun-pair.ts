import type { Link } from '@longhaul/wan-emulator';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { checkTool } from '../network/requirements.js';
import { type LabNetwork, SITE_ADDRESSES, type SiteName } from '../network/lab-network.js';
import { endGently, hasEnded } from './child.js';
import type { TunnelPorts, TunnelTransport } from './tunnel-transport.js';

const SERVER_PORT = 7900;
/** Until the client takes connections, which it does before it has heard of its server. */
const LISTEN_TIMEOUT_MS = 5_000;
const POLL_MS = 50;
/** UDP payload; its windows are counted in such packets. */
const PACKET_BYTES = 1400;
const MIN_WINDOW_PACKETS = 1024;
const PROC_TCP_LISTEN = '0A';

/**
 * kcptun as its documentation advises for long links: the most aggressive of its modes, which has no congestion
 * control, AES, no compression, its own forward error correction of 10 + 3, buffers for 1 Gbit/s at 600 ms.
 */
const SETTINGS = [
  ...['--mode', 'fast3', '--crypt', 'aes-128', '--nocomp', '--datashard', '10', '--parityshard', '3'],
  ...[
    '--sockbuf',
    '16777216',
    '--smuxver',
    '2',
    '--smuxbuf',
    '67108864',
    '--streambuf',
    '67108864',
    '--quiet',
  ],
];

/** kcptun's client at site a and its server at site b: another transport in user space, to compare with. */
export class KcptunPair implements TunnelTransport {
  private constructor(private readonly programs: Readonly<Record<SiteName, ChildProcess>>) {}

  /** @throws LabRequirementError where kcptun is not installed */
  static async start(
    network: LabNetwork,
    link: Link,
    { forwardPort, targetPort }: TunnelPorts,
  ): Promise<KcptunPair> {
    checkTool({ command: 'kcptun-client', debianPackage: 'kcptun' });
    const settings = [...SETTINGS, ...windowSettings(link)];
    const { a, b } = SITE_ADDRESSES;
    const server = ['--listen', `${b.wan}:${SERVER_PORT}`, '--target', `${b.wan}:${targetPort}`];
    const client = ['--localaddr', `${a.wan}:${forwardPort}`, '--remoteaddr', `${b.wan}:${SERVER_PORT}`];
    const pair = new KcptunPair({
      b: network.exec('b', ['kcptun-server', ...server, ...settings], { stdio: 'ignore' }),
      a: network.exec('a', ['kcptun-client', ...client, ...settings], { stdio: 'ignore' }),
    });
    try {
      await pair.waitUntilListening(forwardPort);
      return pair;
    } catch (error) {
      await pair.stop();
      throw error;
    }
  }
  get pids(): Record<SiteName, number> {
    return { a: this.programs.a.pid ?? 0, b: this.programs.b.pid ?? 0 };
  }

  /** It does not say. */
  rttMs(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async stop(): Promise<void> {
    await Promise.all([endGently(this.programs.a), endGently(this.programs.b)]);
  }

  private async waitUntilListening(forwardPort: number): Promise<void> {
    const deadline = Date.now() + LISTEN_TIMEOUT_MS;
    while (!listens(this.pids.a, forwardPort)) {
      for (const site of ['a', 'b'] as const) {
        if (hasEnded(this.programs[site])) throw new Error(`kcptun of site ${site} ended`);
      }
      if (Date.now() > deadline)
        throw new Error(`kcptun does not listen after ${LISTEN_TIMEOUT_MS / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** Twice the bandwidth-delay product: it cannot find its window, so it is told what suits the link best. */
function windowSettings({ rateMbps, rttMs }: Link): string[] {
  const packets = Math.ceil((2 * rateMbps * 1e3 * rttMs) / 8 / PACKET_BYTES);
  const window = String(Math.max(packets, MIN_WINDOW_PACKETS));
  return ['--mtu', String(PACKET_BYTES), '--sndwnd', window, '--rcvwnd', window];
}

/** Whether somebody listens on that TCP port where the process is. */
function listens(pid: number, port: number): boolean {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  try {
    const sockets = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n').slice(1);
    return sockets.some((line) => {
      const [, local = '', , state] = line.trim().split(/\s+/);
      return local.endsWith(`:${wanted}`) && state === PROC_TCP_LISTEN;
    });
  } catch {
    return false; // the process has ended, which its waiter sees
  }
}
