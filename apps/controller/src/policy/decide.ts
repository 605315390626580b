import type { FlowRule } from '@longhaul/contracts';
import { hostPrefix, Prefix } from './prefix.js';

/** What a rule is compared with. */
export interface Connection {
  /** IP addresses. */
  readonly source: string;
  readonly destination: string;
  readonly port: number;
}

/** The rule that decides over a connection, as an agent would: the first that matches; undefined: none does. */
export const decide = (rules: readonly FlowRule[], connection: Connection): FlowRule | undefined => {
  const source = hostPrefix(connection.source);
  const destination = hostPrefix(connection.destination);
  return rules.find(
    (rule) =>
      holds(rule.sources, source) &&
      holds(rule.destinations, destination) &&
      (rule.ports.length === 0 ||
        rule.ports.some(({ from, to }) => from <= connection.port && connection.port <= to)),
  );
};

/** An empty list means any address. */
const holds = (prefixes: readonly string[], address: Prefix): boolean =>
  prefixes.length === 0 || prefixes.some((text) => Prefix.parse(text).covers(address));
