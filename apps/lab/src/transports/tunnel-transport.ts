import type { Link } from '@longhaul/wan-emulator';
import type { LabNetwork, SiteName } from '../network/lab-network.js';
import type { RoundTrips, Transport } from '../runs/transfer-result.js';
import { AgentPair } from './agent-pair.js';
import { KcptunPair } from './kcptun-pair.js';

/** Two programs in user space that carry connections to site a's forward port on to site b's target port. */
export interface TunnelTransport {
  readonly pids: Readonly<Record<SiteName, number>>;
  /** As site a's end sees the path; undefined if it does not say. */
  rttMs(): Promise<RoundTrips | undefined>;
  stop(): Promise<void>;
}

export interface TunnelPorts {
  /** Of site a's WAN address. */
  forwardPort: number;
  /** Of site b's WAN address. */
  targetPort: number;
}

/** Starts a transport's programs for a link that is set; undefined for the kernel's own TCP, which needs none. */
export async function startTunnelTransport(
  transport: Transport,
  network: LabNetwork,
  link: Link,
  ports: TunnelPorts,
): Promise<TunnelTransport | undefined> {
  if (transport === 'longhaul') return AgentPair.start(network, ports);
  if (transport === 'kcptun') return KcptunPair.start(network, link, ports);
  return undefined;
}
