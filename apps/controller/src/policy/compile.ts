import {
  DEFAULT_CLASS_WEIGHTS,
  DESIRED_STATE_VERSION,
  type AllowRule,
  type DesiredState,
  type FlowRule,
  type Forward,
  type Peer,
  type PortRange,
} from '@longhaul/contracts';
import { findApplication } from './applications.js';
import { pairKey, policiesAt, type Fleet, type FleetAgent, type FleetLink, type FleetSite } from './fleet.js';
import { canonicalJson, type PolicyForward, type PolicyRule, type Selector } from './policy-document.js';
import { hostPrefix, intersectPrefixes, outermost, Prefix } from './prefix.js';
import { effectiveForwards, effectiveRules } from './scoped-policy.js';
import { Topology } from './topology.js';

/** A desired state without what counts and dates it. */
export type DesiredContent = Omit<DesiredState, 'epoch' | 'generation' | 'policyRevision'>;

/** Of one flow rule, as the contract allows. */
const MAX_PREFIXES = 1000;
const ANY_PORT: PortRange = { from: 1, to: 65535 };
/** `peers[].name` of the contract. */
const MAX_NAME_LENGTH = 100;

interface Site {
  readonly id: string;
  readonly labels: readonly string[];
  readonly hubSiteIds: readonly string[];
  readonly lan: readonly Prefix[];
  /** Approved agents; the first is the one that opens connections for other sites. */
  readonly agents: readonly FleetAgent[];
}

/** Flow rules and forwards of a site's agents. */
interface WantedAtSite {
  readonly rules: readonly FlowRule[];
  readonly forwards: readonly Forward[];
}

const NOTHING: WantedAtSite = { rules: [], forwards: [] };

/**
 * Compiles what every agent of a fleet has to be.
 *
 * A rule applies at the agents of its source sites. `accelerate` becomes one flow rule for each destination site that the
 * source is linked to and that has an agent, for what the rule and that site's LAN prefixes have in common; that site's agent
 * allows exactly this, and nothing else. A forward is listened for by all agents of its site, while it is linked to the
 * destination. Peers are the approved agents of all linked sites.
 *
 * Compiles one agent after the other, as they are taken: of a large fleet all at once would be much memory.
 */
export function* compileFleet(fleet: Fleet): Iterable<readonly [agentId: string, content: DesiredContent]> {
  const compilation = new Compilation(fleet);
  for (const agent of fleet.agents) yield [agent.id, compilation.contentOf(agent)];
}

/** The flow rules of every site, in the order in which its agents ask them. */
export const compileRules = (fleet: Fleet): Map<string, readonly FlowRule[]> => {
  const compilation = new Compilation(fleet);
  return new Map(fleet.sites.map(({ id }) => [id, compilation.wantedAt(id).rules]));
};

/** What of a fleet is looked up again and again while its states are compiled, each thing computed once. */
class Compilation {
  private readonly sites: readonly Site[];
  private readonly sitesById: ReadonlyMap<string, Site>;
  private readonly topology: Topology<Site>;
  private readonly links: ReadonlyMap<string, FleetLink>;
  private readonly agentPlaces: ReadonlyMap<string, number>;
  private readonly wanted = new Map<string, WantedAtSite>();
  private readonly wantedTowards = new Map<string, ReadonlyMap<string, WantedAtSite>>();
  private readonly neighbours = new Map<string, readonly Site[]>();
  private readonly local = new Map<PolicyRule, readonly FlowRule[]>();

  constructor(private readonly fleet: Fleet) {
    const agents = groupBySite(fleet.agents);
    this.sites = fleet.sites.map((site) => toSite(site, agents.get(site.id) ?? []));
    this.sitesById = new Map(this.sites.map((site) => [site.id, site]));
    this.topology = new Topology(this.sites);
    this.links = new Map(fleet.links.map((link) => [pairKey(link.siteAId, link.siteBId), link]));
    this.agentPlaces = new Map(fleet.agents.map(({ id }, place) => [id, place]));
  }

