import { parseIp, Prefix, type IpAddress, type SocketAddress } from './addresses.js';
import type { AllowRule, PortRange } from './state.js';

/**
 * Addresses that mean the agent's own machine or its neighbourhood (RFC 6890): a wide rule such as 0.0.0.0/0 does not
 * mean them, only a prefix that lies inside such a block does.
 */
const SPECIAL_BLOCKS = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/127',
  'fe80::/10',
  'ff00::/8',
].map((block) => Prefix.parse(block));

interface CompiledAllow {
  readonly prefixes: readonly Prefix[];
  readonly ports: readonly PortRange[];
}

/** What each peer may have this agent open. What is not allowed is refused. */
export class AllowTable {
  private readonly byPeer = new Map<string, CompiledAllow[]>();
  private readonly guarded: readonly Prefix[];

  /** `rules` have been validated; addresses of `management` are opened only where a prefix names them alone. */
  constructor(rules: readonly AllowRule[], management: readonly SocketAddress[]) {
    this.guarded = [...SPECIAL_BLOCKS, ...management.map(({ address }) => Prefix.parse(address))];
    for (const { peerId, prefixes, ports } of rules) {
      const compiled = { prefixes: prefixes.map((prefix) => Prefix.parse(prefix)), ports };
      this.byPeer.set(peerId, [...(this.byPeer.get(peerId) ?? []), compiled]);
    }
  }

  allows(peerId: string, destination: SocketAddress): boolean {
    const address = parseIp(destination.address);
    const guards = this.guarded.filter((block) => block.contains(address));
    return (this.byPeer.get(peerId) ?? []).some(
      ({ prefixes, ports }) =>
        ports.some(({ from, to }) => from <= destination.port && destination.port <= to) &&
        prefixes.some((prefix) => names(prefix, address, guards)),
    );
  }
}

function names(prefix: Prefix, address: IpAddress, guards: readonly Prefix[]): boolean {
  return prefix.contains(address) && guards.every((block) => block.covers(prefix));
}
