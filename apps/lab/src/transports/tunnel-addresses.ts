import { SITE_ADDRESSES } from '../network/lab-network.js';
import type { TunnelPorts } from './tunnel-transport.js';

/** Where a program at site b listens, and where one at site a connects to get there: through the tunnel, if there is one. */
export function addressesOf(
  { forwardPort, targetPort }: TunnelPorts,
  tunnelled: boolean,
): { listen: string; connect?: string } {
  const listen = `${SITE_ADDRESSES.b.wan}:${targetPort}`;
  return tunnelled ? { listen, connect: `${SITE_ADDRESSES.a.wan}:${forwardPort}` } : { listen };
}
