import {
  DESIRED_STATE_LIMITS,
  desiredStateSchema,
  policyRuleId,
  type DesiredState,
} from '@longhaul/contracts';
import { randomBytes, randomUUID } from 'node:crypto';
import { compileFleet } from './compile.js';
import {
  orderedPair,
  pairKey,
  type Fleet,
  type FleetAgent,
  type FleetLink,
  type FleetSite,
} from './fleet.js';
import { policyRuleSchema, type PolicyRule } from './policy-document.js';
import type { ScopedPolicy } from './scoped-policy.js';
import { assertFits } from './state-limits.js';

const organizationId = randomUUID();

const site = (...lanPrefixes: string[]): FleetSite => ({ id: randomUUID(), labels: [], lanPrefixes });
const labelled = (label: string, ...lanPrefixes: string[]): FleetSite => ({
  ...site(...lanPrefixes),
  labels: [label],
});
const agentAt = ({ id: siteId }: FleetSite): FleetAgent => ({
  id: randomUUID(),
  siteId,
  hostname: 'edge',
  tunnelPublicKey: randomBytes(32).toString('base64'),
  tunnelPort: 4500,
  endpoints: ['198.51.100.1:4500'],
});
const link = (a: FleetSite, b: FleetSite, settings: Partial<FleetLink> = {}): FleetLink => {
  const [siteAId, siteBId] = orderedPair(a.id, b.id);
  return {
    siteAId,
    siteBId,
    profile: 'fair',
    cipherSuite: 'aes-128-gcm',
    rateMbpsAToB: null,
    rateMbpsBToA: null,
    maxUdpPayload: 1472,
    ...settings,
  };
};
const rule = (id: string, settings: object): PolicyRule =>
  policyRuleSchema.parse({
    id,
    name: id,
    priority: 10,
    source: {},
    destination: {},
    action: 'accelerate',
    ...settings,
  });

const policyOf = (rules: PolicyRule[]): ScopedPolicy => ({
  id: randomUUID(),
  scope: 'ORGANIZATION',
  target: '',
  revision: 1,
  document: { rules, forwards: [], tests: [] },
});

const paris = labelled('hub', '10.1.0.0/16');
const lyon = labelled('branch', '10.2.0.0/16', 'fd00:2::/32');
const nice = labelled('branch', '10.3.0.0/16');
const [parisAgent, lyonAgent, niceAgent] = [paris, lyon, nice].map(agentAt) as [
  FleetAgent,
  FleetAgent,
  FleetAgent,
];

const fleetOf = (rules: PolicyRule[], changes: Partial<Fleet> = {}): Fleet => ({
  organizationId,
  sites: [paris, lyon, nice],
  agents: [parisAgent, lyonAgent, niceAgent],
  links: [link(paris, lyon), link(paris, nice), link(lyon, nice)],
  policies: [policyOf(rules)],
  presharedKeys: new Map(),
  ...changes,
});

/** As the agent would get it: what the contract refuses fails here. */
const compileFor = (agent: FleetAgent, fleet: Fleet): DesiredState =>
  desiredStateSchema.parse({
    ...new Map(compileFleet(fleet)).get(agent.id),
    epoch: 1,
    generation: 1,
    policyRevision: null,
  });

test('accelerate means the LAN of each other site, by the agent of that site', () => {
  const state = compileFor(parisAgent, fleetOf([rule('all', {})]));
  expect(state.rules.map(({ id, destinations, peerAgentId }) => ({ id, destinations, peerAgentId }))).toEqual(
    [
      { id: `all/${lyon.id}`, destinations: ['10.2.0.0/16', 'fd00:2::/32'], peerAgentId: lyonAgent.id },
      { id: `all/${nice.id}`, destinations: ['10.3.0.0/16'], peerAgentId: niceAgent.id },
    ],
  );
  expect(state.intercept).toBe(true);
  expect(state.rules.map(({ id }) => policyRuleId(id))).toEqual(['all', 'all']);
});

