import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NetworkNamespace } from '@longhaul/wan-emulator';
import { z } from 'zod';
import type { SiteName } from './lab-network.js';

/** Addresses on the stretched LAN, and the tap at each site that a guest is plugged into. */
export const STRETCHED_LAN = {
  client: '10.77.30.1',
  guest: '10.77.30.10',
  prefixLength: 24,
  tap: 'guest0',
} as const;

const BRIDGE = 'stretch0';
/** The kernel looks at new carriers once a second, and a port forwards only then. */
const FORWARDING_TIMEOUT_MS = 10_000;
const LOOK_INTERVAL_MS = 50;

const portsSchema = z.array(z.object({ ifname: z.string(), state: z.string() }));

/**
 * One layer-2 network over both sites and a third place, with a bridge at each: what companies stretch between sites so
 * that a guest keeps its address when it moves. The third place reaches each site on a way of its own, not over the
 * WAN link. Its bridge learns where a guest is from what the guest, or its hypervisor, sends.
 */
export function joinSites(
  client: NetworkNamespace,
  sites: Readonly<Record<SiteName, NetworkNamespace>>,
): void {
  makeBridge(client);
  client.ip([`addr add ${STRETCHED_LAN.client}/${STRETCHED_LAN.prefixLength} dev ${BRIDGE}`]);
  for (const site of ['a', 'b'] as const) {
    makeBridge(sites[site]);
    client.ip([`link add site-${site} type veth peer name client0 netns ${sites[site].name}`]);
    sites[site].ip([`tuntap add dev ${STRETCHED_LAN.tap} mode tap`]);
    plugIn(client, `site-${site}`);
    plugIn(sites[site], 'client0');
    plugIn(sites[site], STRETCHED_LAN.tap);
  }
}

/** Resolves once every bridge forwards between the places. Rejects after ten seconds. */
export async function sitesJoined(
  client: NetworkNamespace,
  sites: Readonly<Record<SiteName, NetworkNamespace>>,
): Promise<void> {
  const deadline = performance.now() + FORWARDING_TIMEOUT_MS;
  for (const [namespace, device] of [
    [client, 'site-a'],
    [client, 'site-b'],
    [sites.a, 'client0'],
    [sites.b, 'client0'],
  ] as const) {
    while (!forwards(namespace, device)) {
      if (performance.now() > deadline)
        throw new Error(`${device} of ${namespace.name} does not forward: is the bridge module there?`);
      await sleep(LOOK_INTERVAL_MS);
    }
  }
}

function forwards({ name }: NetworkNamespace, device: string): boolean {
  const told = execFileSync('bridge', ['-n', name, '-json', 'link', 'show', 'dev', device], {
    encoding: 'utf8',
  });
  return portsSchema.parse(JSON.parse(told)).some(({ state }) => state === 'forwarding');
}

/** There is no loop, so ports forward at once and no spanning tree is kept. */
function makeBridge(namespace: NetworkNamespace): void {
  namespace.ip([
    `link add ${BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `link set ${BRIDGE} addrgenmode none up`,
  ]);
}

function plugIn(namespace: NetworkNamespace, device: string): void {
  namespace.ip([`link set ${device} addrgenmode none master ${BRIDGE} up`]);
}
