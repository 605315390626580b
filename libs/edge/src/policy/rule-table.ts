import { parseIp, Prefix, type IpAddress, type SocketAddress } from './addresses.js';
import type { FlowRule, PortRange } from './state.js';

interface CompiledRule {
  readonly sources: readonly Prefix[];
  readonly destinations: readonly Prefix[];
  readonly ports: readonly PortRange[];
  readonly rule: FlowRule;
}

/** The flow rules, ready to be asked. */
export class RuleTable {
  private readonly compiled: readonly CompiledRule[];

  /** `rules` have been validated. */
  constructor(rules: readonly FlowRule[]) {
    this.compiled = rules.map((rule) => ({
      sources: rule.sources.map((prefix) => Prefix.parse(prefix)),
      destinations: rule.destinations.map((prefix) => Prefix.parse(prefix)),
      ports: rule.ports,
      rule,
    }));
  }

  /** The first rule that selects a connection from `source` to `destination`, or undefined. */
  decide(source: string, destination: SocketAddress): FlowRule | undefined {
    const from = parseIp(source);
    const to = parseIp(destination.address);
    return this.compiled.find(
      ({ sources, destinations, ports }) =>
        includes(sources, from) && includes(destinations, to) && includesPort(ports, destination.port),
    )?.rule;
  }
}

function includes(prefixes: readonly Prefix[], address: IpAddress): boolean {
  return prefixes.length === 0 || prefixes.some((prefix) => prefix.contains(address));
}

function includesPort(ranges: readonly PortRange[], port: number): boolean {
  return ranges.length === 0 || ranges.some(({ from, to }) => from <= port && port <= to);
}