test('a rule applies at the agents of its source sites only, by id or by any label', () => {
  const byId = fleetOf([rule('one', { source: { siteIds: [paris.id] } })]);
  expect(compileFor(parisAgent, byId).rules).toHaveLength(2);
  expect(compileFor(lyonAgent, byId).rules).toHaveLength(0);
  const byLabel = fleetOf([
    rule('two', { source: { labels: ['branch'] }, destination: { labels: ['hub'] } }),
  ]);
  expect(compileFor(parisAgent, byLabel).rules).toHaveLength(0);
  expect(compileFor(niceAgent, byLabel).rules.map((found) => found.peerAgentId)).toEqual([parisAgent.id]);
});

test('prefixes narrow what a site means', () => {
  const { rules } = compileFor(
    parisAgent,
    fleetOf([rule('narrow', { destination: { prefixes: ['10.2.7.0/24', '10.9.0.0/16'] } })]),
  );
  expect(rules.map(({ destinations }) => destinations)).toEqual([['10.2.7.0/24']]);
});

test('a destination that holds no address is no rule: it never turns into any', () => {
  const bare = site();
  const elsewhere = { siteIds: [lyon.id], prefixes: ['192.0.2.0/24'] };
  for (const action of ['accelerate', 'pass', 'deny']) {
    const toBare = fleetOf([rule('bare', { action, destination: { siteIds: [bare.id] } })], {
      sites: [paris, lyon, nice, bare],
      agents: [parisAgent, agentAt(bare)],
      links: [link(paris, bare)],
    });
    expect(compileFor(parisAgent, toBare).rules).toEqual([]);
    expect(
      compileFor(parisAgent, fleetOf([rule('disjoint', { action, destination: elsewhere })])).rules,
    ).toEqual([]);
  }
});

test('the far side allows what rules accelerate towards it, from their peers, and nothing else', () => {
  const fleet = fleetOf([
    rule('smb', {
      source: { siteIds: [paris.id] },
      destination: { siteIds: [lyon.id], prefixes: ['10.2.1.0/24'] },
      application: 'smb',
    }),
    rule('more', {
      source: { siteIds: [paris.id] },
      destination: { siteIds: [lyon.id] },
      ports: [{ from: 445, to: 445 }],
    }),
    rule('no', { action: 'deny', source: { siteIds: [nice.id] }, destination: { siteIds: [lyon.id] } }),
    rule('off', { enabled: false }),
  ]);
  expect(compileFor(lyonAgent, fleet).allow).toEqual([
    {
      peerAgentId: parisAgent.id,
      prefixes: ['10.2.0.0/16', 'fd00:2::/32'],
      ports: [{ from: 445, to: 445 }],
    },
  ]);
  expect(compileFor(parisAgent, fleet).allow).toEqual([]);
  expect(compileFor(niceAgent, fleet).allow).toEqual([]);
});

test('rules are asked by priority, and as written where that is equal', () => {
  const fleet = fleetOf([
    rule('c', { priority: 20, action: 'pass' }),
    rule('b', { priority: 10, action: 'deny' }),
    rule('a', { priority: 10, action: 'pass' }),
  ]);
  expect(compileFor(parisAgent, fleet).rules.map(({ id }) => id)).toEqual(['b', 'a', 'c']);
});

test('a link gives each side its own direction', () => {
  const fleet = fleetOf([], {
    links: [
      link(paris, lyon, {
        profile: 'fixed',
        cipherSuite: 'chacha20-poly1305',
        rateMbpsAToB: 100,
        rateMbpsBToA: 20,
      }),
    ],
    presharedKeys: new Map([[pairKey(parisAgent.id, lyonAgent.id), 'A'.repeat(43) + '=']]),
  });
  const [lower, higher] = paris.id < lyon.id ? [parisAgent, lyonAgent] : [lyonAgent, parisAgent];
  const towards = (agent: FleetAgent) => compileFor(agent, fleet).peers;
  expect(towards(lower)).toMatchObject([{ agentId: higher.id, rateMbps: 100, profile: 'fixed' }]);
  expect(towards(higher)).toMatchObject([
    { agentId: lower.id, rateMbps: 20, cipherSuite: 'chacha20-poly1305' },
  ]);
  expect(towards(lower)[0]?.presharedKey).toBe(towards(higher)[0]?.presharedKey);
});

