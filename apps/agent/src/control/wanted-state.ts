import {
  DEFAULT_CLASS_WEIGHTS,
  policyRuleId,
  type DesiredState,
  type Forward,
  type FlowRule as DesiredRule,
  type Peer,
} from '@longhaul/contracts';
import { formatSocketAddress, type FlowRule, type SocketAddress, type Treatment } from '@longhaul/edge';
import type { WantedPeer, WantedState } from '../state-source.js';

/** Takes IPv4 and IPv6. */
const ANY_ADDRESS = '::';

/** What of a wanted state is this machine's own business and not in the controller's document. */
export interface LocalFacts {
  /** X25519, 32 bytes in base64. */
  readonly tunnelPrivateKey: string;
  /** The one before, while peers may not know the other yet. */
  readonly previousTunnelPrivateKey?: string;
  readonly tunnelPort: number;
  /** Where the agent itself connects to: controller and NATS. */
  readonly management: readonly SocketAddress[];
}

const bytes = (base64: string): Uint8Array => Buffer.from(base64, 'base64');

const optionalBytes = (base64: string | undefined): Uint8Array | undefined =>
  base64 === undefined ? undefined : bytes(base64);

/** The data plane's state for a desired state; null: an agent with no peers and no rules. */
export function toWantedState(desired: DesiredState | null, local: LocalFacts): WantedState {
  return {
    privateKey: bytes(local.tunnelPrivateKey),
    previousPrivateKey: optionalBytes(local.previousTunnelPrivateKey),
    tunnel: { address: ANY_ADDRESS, port: desired?.tunnelPort ?? local.tunnelPort },
    management: local.management,
    peers: desired?.peers.map(toPeer) ?? [],
    rules: desired?.rules.map(toRule) ?? [],
    forwards: desired?.forwards.map(toForward) ?? [],
    allow: desired?.allow.map(({ peerAgentId, ...rest }) => ({ ...rest, peerId: peerAgentId })) ?? [],
    intercept: desired?.intercept ?? false,
  };
}

function toPeer(peer: Peer): WantedPeer {
  const { agentId, name, endpoints, profile, cipherSuite, rateMbps, maxUdpPayload, classWeights } = peer;
  return {
    id: agentId,
    name,
    publicKey: bytes(peer.publicKey),
    nextPublicKey: optionalBytes(peer.nextPublicKey),
    presharedKey: optionalBytes(peer.presharedKey),
    endpoints,
    profile,
    cipherSuite,
    rateMbps,
    maxUdpPayload,
    classWeights: classWeights ?? DEFAULT_CLASS_WEIGHTS,
  };
}

/** Without a peer there is nobody to accelerate to; validation refuses such a rule before this. */
function toRule(rule: DesiredRule): FlowRule {
  const { id, sources, destinations, ports, action, peerAgentId } = rule;
  const selector = { id, sources, destinations, ports };
  if (action !== 'accelerate') return { ...selector, action };
  if (peerAgentId === undefined) return { ...selector, action: 'pass' };
  return { ...selector, action, treatment: treatmentOf({ ...rule, peerAgentId }, policyRuleId(id)) };
}

function toForward(forward: Forward) {
  const listen = { address: forward.listenAddress, port: forward.listenPort };
  const target = { address: forward.targetAddress, port: forward.targetPort };
  const id = `forward ${formatSocketAddress(listen)}`;
  return { id, listen, target, treatment: treatmentOf(forward, id) };
}

function treatmentOf(
  rule: Pick<Forward, 'peerAgentId' | 'class' | 'weight' | 'compression' | 'whenPeerDown' | 'rateLimitMbps'>,
  limitGroup: string,
): Treatment {
  const { peerAgentId: peerId, class: trafficClass, weight, compression, whenPeerDown, rateLimitMbps } = rule;
  return { peerId, class: trafficClass, weight, compression, whenPeerDown, rateLimitMbps, limitGroup };
}
