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
  readonly lan: readonly Prefix[];
  /** Approved agents; the first is the one that opens connections for other sites. */
  readonly agents: readonly FleetAgent[];
}

/**
 * Compiles what every agent of a fleet has to be.
 *
 * A rule applies at the agents of its source sites. `accelerate` becomes one flow rule for each destination site that has
 * an agent, for what the rule and that site's LAN prefixes have in common; that site's agent allows exactly this, and
 * nothing else. A forward is listened for by all agents of its site. Peers are the approved agents of all other sites.
 */
export const compileFleet = (fleet: Fleet): Map<string, DesiredContent> => {
  const sites = fleet.sites.map((site) => toSite(site, fleet.agents));
  const wanted = new Map(sites.map((site) => [site.id, wantedAt(site, fleet, sites)]));
  const links = new Map(fleet.links.map((link) => [pairKey(link.siteAId, link.siteBId), link]));
  return new Map(
    fleet.agents.map((agent) => {
      const { rules, forwards } = wanted.get(agent.siteId) ?? NOTHING;
      const content: DesiredContent = {
        version: DESIRED_STATE_VERSION,
        organizationId: fleet.organizationId,
        agentId: agent.id,
        siteId: agent.siteId,
        tunnelPort: agent.tunnelPort,
        peers: peersOf(agent, fleet, links),
        rules: [...rules],
        forwards: [...forwards],
        allow: allowRules(agent, sites, wanted),
        intercept: rules.length > 0,
      };
      const agentRelease = fleet.releases?.get(agent.siteId);
      return [agent.id, agentRelease === undefined ? content : { ...content, agentRelease }];
    }),
  );
};

/** The flow rules of every site, in the order in which its agents ask them. */
export const compileRules = (fleet: Fleet): Map<string, readonly FlowRule[]> => {
  const sites = fleet.sites.map((site) => toSite(site, fleet.agents));
  return new Map(sites.map((site) => [site.id, wantedAt(site, fleet, sites).rules]));
};

/** What the agents of one site do with connections. */
interface WantedAtSite {
  readonly rules: readonly FlowRule[];
  readonly forwards: readonly Forward[];
}

const NOTHING: WantedAtSite = { rules: [], forwards: [] };

const wantedAt = (site: Site, fleet: Fleet, sites: readonly Site[]): WantedAtSite => {
  const policies = policiesAt(fleet, site.id);
  return {
    rules: effectiveRules(policies, site).flatMap(({ rule }) => flowRules(rule, site, sites)),
    forwards: effectiveForwards(policies, site).flatMap((forward) => toForwards(forward, sites)),
  };
};

const toSite = (site: FleetSite, agents: readonly FleetAgent[]): Site => ({
  id: site.id,
  labels: site.labels,
  lan: site.lanPrefixes.map((text) => Prefix.parse(text)),
  agents: agents.filter((agent) => agent.siteId === site.id),
});

const namesSites = ({ siteIds, labels }: Selector): boolean => siteIds.length > 0 || labels.length > 0;

const selectsSite = (selector: Selector, site: Site): boolean =>
  !namesSites(selector) ||
  selector.siteIds.includes(site.id) ||
  selector.labels.some((label) => site.labels.includes(label));

/** What a rule means at the agents of one site. */
const flowRules = (rule: PolicyRule, source: Site, sites: readonly Site[]): FlowRule[] => {
  if (!selectsSite(rule.source, source)) return [];
  return rule.action === 'accelerate' ? acceleratingRules(rule, source, sites) : localRules(rule, sites);
};

const acceleratingRules = (rule: PolicyRule, source: Site, sites: readonly Site[]): FlowRule[] =>
  sites.flatMap((site) => {
    const [gateway] = site.agents;
    if (site.id === source.id || gateway === undefined || !selectsSite(rule.destination, site)) return [];
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

/** None while the destination has no agent. */
const toForwards = (forward: PolicyForward, sites: readonly Site[]): Forward[] => {
  const gateway = sites.find(({ id }) => id === forward.destinationSiteId)?.agents[0];
  if (gateway === undefined) return [];
  return [
    {
      listenAddress: forward.listenAddress,
      listenPort: forward.listenPort,
      peerAgentId: gateway.id,
      targetAddress: forward.targetAddress,
      targetPort: forward.targetPort,
      class: forward.class,
      weight: forward.weight,
      compression: forward.compression,
      whenPeerDown: forward.whenPeerDown,
      ...rateLimitOf(forward),
    },
  ];
};

const portsOf = (rule: PolicyRule): PortRange[] =>
  rule.application === null ? rule.ports : [...(findApplication(rule.application)?.ports ?? [])];

const peersOf = (agent: FleetAgent, fleet: Fleet, links: ReadonlyMap<string, FleetLink>): Peer[] =>
  fleet.agents.flatMap((peer) => {
    const link = links.get(pairKey(agent.siteId, peer.siteId));
    if (peer.siteId === agent.siteId || link === undefined) return [];
    const rateMbps = link.siteAId === agent.siteId ? link.rateMbpsAToB : link.rateMbpsBToA;
    const presharedKey = fleet.presharedKeys.get(pairKey(agent.id, peer.id));
    return [
      {
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
      },
    ];
  });

/** Not said where they are the default: then a controller that learns of weights gives no agent a new state. */
const classWeightsOf = ({ classWeights = DEFAULT_CLASS_WEIGHTS }: FleetLink): Pick<Peer, 'classWeights'> =>
  canonicalJson(classWeights) === canonicalJson(DEFAULT_CLASS_WEIGHTS) ? {} : { classWeights };

/** What one connection may be opened to. */
interface Grant {
  readonly ports: readonly PortRange[];
  readonly prefixes: readonly Prefix[];
}

/** What the agents of other sites accelerate and forward towards this one. */
const allowRules = (
  agent: FleetAgent,
  sites: readonly Site[],
  wanted: ReadonlyMap<string, WantedAtSite>,
): AllowRule[] =>
  sites
    .filter((site) => site.id !== agent.siteId)
    .flatMap((site) => {
      const { rules, forwards } = wanted.get(site.id) ?? NOTHING;
      const grants = mergeByPorts([
        ...rules.filter(({ peerAgentId }) => peerAgentId === agent.id).map(grantOfRule),
        ...forwards.filter(({ peerAgentId }) => peerAgentId === agent.id).map(grantOfForward),
      ]);
      return site.agents.flatMap((peer) => grants.map((grant) => ({ peerAgentId: peer.id, ...grant })));
    });

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
