import { findLink, loadLinks, NetworkNamespace, ping, type Site } from '@longhaul/wan-emulator';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LabNetwork, SITE_ADDRESSES, type SiteName } from './lab-network.js';
import { STRETCHED_LAN } from './stretched-lan.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const link = findLink(loadLinks().links, 'baseline');
const probe = { count: 5, intervalMs: 5, waitMs: 500 };

function leftovers(prefix: string): string[] {
  const namespaces = ['a', 'b', 'c']
    .map((site) => `${prefix}${site}`)
    .filter((name) => NetworkNamespace.exists(name));
  const devices = readdirSync('/sys/class/net').filter((name) => name.startsWith(prefix));
  const claims = existsSync(`/run/longhaul/lab-${prefix}.json`) ? ['claim'] : [];
  return [...namespaces, ...devices, ...claims];
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Processes of a lab of that prefix: they have the names of its namespaces among their arguments, or live in them. */
function processesOf(prefix: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && commandLine(pid).includes(`${prefix}a\0`));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 50));
}

function startLab(prefix: string): ChildProcess {
  const args = ['--links', 'baseline', '--workloads', 'random', '--transports', 'cubic', '--seconds', '60'];
  return spawn(process.execPath, [MAIN, 'run', ...args, '--no-measure', '--prefix', prefix], {
    stdio: 'ignore',
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

describe('LabNetwork', () => {
  it('joins the LANs of two sites over IPv4 and IPv6', async () => {
    const network = await LabNetwork.create(link, { prefix: 'lh-net-' });
    try {
      for (const address of [SITE_ADDRESSES.b.lan, `[${SITE_ADDRESSES.b.lan6}]`]) {
        const result = await ping({ from: network.a, to: network.b, listen: `${address}:7000`, ...probe });
        expect(result.received).toBe(5);
      }
    } finally {
      await network.destroy();
    }
  });

  it('connects the root namespace to each site for management', async () => {
    const network = await LabNetwork.create(link, { prefix: 'lh-net-', management: true });
    const root: Site = { exec: ([command = '', ...args]) => spawn(command, args) };
    try {
      for (const site of ['a', 'b'] as const) {
        const listen = `${SITE_ADDRESSES[site].management}:7000`;
        expect((await ping({ from: root, to: network[site], listen, ...probe })).received).toBe(5);
      }
    } finally {
      await network.destroy();
    }
    expect(leftovers('lh-net-')).toEqual([]);
  });

  it('leads the client of a stretched LAN to an address at either site, and leaves no part of it', async () => {
    const network = await LabNetwork.create(link, { prefix: 'lh-net-', stretchedLan: true });
    const client: Site = { exec: (argv) => network.exec('client', argv) };
    const ip = (site: SiteName, ...args: string[]): Promise<void> =>
      ended(network.exec(site, ['ip', 'addr', ...args, 'dev', 'stretch0']));
    try {
      for (const site of ['a', 'b'] as const) {
        await ip(site, 'add', `${STRETCHED_LAN.guest}/${STRETCHED_LAN.prefixLength}`);
        const result = await ping({
          ...{ from: client, to: network[site], listen: `${STRETCHED_LAN.guest}:7000`, ...probe },
        });
        expect(result.received).toBe(5);
        await ip(site, 'flush');
        // Who moves an address announces it; here the client forgets where it was.
        await ended(network.exec('client', ['ip', 'neigh', 'flush', 'all']));
      }
    } finally {
      await network.destroy();
    }
    expect(leftovers('lh-net-')).toEqual([]);
  });

  it('has no client without a stretched LAN, and says so', async () => {
    const network = await LabNetwork.create(link, { prefix: 'lh-net-' });
    try {
      expect(() => network.exec('client', ['true'])).toThrow(/stretched LAN/);
    } finally {
      await network.destroy();
    }
  });

  it('leaves nothing behind, ends what ran at the sites, and can be made again', async () => {
    for (let i = 0; i < 2; i++) {
      const network = await LabNetwork.create(link, { prefix: 'lh-net-' });
      const child = network.exec('a', ['sleep', '1000']);
      const childEnded = ended(child);
      await network.destroy();
      await childEnded;
      expect(leftovers('lh-net-')).toEqual([]);
      expect(processesOf('lh-net-')).toEqual([]);
    }
  });

  it('refuses the prefix of a living lab and names its process', async () => {
    const lab = startLab('lh-live-');
    try {
      await until(() => processesOf('lh-live-').length > 1);
      await expect(LabNetwork.create(link, { prefix: 'lh-live-' })).rejects.toThrow(
        new RegExp(`another lab .* \\(pid ${lab.pid}\\)`),
      );
    } finally {
      lab.kill('SIGINT');
      await ended(lab);
    }
    expect(leftovers('lh-live-')).toEqual([]);
  });

  it('ends its processes when it is killed, and the next lab removes what is left', async () => {
    const lab = startLab('lh-kill-');
    await until(() => processesOf('lh-kill-').length > 1);
    lab.kill('SIGKILL');
    await ended(lab);
    await until(() => processesOf('lh-kill-').length === 0);
    expect(leftovers('lh-kill-')).not.toEqual([]);
    const network = await LabNetwork.create(link, { prefix: 'lh-kill-' });
    await network.destroy();
    expect(leftovers('lh-kill-')).toEqual([]);
  });

  it('says what is wrong with a prefix', async () => {
    await expect(LabNetwork.create(link, { prefix: 'Not/Good' })).rejects.toThrow(
      /1 to 10 lower-case letters/,
    );
  });
});