  contentOf(agent: FleetAgent): DesiredContent {
    const { rules, forwards } = this.wantedAt(agent.siteId);
    const agentRelease = this.fleet.releases?.get(agent.siteId);
    return {
      version: DESIRED_STATE_VERSION,
      organizationId: this.fleet.organizationId,
      agentId: agent.id,
      siteId: agent.siteId,
      tunnelPort: agent.tunnelPort,
      peers: this.peersOf(agent),
      rules: [...rules],
      forwards: [...forwards],
      allow: this.allowRules(agent),
      intercept: rules.length > 0,
      ...reportIntervalOf(this.fleet.agents.length),
      ...(agentRelease === undefined ? {} : { agentRelease }),
    };
  }

  wantedAt(siteId: string): WantedAtSite {
    return remembered(this.wanted, siteId, () => {
      const site = this.sitesById.get(siteId);
      if (site === undefined) return NOTHING;
      const policies = policiesAt(this.fleet, siteId);
      return {
        rules: effectiveRules(policies, site).flatMap(({ rule }) => this.flowRules(rule, site)),
        forwards: effectiveForwards(policies, site).flatMap((forward) => this.toForwards(forward, site)),
      };
    });
  }

  private neighboursOf(site: Site): readonly Site[] {
    return remembered(this.neighbours, site.id, () => this.topology.neighboursOf(site));
  }

  /** What a rule means at the agents of one site. */
  private flowRules(rule: PolicyRule, source: Site): readonly FlowRule[] {
    if (!selectsSite(rule.source, source)) return [];
    if (rule.action === 'accelerate') return acceleratingRules(rule, this.neighboursOf(source));
    // The same wherever it applies.
    return remembered(this.local, rule, () => localRules(rule, this.sites));
  }

  /** None while the destination has no agent, or no link. */
  private toForwards(forward: PolicyForward, site: Site): Forward[] {
    const destination = this.neighboursOf(site).find(({ id }) => id === forward.destinationSiteId);
    const gateway = destination?.agents[0];
    return gateway === undefined ? [] : [toForward(forward, gateway.id)];
  }

  private peersOf(agent: FleetAgent): Peer[] {
    const site = this.sitesById.get(agent.siteId);
    if (site === undefined) return [];
    return this.neighboursOf(site)
      .flatMap((neighbour) => {
        const link = this.links.get(pairKey(site.id, neighbour.id));
        return link === undefined ? [] : neighbour.agents.map((peer) => ({ peer, link }));
      })
      .sort((a, b) => this.placeOf(a.peer) - this.placeOf(b.peer))
      .map(({ peer, link }) =>
        toPeer(agent, peer, link, this.fleet.presharedKeys.get(pairKey(agent.id, peer.id))),
      );
  }

  private placeOf({ id }: FleetAgent): number {
    return this.agentPlaces.get(id) ?? -1;
  }

  /** What the agents of other sites accelerate and forward towards this one. */
  private allowRules(agent: FleetAgent): AllowRule[] {
    const site = this.sitesById.get(agent.siteId);
    if (site === undefined) return [];
    return this.neighboursOf(site).flatMap((neighbour) => {
      const { rules, forwards } = this.towards(neighbour.id).get(agent.id) ?? NOTHING;
      const grants = mergeByPorts([...rules.map(grantOfRule), ...forwards.map(grantOfForward)]);
      return neighbour.agents.flatMap((peer) => grants.map((grant) => ({ peerAgentId: peer.id, ...grant })));
    });
  }

