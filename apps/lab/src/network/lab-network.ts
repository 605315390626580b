import {
  type EmulatedPath,
  type ExecOptions,
  type Link,
  NetworkNamespace,
  runTool,
  type Site,
  WanEmulator,
} from '@longhaul/wan-emulator';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { claim, disclaim, livingOwner } from './owner.js';
import { checkRequirements, LabRequirementError } from './requirements.js';
import { joinSites, sitesJoined } from './stretched-lan.js';

/** Socket buffers may grow to this, or long links are limited by them and not by the transport. */
const TCP_BUFFER_BYTES = 64 << 20;
/** The kernel's queue towards the emulator: the emulated queue is to be the only one that fills. */
const DEVICE_QUEUE_PACKETS = 10_000;
const DEFAULT_PREFIX = 'longhaul-';

export type SiteName = 'a' | 'b';

/** A site, or the third place on a stretched LAN. */
export type Place = SiteName | 'client';

/** The last part of the names of namespaces. */
const SUFFIXES: Readonly<Record<Place, string>> = { a: 'a', b: 'b', client: 'c' };

interface SiteAddresses {
  wan: string;
  wan6: string;
  lan: string;
  lan6: string;
  /** Networks of the site's own LAN. */
  lanPrefix: string;
  lanPrefix6: string;
  /** The site's end of the management link. */
  management: string;
  /** The site's end of the direct cable. */
  direct: string;
}

export const SITE_ADDRESSES: Readonly<Record<SiteName, SiteAddresses>> = {
  a: {
    wan: '10.77.1.1',
    wan6: 'fd77::1',
    lan: '10.77.10.1',
    lan6: 'fd77:10::1',
    lanPrefix: '10.77.10.0/24',
    lanPrefix6: 'fd77:10::/64',
    management: '10.78.0.2',
    direct: '10.77.3.1',
  },
  b: {
    wan: '10.77.1.2',
    wan6: 'fd77::2',
    lan: '10.77.20.1',
    lan6: 'fd77:20::1',
    lanPrefix: '10.77.20.0/24',
    lanPrefix6: 'fd77:20::/64',
    management: '10.78.0.3',
    direct: '10.77.3.2',
  },
};

/** The root namespace's end of both management links: where a controller can listen for the agents. */
export const MANAGEMENT_ADDRESS = '10.78.0.1';

export interface LabNetworkOptions {
  /** Of the names of namespaces and devices: 1 to 10 lower-case letters, digits and dashes. Default `longhaul-`. */
  prefix?: string;
  /** Of loss, jitter and duplication. Default 1. */
  seed?: number;
  /** A link from each site to the root namespace, over which agents reach a controller. Default false. */
  management?: boolean;
  /** A cable between the sites beside the emulated link: a veth pair without rate or delay. Default false. */
  direct?: boolean;
  /** A third place, `client`, on one layer-2 network with taps at both sites. Default false. */
  stretchedLan?: boolean;
}

/**
 * Two sites as network namespaces, joined by an emulated link. It is removed when this process ends; what a killed
 * process left behind is removed by the next `create` with its prefix. Everything that runs in it is ended with it.
 */
export class LabNetwork implements EmulatedPath {
  readonly a: Site & { readonly address: string };
  readonly b: Site & { readonly address: string };

  private constructor(
    private readonly removal: Removal,
    private readonly namespaces: Readonly<Record<SiteName, NetworkNamespace> & { client?: NetworkNamespace }>,
    readonly emulator: WanEmulator,
  ) {
    this.a = this.endOf('a');
    this.b = this.endOf('b');
  }

