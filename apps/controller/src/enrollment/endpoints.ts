import { BlockList, isIP, isIPv6 } from 'node:net';
import { endpointSchema } from '@longhaul/contracts';

/** Addresses that mean something else to whoever is far away. */
const notGlobal = new BlockList();
for (const [address, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  notGlobal.addSubnet(address, prefix, 'ipv4');
}
for (const [address, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  notGlobal.addSubnet(address, prefix, 'ipv6');
}

const isGlobal = (address: string): boolean =>
  isIP(address) !== 0 && !notGlobal.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

/** At most as many as a desired state holds for a peer. */
const MAX_ENDPOINTS = 8;

/**
 * Where peers reach an agent's tunnel socket, best first: the addresses that it names, then the one that it was seen
 * from, if that is a global one or there is no other. What is no address or name is left out.
 */
export const tunnelEndpoints = (
  addresses: readonly string[],
  seenFrom: string | undefined,
  tunnelPort: number,
): string[] => {
  const seen = seenFrom?.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  const named = addresses.map((address) => toEndpoint(address, tunnelPort)).filter((e) => e !== undefined);
  const own =
    seen !== undefined && (named.length === 0 || isGlobal(seen)) ? toEndpoint(seen, tunnelPort) : undefined;
  return [...new Set([...named.slice(0, MAX_ENDPOINTS - 1), ...(own === undefined ? [] : [own])])];
};

const toEndpoint = (address: string, port: number): string | undefined => {
  const host = isIPv6(address) ? `[${address}]` : address;
  const parsed = endpointSchema.safeParse(`${host}:${String(port)}`);
  return parsed.success ? parsed.data : undefined;
};
