import type { CipherSuite, Profile } from '@longhaul/contracts';
import type { ScopedPolicy } from './scoped-policy.js';

/** What desired states are compiled from: one organization at one moment. */
export interface Fleet {
  readonly organizationId: string;
  readonly sites: readonly FleetSite[];
  /** Approved agents only, the oldest first. */
  readonly agents: readonly FleetAgent[];
  readonly links: readonly FleetLink[];
  /** In force, in any order. */
  readonly policies: readonly ScopedPolicy[];
  /** By {@link pairKey} of two agents. */
  readonly presharedKeys: ReadonlyMap<string, string>;
}

export interface FleetSite {
  readonly id: string;
  readonly labels: readonly string[];
  readonly lanPrefixes: readonly string[];
}

export interface FleetAgent {
  readonly id: string;
  readonly siteId: string;
  readonly hostname: string;
  readonly tunnelPublicKey: string;
  readonly tunnelPort: number;
  readonly endpoints: readonly string[];
}

export interface FleetLink {
  readonly siteAId: string;
  readonly siteBId: string;
  readonly profile: Profile;
  readonly cipherSuite: CipherSuite;
  /** Caps in Mbit/s, or null. */
  readonly rateMbpsAToB: number | null;
  readonly rateMbpsBToA: number | null;
  /** Bytes. */
  readonly maxUdpPayload: number;
}

/** Two ids, the lower first. */
export const orderedPair = (a: string, b: string): [lower: string, higher: string] =>
  a < b ? [a, b] : [b, a];

/** One name for a pair, whichever way round. */
export const pairKey = (a: string, b: string): string => orderedPair(a, b).join(' ');