  /** Makes both sites and the link. Throws a LabRequirementError with one line of advice where that cannot be. */
  static async create(link: Link, options: LabNetworkOptions = {}): Promise<LabNetwork> {
    const prefix = options.prefix ?? DEFAULT_PREFIX;
    if (!/^[a-z0-9-]{1,10}$/.test(prefix)) {
      throw new Error(`prefix "${prefix}": use 1 to 10 lower-case letters, digits and dashes`);
    }
    checkRequirements();
    takeOver(prefix);
    if (options.management) checkManagementFree();
    const removal = new Removal(prefix);
    try {
      const namespaces = {
        a: NetworkNamespace.create(`${prefix}${SUFFIXES.a}`),
        b: NetworkNamespace.create(`${prefix}${SUFFIXES.b}`),
        client: options.stretchedLan ? NetworkNamespace.create(`${prefix}${SUFFIXES.client}`) : undefined,
      };
      if (namespaces.client) joinSites(namespaces.client, namespaces);
      for (const site of ['a', 'b'] as const) prepareSite(namespaces[site], site);
      if (options.direct) connectDirectly(namespaces);
      const names = { namespaceA: namespaces.a.name, namespaceB: namespaces.b.name };
      const emulator = await WanEmulator.start({ ...names, seed: options.seed ?? 1 });
      for (const site of ['a', 'b'] as const) {
        connectWan(namespaces[site], site);
        if (options.management) connectManagement(prefix, namespaces[site], site);
      }
      if (namespaces.client) await sitesJoined(namespaces.client, namespaces);
      const network = new LabNetwork(removal, namespaces, emulator);
      await network.setLink(link);
      return network;
    } catch (error) {
      removal.run();
      throw error;
    }
  }

  /** Changes the link under whatever runs over it. */
  setLink(link: Link): Promise<void> {
    return this.emulator.setLink(link);
  }

  /**
   * Starts a program at a site, or at the third place of a stretched LAN. It is killed when this process ends in any
   * way; its pid is the program's own.
   */
  exec(place: Place, argv: readonly string[], options?: ExecOptions): ChildProcess {
    const namespace = this.namespaces[place];
    if (!namespace) throw new Error('this network was made without a stretched LAN: it has no client');
    return namespace.exec(argv, options);
  }

  /**
   * Which congestion control a site's kernel uses for new connections to the far site; throws if it does not have it.
   * By route, as the namespace's own default may only be one of those that the machine allows to every user.
   */
  setCongestionControl(site: SiteName, name: string): void {
    const far = SITE_ADDRESSES[site === 'a' ? 'b' : 'a'];
    this.namespaces[site].ip([`route replace ${far.wan} dev wan0 congctl ${name}`]);
  }

  /** Ends what runs at the sites and removes them. */
  async destroy(): Promise<void> {
    if (this.removal.done) return;
    await this.emulator.stop();
    this.removal.run();
  }

  private endOf(site: SiteName): Site & { readonly address: string } {
    return { address: SITE_ADDRESSES[site].wan, exec: (argv) => this.exec(site, argv) };
  }
}

/** Removes everything of a prefix, once: when it is told to, or when this process ends. */
class Removal {
  done = false;
  private readonly onExit = (): void => this.run();
  private readonly onSignal = (signal: NodeJS.Signals): void => this.endBySignal(signal);

  constructor(private readonly prefix: string) {
    process.on('exit', this.onExit);
    process.on('SIGINT', this.onSignal);
    process.on('SIGTERM', this.onSignal);
  }

  run(): void {
    if (this.done) return;
    this.done = true;
    process.off('exit', this.onExit);
    process.off('SIGINT', this.onSignal);
    process.off('SIGTERM', this.onSignal);
    removeAll(this.prefix);
  }

  /** A program with handlers of its own ends in its own way, and its exit removes the network. */
  private endBySignal(signal: NodeJS.Signals): void {
    if (process.listenerCount(signal) > 1) return;
    this.run();
    process.kill(process.pid, signal);
  }
}

function takeOver(prefix: string): void {
  const owner = livingOwner(prefix);
  if (owner !== undefined) {
    throw new LabRequirementError(
      `another lab with the prefix "${prefix}" is running (pid ${owner}): end it, or choose another prefix`,
    );
  }
  removeAll(prefix);
  claim(prefix);
}