  /** What is wanted at a site, by the far agent that opens it. */
  private towards(siteId: string): ReadonlyMap<string, WantedAtSite> {
    return remembered(this.wantedTowards, siteId, () => {
      const { rules, forwards } = this.wantedAt(siteId);
      const towards = new Map<string, { rules: FlowRule[]; forwards: Forward[] }>();
      const of = (agentId: string) =>
        remembered(towards, agentId, (): { rules: FlowRule[]; forwards: Forward[] } => ({
          rules: [],
          forwards: [],
        }));
      for (const rule of rules) if (rule.peerAgentId !== undefined) of(rule.peerAgentId).rules.push(rule);
      for (const forward of forwards) of(forward.peerAgentId).forwards.push(forward);
      return towards;
    });
  }
}

/**
 * Of a large fleet each agent reports the less often, so that no more than some 1,000 messages come a second: nats-server has
 * as much to do for one of two records as for one of a hundred. Not said where it is the default: then a controller that learns
 * of intervals gives no agent of a small fleet a new state.
 */
const reportIntervalOf = (agents: number): Pick<DesiredState, 'reportIntervalSeconds'> => {
  const interval = REPORT_INTERVALS.find(({ moreThan }) => agents > moreThan);
  return interval === undefined ? {} : { reportIntervalSeconds: interval.seconds };
};
const REPORT_INTERVALS = [
  { moreThan: 5000, seconds: 10 },
  { moreThan: 2000, seconds: 5 },
  { moreThan: 1000, seconds: 2 },
] as const;

/** What is in the map, or is made and put there. */
const remembered = <Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value => {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
};

const groupBySite = (agents: readonly FleetAgent[]): Map<string, FleetAgent[]> => {
  const groups = new Map<string, FleetAgent[]>();
  for (const agent of agents) remembered(groups, agent.siteId, (): FleetAgent[] => []).push(agent);
  return groups;
};

const toSite = (site: FleetSite, agents: readonly FleetAgent[]): Site => ({
  id: site.id,
  labels: site.labels,
  hubSiteIds: site.hubSiteIds ?? [],
  lan: site.lanPrefixes.map((text) => Prefix.parse(text)),
  agents,
});

const namesSites = ({ siteIds, labels }: Selector): boolean => siteIds.length > 0 || labels.length > 0;

const selectsSite = (selector: Selector, site: Site): boolean =>
  !namesSites(selector) ||
  selector.siteIds.includes(site.id) ||
  selector.labels.some((label) => site.labels.includes(label));

const acceleratingRules = (rule: PolicyRule, neighbours: readonly Site[]): FlowRule[] =>
  neighbours.flatMap((site) => {
    const [gateway] = site.agents;
    if (gateway === undefined || !selectsSite(rule.destination, site)) return [];
    const destinations = destinationsAt(rule.destination, site).map(String);
    if (destinations.length === 0) return [];
    return [{ ...toFlowRule(rule, `${rule.id}/${site.id}`, destinations), peerAgentId: gateway.id }];
  });

/** A site that has not said its LAN prefixes is taken at the selector's word, if it is named. */
const destinationsAt = (selector: Selector, site: Site): Prefix[] => {
  const asked = selector.prefixes.map((text) => Prefix.parse(text));
  if (asked.length === 0) return outermost(site.lan);
  if (site.lan.length === 0) return namesSites(selector) ? outermost(asked) : [];
  return intersectPrefixes(site.lan, asked);
};

const localRules = (rule: PolicyRule, sites: readonly Site[]): FlowRule[] => {
  const { destination } = rule;
  if (!namesSites(destination)) return [toFlowRule(rule, rule.id, destination.prefixes)];
  const destinations = outermost(
    sites
      .filter((site) => selectsSite(destination, site))
      .flatMap((site) => destinationsAt(destination, site)),
  ).map(String);
  // No address is no rule: an empty list would mean any.
  return chunks(destinations, MAX_PREFIXES).map((part, index) =>
    toFlowRule(rule, index === 0 ? rule.id : `${rule.id}/${String(index + 1)}`, part),
  );
};

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

