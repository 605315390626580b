import { Prefix, type SocketAddress } from '../policy/addresses.js';
import type { FlowRule, PortRange } from '../policy/state.js';
import { AGENT_MARK } from '../sockets.js';

const FAMILIES = [
  { family: 4, keyword: 'ip', any: '0.0.0.0/0' },
  { family: 6, keyword: 'ip6', any: '::/0' },
] as const;

/**
 * The nftables commands that redirect connections which `rules` accelerate or deny to the port of this machine that
 * `portOf` gives for their peer, or for undefined where they are denied, in both
 * places where connections begin: those that come through it (prerouting) and its own (output). The agent's own are
 * exempt by their mark, those to this machine by the kernel's routing table. The table belongs to the process that loads
 * it and goes with it.
 */
export function redirectRuleset(
  table: string,
  rules: readonly FlowRule[],
  portOf: (peerId: string | undefined) => number,
  management: readonly SocketAddress[],
): string {
  const name = `inet ${table}`;
  const lines = [
    `add table ${name} { flags owner; }`,
    `delete table ${name}`,
    `add table ${name} { flags owner; }`,
    `add chain ${name} select`,
    ...exemptions(management).map((match) => `add rule ${name} select ${match} return`),
    ...rules.flatMap((rule) => ruleLines(name, rule, verdictOf(rule, portOf))),
    `add chain ${name} prerouting { type nat hook prerouting priority dstnat; policy accept; }`,
    `add rule ${name} prerouting meta l4proto tcp jump select`,
    `add chain ${name} output { type nat hook output priority -100; policy accept; }`,
    `add rule ${name} output meta l4proto tcp jump select`,
  ];
  return lines.join('\n') + '\n';
}

function exemptions(management: readonly SocketAddress[]): string[] {
  return [
    `meta mark ${AGENT_MARK}`,
    'fib daddr type { local, broadcast, multicast }',
    'ip daddr 127.0.0.0/8',
    'ip6 daddr ::1',
    ...management.map(({ address, port }) => {
      const { base } = Prefix.parse(address);
      return `${base.family === 4 ? 'ip' : 'ip6'} daddr ${address} tcp dport ${port}`;
    }),
  ];
}

function verdictOf(rule: FlowRule, portOf: (peerId: string | undefined) => number): string {
  if (rule.action === 'pass') return 'accept';
  return `redirect to :${portOf(rule.action === 'accelerate' ? rule.treatment.peerId : undefined)}`;
}

function ruleLines(name: string, rule: FlowRule, verdict: string): string[] {
  return FAMILIES.flatMap(({ family, keyword, any }) => {
    const sources = ofFamily(rule.sources, family, any);
    const destinations = ofFamily(rule.destinations, family, any);
    if (sources === undefined || destinations === undefined) return [];
    const match = `${keyword} saddr ${sources} ${keyword} daddr ${destinations} ${portMatch(rule.ports)}`;
    return [`add rule ${name} select ${match} ${verdict}`];
  });
}

/** The prefixes of a family as an nftables set; undefined: the rule is not about this family. */
function ofFamily(prefixes: readonly string[], family: 4 | 6, any: string): string | undefined {
  if (prefixes.length === 0) return any;
  const parsed = prefixes.map((text) => Prefix.parse(text)).filter(({ base }) => base.family === family);
  if (parsed.length === 0) return undefined;
  return `{ ${outermost(parsed).join(', ')} }`;
}

/** nftables refuses sets whose elements overlap. */
function outermost(prefixes: readonly Prefix[]): string[] {
  const widestFirst = [...prefixes].sort((a, b) => a.length - b.length);
  const kept: Prefix[] = [];
  for (const prefix of widestFirst) {
    if (!kept.some((wider) => wider.covers(prefix))) kept.push(prefix);
  }
  return kept.map((prefix) => prefix.toString());
}

function portMatch(ranges: readonly PortRange[]): string {
  if (ranges.length === 0) return 'tcp dport 1-65535';
  const sorted = [...ranges].sort((a, b) => a.from - b.from);
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return `tcp dport { ${merged.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')} }`;
}