/** Two labs with the same management addresses would reach each other's agents. */
function checkManagementFree(): void {
  if (runTool('ip', ['-o', 'addr', 'show', 'to', MANAGEMENT_ADDRESS]).trim() === '') return;
  throw new LabRequirementError(
    `${MANAGEMENT_ADDRESS} is in use on this machine, perhaps by another lab with a controller: end that first`,
  );
}

function managementDevice(prefix: string, site: SiteName): string {
  return `${prefix}m${site}`;
}

function removeAll(prefix: string): void {
  for (const site of ['a', 'b'] as const) {
    const device = managementDevice(prefix, site);
    if (existsSync(`/sys/class/net/${device}`)) runTool('ip', ['link', 'del', device]);
  }
  for (const suffix of Object.values(SUFFIXES)) NetworkNamespace.remove(`${prefix}${suffix}`);
  disclaim(prefix);
}

function prepareSite(namespace: NetworkNamespace, site: SiteName): void {
  const { lan, lan6 } = SITE_ADDRESSES[site];
  namespace.sysctl({
    'net/ipv4/tcp_rmem': `4096 131072 ${TCP_BUFFER_BYTES}`,
    'net/ipv4/tcp_wmem': `4096 131072 ${TCP_BUFFER_BYTES}`,
    'net/ipv4/tcp_no_metrics_save': '1', // each run starts without memory of the one before
    'net/ipv4/ip_forward': '1',
    'net/ipv6/conf/all/forwarding': '1',
  });
  // A veth pair with both ends here stands for the LAN: unlike a dummy device it is in every kernel that has veth.
  namespace.ip([
    'link add lan0 type veth peer name lan0-far',
    `addr add ${lan}/24 dev lan0`,
    `addr add ${lan6}/64 dev lan0 nodad`,
    'link set lan0 up',
    'link set lan0-far up',
  ]);
}

function connectWan(namespace: NetworkNamespace, site: SiteName): void {
  const own = SITE_ADDRESSES[site];
  const far = SITE_ADDRESSES[site === 'a' ? 'b' : 'a'];
  namespace.ip([
    'link set wan0 addrgenmode none', // no link-local address, so no packets but the lab's own
    `addr add ${own.wan}/30 dev wan0`,
    `addr add ${own.wan6}/64 dev wan0 nodad`,
    `link set wan0 mtu 1500 txqueuelen ${DEVICE_QUEUE_PACKETS} up`,
    `route add ${far.lanPrefix} via ${far.wan} src ${own.lan}`,
    `route add ${far.lanPrefix6} via ${far.wan6} src ${own.lan6}`,
  ]);
}

function connectDirectly({ a, b }: Readonly<Record<SiteName, NetworkNamespace>>): void {
  const far = ['peer', 'name', 'direct0', 'netns', b.name];
  runTool('ip', ['link', 'add', 'direct0', 'netns', a.name, 'type', 'veth', ...far]);
  a.ip([`addr add ${SITE_ADDRESSES.a.direct}/30 dev direct0`, 'link set direct0 up']);
  b.ip([`addr add ${SITE_ADDRESSES.b.direct}/30 dev direct0`, 'link set direct0 up']);
}

function connectManagement(prefix: string, namespace: NetworkNamespace, site: SiteName): void {
  const { management } = SITE_ADDRESSES[site];
  const device = managementDevice(prefix, site);
  runTool('ip', ['link', 'add', device, 'type', 'veth', 'peer', 'name', 'mgmt0', 'netns', namespace.name]);
  runTool('ip', ['addr', 'add', MANAGEMENT_ADDRESS, 'peer', management, 'dev', device]);
  runTool('ip', ['link', 'set', device, 'up']);
  namespace.ip([`addr add ${management} peer ${MANAGEMENT_ADDRESS} dev mgmt0`, 'link set mgmt0 up']);
}