const toFlowRule = (rule: PolicyRule, id: string, destinations: readonly string[]): FlowRule => ({
  id,
  name: rule.name,
  sources: rule.source.prefixes,
  destinations: [...destinations],
  ports: portsOf(rule),
  action: rule.action,
  class: rule.class,
  weight: rule.weight,
  compression: rule.compression,
  whenPeerDown: rule.whenPeerDown,
  ...rateLimitOf(rule),
});

/** None is left out: then a controller that learns of limits gives no agent a new state. */
const rateLimitOf = ({ rateLimitMbps }: PolicyRule | PolicyForward): Pick<FlowRule, 'rateLimitMbps'> =>
  rateLimitMbps === null ? {} : { rateLimitMbps };

const toForward = (forward: PolicyForward, peerAgentId: string): Forward => ({
  listenAddress: forward.listenAddress,
  listenPort: forward.listenPort,
  peerAgentId,
  targetAddress: forward.targetAddress,
  targetPort: forward.targetPort,
  class: forward.class,
  weight: forward.weight,
  compression: forward.compression,
  whenPeerDown: forward.whenPeerDown,
  ...rateLimitOf(forward),
});

const portsOf = (rule: PolicyRule): PortRange[] =>
  rule.application === null ? rule.ports : [...(findApplication(rule.application)?.ports ?? [])];

const toPeer = (
  agent: FleetAgent,
  peer: FleetAgent,
  link: FleetLink,
  presharedKey: string | undefined,
): Peer => {
  const rateMbps = link.siteAId === agent.siteId ? link.rateMbpsAToB : link.rateMbpsBToA;
  return {
    agentId: peer.id,
    siteId: peer.siteId,
    name: peer.hostname.slice(0, MAX_NAME_LENGTH),
    publicKey: peer.tunnelPublicKey,
    ...(peer.nextTunnelPublicKey ? { nextPublicKey: peer.nextTunnelPublicKey } : {}),
    ...(presharedKey === undefined ? {} : { presharedKey }),
    endpoints: [...peer.endpoints],
    profile: link.profile,
    cipherSuite: link.cipherSuite,
    ...(rateMbps === null ? {} : { rateMbps }),
    maxUdpPayload: link.maxUdpPayload,
    ...classWeightsOf(link),
  };
};

/** Not said where they are the default: then a controller that learns of weights gives no agent a new state. */
const classWeightsOf = ({ classWeights }: FleetLink): Pick<Peer, 'classWeights'> =>
  classWeights === undefined || canonicalJson(classWeights) === CANONICAL_DEFAULT_WEIGHTS
    ? {}
    : { classWeights };
const CANONICAL_DEFAULT_WEIGHTS = canonicalJson(DEFAULT_CLASS_WEIGHTS);

/** What one connection may be opened to. */
interface Grant {
  readonly ports: readonly PortRange[];
  readonly prefixes: readonly Prefix[];
}

const grantOfRule = ({ ports, destinations }: FlowRule): Grant => ({
  ports: ports.length === 0 ? [ANY_PORT] : ports,
  prefixes: destinations.map((text) => Prefix.parse(text)),
});

const grantOfForward = ({ targetAddress, targetPort }: Forward): Grant => ({
  ports: [{ from: targetPort, to: targetPort }],
  prefixes: [hostPrefix(targetAddress)],
});

const mergeByPorts = (grants: readonly Grant[]): Omit<AllowRule, 'peerAgentId'>[] => {
  const byPorts = new Map<string, { ports: PortRange[]; prefixes: Prefix[] }>();
  for (const { ports, prefixes } of grants) {
    const key = canonicalJson(ports);
    const merged = byPorts.get(key) ?? { ports: [...ports], prefixes: [] };
    merged.prefixes.push(...prefixes);
    byPorts.set(key, merged);
  }
  return [...byPorts.values()].flatMap(({ ports, prefixes }) =>
    chunks(outermost(prefixes).map(String), MAX_PREFIXES).map((part) => ({ prefixes: part, ports })),
  );
};
