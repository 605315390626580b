import type { AgentRelease, CipherSuite, ClassWeights, Profile } from '@longhaul/contracts';
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
  /** A revision that only some sites have yet. */
  readonly candidate?: Candidate | undefined;
  /** What the agents of a site are to run, by its id; those of the others keep what they run. */
  readonly releases?: ReadonlyMap<string, AgentRelease>;
  /** By {@link pairKey} of two agents. */
  readonly presharedKeys: ReadonlyMap<string, string>;
}

/** A policy that is being rolled out, and the sites that have it already. */
export interface Candidate {
  readonly policy: ScopedPolicy;
  readonly siteIds: readonly string[];
}

/** The policies that count at a site: those in force, or in the place of one of them the candidate. */
export const policiesAt = (
  { policies, candidate }: Pick<Fleet, 'policies' | 'candidate'>,
  siteId: string,
): readonly ScopedPolicy[] =>
  candidate?.siteIds.includes(siteId)
    ? [...policies.filter(({ id }) => id !== candidate.policy.id), candidate.policy]
    : policies;

export interface FleetSite {
  readonly id: string;
  /** For people; its id where it is left out. */
  readonly name?: string;
  readonly labels: readonly string[];
  readonly lanPrefixes: readonly string[];
  /** Other sites that it is linked to, and to no others but those that name it; none: a member of the mesh. */
  readonly hubSiteIds?: readonly string[];
}

export interface FleetAgent {
  readonly id: string;
  readonly siteId: string;
  readonly hostname: string;
  readonly tunnelPublicKey: string;
  /** Announced by a change of keys that is under way. */
  readonly nextTunnelPublicKey?: string | null;
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
  /** How the traffic classes share the tunnels; by default as agents do without being told. */
  readonly classWeights?: ClassWeights;
}

/** Two ids, the lower first. */
export const orderedPair = (a: string, b: string): [lower: string, higher: string] =>
  a < b ? [a, b] : [b, a];

/** One name for a pair, whichever way round. */
export const pairKey = (a: string, b: string): string => orderedPair(a, b).join(' ');