test('agents of one site share its rules and are no peers; each peer may open', () => {
  const second = agentAt(paris);
  const fleet = fleetOf(
    [rule('all', { source: { siteIds: [paris.id] }, destination: { siteIds: [lyon.id] } })],
    {
      agents: [parisAgent, second, lyonAgent],
    },
  );
  expect(compileFor(second, fleet).rules).toEqual(compileFor(parisAgent, fleet).rules);
  expect(compileFor(second, fleet).peers.map(({ agentId }) => agentId)).toEqual([lyonAgent.id]);
  expect(compileFor(lyonAgent, fleet).allow.map(({ peerAgentId }) => peerAgentId)).toEqual([
    parisAgent.id,
    second.id,
  ]);
});

test('without a policy nothing is intercepted and nothing allowed, but peers are known', () => {
  const state = compileFor(parisAgent, fleetOf([]));
  expect(state).toMatchObject({ rules: [], allow: [], intercept: false });
  expect(state.peers).toHaveLength(2);
});

test('a spoke has rules, forwards and peers towards its hubs only, and allows nobody else', () => {
  const spoke = { ...nice, hubSiteIds: [paris.id] };
  const forward = {
    name: 'to lyon',
    siteId: spoke.id,
    listenAddress: '10.3.0.1',
    listenPort: 9000,
    destinationSiteId: lyon.id,
    targetAddress: '10.2.0.9',
    targetPort: 9000,
    class: 'bulk',
    weight: 10,
    compression: 'auto',
    whenPeerDown: 'pass',
    rateLimitMbps: null,
  } as const;
  const policy = policyOf([rule('all', {})]);
  const document = {
    ...policy.document,
    forwards: [
      forward,
      { ...forward, listenPort: 9001, destinationSiteId: paris.id, targetAddress: '10.1.0.9' },
    ],
  };
  const fleet = fleetOf([], { sites: [paris, lyon, spoke], policies: [{ ...policy, document }] });
  const state = compileFor(niceAgent, fleet);
  expect(state.peers.map(({ agentId }) => agentId)).toEqual([parisAgent.id]);
  expect(state.rules.map(({ peerAgentId }) => peerAgentId)).toEqual([parisAgent.id]);
  expect(state.forwards.map(({ listenPort }) => listenPort)).toEqual([9001]);
  expect(state.allow.map(({ peerAgentId }) => peerAgentId)).toEqual([parisAgent.id]);
  expect(compileFor(lyonAgent, fleet).peers.map(({ agentId }) => agentId)).toEqual([parisAgent.id]);
});

test('agents of a small fleet report as often as they do by themselves', () => {
  expect(compileFor(parisAgent, fleetOf([rule('all', {})])).reportIntervalSeconds).toBeUndefined();
});

test('a fleet of thousands of spokes is compiled link by link', () => {
  const hubs = [site('10.0.0.0/24'), site('10.0.1.0/24')];
  const spokes = Array.from({ length: 3000 }, (_, i) => ({
    ...site(`10.${String(1 + (i >> 8))}.${String(i & 255)}.0/24`),
    hubSiteIds: [hubs[i % 2]?.id ?? ''],
  }));
  const sites = [...hubs, ...spokes];
  const agents = sites.map(agentAt);
  const links = spokes.map((spoke, i) => link(spoke, hubs[i % 2] ?? spoke));
  const compiled = new Map(compileFleet(fleetOf([rule('all', {})], { sites, agents, links })));
  const peers = [...compiled.values()].reduce((sum, content) => sum + content.peers.length, 0);
  expect(compiled.size).toBe(3002);
  expect(new Set([...compiled.values()].map((content) => content.reportIntervalSeconds))).toEqual(
    new Set([5]),
  );
  expect(peers).toBe(2 * links.length);
});

test.each(['rules', 'allow', 'forwards', 'peers'] as const)(
  'more %s than an agent accepts are refused, by the name of the site, in words that it shows whole',
  (list) => {
    const name = 'x'.repeat(100);
    const nothing = { siteId: paris.id, rules: [], allow: [], forwards: [], peers: [] };
    const assertCount = (count: number) => () => {
      assertFits({ sites: [lyon, { ...paris, name }] }, { ...nothing, [list]: Array(count).fill({}) });
    };
    const limit = DESIRED_STATE_LIMITS[list];
    expect(assertCount(limit)).not.toThrow();
    const words = new RegExp(
      `^site "x{100}" would have ${String(limit + 1)} of at most ${String(limit)} .{1,180}$`,
    );
    expect(assertCount(limit + 1)).toThrow(words);
  },
);
