import { randomUUID } from 'node:crypto';
import type { DesiredState } from '@longhaul/contracts';
import type { StateAddressee } from '../desired-state.js';

export const PEER_ID = randomUUID();

/** A valid state with one peer, one rule, one forward and one allowance. */
export function someState(
  addressee: StateAddressee,
  generation: number,
  over: Partial<DesiredState> = {},
): DesiredState {
  const treatment = { class: 'bulk', weight: 1, compression: 'auto', whenPeerDown: 'pass' } as const;
  return {
    version: 1,
    ...addressee,
    siteId: randomUUID(),
    epoch: 1,
    generation,
    policyRevision: generation,
    tunnelPort: 4810,
    peers: [
      {
        agentId: PEER_ID,
        siteId: randomUUID(),
        name: 'far',
        publicKey: Buffer.alloc(32, 7).toString('base64'),
        endpoints: ['192.0.2.1:4810'],
        profile: 'fair',
        cipherSuite: 'aes-128-gcm',
        maxUdpPayload: 1472,
      },
    ],
    rules: [
      {
        id: 'r1',
        name: 'all',
        sources: [],
        destinations: ['198.51.100.0/24'],
        ports: [],
        action: 'accelerate',
        peerAgentId: PEER_ID,
        ...treatment,
      },
    ],
    forwards: [
      {
        listenAddress: '127.0.0.1',
        listenPort: 9000,
        peerAgentId: PEER_ID,
        targetAddress: '198.51.100.7',
        targetPort: 22,
        ...treatment,
      },
    ],
    allow: [{ peerAgentId: PEER_ID, prefixes: ['203.0.113.0/24'], ports: [{ from: 1, to: 65535 }] }],
    intercept: false,
    ...over,
  };
}
