import type { PeerOptions, TrafficClass } from '@longhaul/tunnel';
import { formatSocketAddress, parseIp, Prefix, type SocketAddress } from './addresses.js';

/** `auto`: the codec that fits link and CPU; `off`: none; `strongest`: the smallest output. */
export type Compression = 'auto' | 'off' | 'strongest';
/** What becomes of a new connection while its peer cannot be reached: straight to its destination, or refused. */
export type WhenPeerDown = 'pass' | 'refuse';

/** An inclusive range of ports. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** How an accelerated connection is carried. */
export interface Treatment {
  readonly peerId: string;
  readonly class: TrafficClass;
  /** Share among the streams of its class, 1 to 100. */
  readonly weight: number;
  readonly compression: Compression;
  readonly whenPeerDown: WhenPeerDown;
  /**
   * What all connections of the rule or forward together may carry of the application's bytes, each way, in Mbit/s; more
   * than 0. Where it is reached applications wait; nothing is dropped. By default there is no limit.
   */
  readonly rateLimitMbps?: number;
  /** Rules of one group share one limit; by default each has its own. */
  readonly limitGroup?: string;
}

/** Which limit the connections of a rule or forward have. */
export function limitGroup(ruleId: string, treatment: Treatment): string {
  return treatment.limitGroup ?? ruleId;
}

/** The limits of a state in Mbit/s, by group; undefined: none. */
export function rateLimits({ rules, forwards }: DataPlaneState): Map<string, number | undefined> {
  const limits = new Map<string, number | undefined>();
  for (const [id, treatment] of treatments(rules, forwards))
    limits.set(limitGroup(id, treatment), treatment.rateLimitMbps);
  return limits;
}

function treatments(
  rules: readonly FlowRule[],
  forwards: readonly ForwardState[],
): (readonly [id: string, treatment: Treatment])[] {
  const accelerated = rules.flatMap((rule) =>
    rule.action === 'accelerate' ? [[rule.id, rule.treatment] as const] : [],
  );
  return [...accelerated, ...forwards.map(({ id, treatment }) => [id, treatment] as const)];
}

/** Which connections; an empty list of addresses or ports means any. */
export interface FlowSelector {
  readonly id: string;
  readonly sources: readonly string[];
  readonly destinations: readonly string[];
  readonly ports: readonly PortRange[];
}

/** What becomes of the connections that it selects. The first rule that matches decides. */
export type FlowRule = FlowSelector &
  (
    | { readonly action: 'accelerate'; readonly treatment: Treatment }
    | { readonly action: 'pass' }
    | { readonly action: 'deny' }
  );

/** Connections to `listen` are opened by the peer to `target`. */
export interface ForwardState {
  readonly id: string;
  readonly listen: SocketAddress;
  readonly target: SocketAddress;
  readonly treatment: Treatment;
}

/** What a peer may have this agent open. */
export interface AllowRule {
  readonly peerId: string;
  readonly prefixes: readonly string[];
  readonly ports: readonly PortRange[];
}

/** Everything that a data plane has to be. */
export interface DataPlaneState {
  /** X25519 static private key, 32 bytes. Where it changes, streams go on. */
  readonly privateKey: Uint8Array;
  /** The key before it, for as long as peers may not know the new one yet. */
  readonly previousPrivateKey?: Uint8Array;
  /** Where the tunnel's UDP socket listens; `::` takes IPv4 too. */
  readonly tunnel: SocketAddress;
  readonly peers: readonly PeerOptions[];
  readonly rules: readonly FlowRule[];
  readonly forwards: readonly ForwardState[];
  readonly allow: readonly AllowRule[];
  /** Whether connections that `rules` accelerate or deny are intercepted (nftables). */
  readonly intercept: boolean;
  /** Where the agent itself connects to: never intercepted, and opened for a peer only where an allow rule names it. */
  readonly management: readonly SocketAddress[];
}

/** A state that cannot be put in force; the one before stays. */
export class StateError extends Error {
  constructor(
    /** One sentence for each thing that is wrong. */
    readonly problems: readonly string[],
  ) {
    super(problems.join('; '));
    this.name = 'StateError';
  }
}

/** @throws StateError that names everything that is wrong */
export function validateState(state: DataPlaneState): void {
  const problems = [
    ...keyProblems(state),
    ...peerProblems(state.peers),
    ...forwardProblems(state),
    ...ruleProblems(state),
    ...allowProblems(state),
    ...limitProblems(state),
  ];
  if (problems.length > 0) throw new StateError(problems);
}

function* keyProblems(state: DataPlaneState): Iterable<string> {
  const { privateKey, previousPrivateKey, tunnel, management } = state;
  if (privateKey.length !== 32) yield 'the private key must be 32 bytes';
  if (previousPrivateKey !== undefined && previousPrivateKey.length !== 32)
    yield 'the previous private key must be 32 bytes';
  yield* socketProblems('tunnel', tunnel, 0);
  for (const address of management) yield* socketProblems('management', address, 0);
}

/** Of a peer: its key, and the one that it is about to use. */
export function publicKeys({ publicKey, nextPublicKey }: PeerOptions): Uint8Array[] {
  return nextPublicKey === undefined ? [publicKey] : [publicKey, nextPublicKey];
}

function* peerProblems(peers: readonly PeerOptions[]): Iterable<string> {
  yield* duplicates(
    'peer',
    peers.map((peer) => peer.id),
  );
  yield* duplicates(
    'public key',
    peers.flatMap((peer) => publicKeys(peer).map((key) => Buffer.from(key).toString('base64'))),
  );
  for (const peer of peers) {
    if (publicKeys(peer).some((key) => key.length !== 32))
      yield `peer ${peer.id}: a public key must be 32 bytes`;
    if (peer.presharedKey !== undefined && peer.presharedKey.length !== 32)
      yield `peer ${peer.id}: the pre-shared key must be 32 bytes`;
    if (peer.profile === 'fixed' && peer.rateMbps === undefined)
      yield `peer ${peer.id}: the profile fixed needs rateMbps`;
    if (peer.rateMbps !== undefined && !(peer.rateMbps > 0))
      yield `peer ${peer.id}: rateMbps must be more than 0`;
    if (!(peer.maxUdpPayload >= 1200 && peer.maxUdpPayload <= 16_384))
      yield `peer ${peer.id}: maxUdpPayload must be 1200 to 16384`;
    for (const weight of Object.values(peer.classWeights ?? {}))
      if (!(weight > 0)) yield `peer ${peer.id}: class weights must be more than 0`;
    for (const endpoint of peer.endpoints) yield* socketProblems(`peer ${peer.id}`, endpoint, 1);
  }
}

function* forwardProblems({ forwards, peers }: DataPlaneState): Iterable<string> {
  yield* duplicates(
    'forward from',
    forwards.map((forward) => formatSocketAddress(forward.listen)),
  );
  for (const { id, listen, target, treatment } of forwards) {
    yield* socketProblems(`forward ${id}: listen`, listen, 1);
    yield* socketProblems(`forward ${id}: target`, target, 1);
    yield* treatmentProblems(`forward ${id}`, treatment, peers);
  }
}

function* ruleProblems({ rules, peers }: DataPlaneState): Iterable<string> {
  yield* duplicates(
    'rule',
    rules.map((rule) => rule.id),
  );
  for (const rule of rules) {
    const name = `rule ${rule.id}`;
    for (const prefix of [...rule.sources, ...rule.destinations]) yield* prefixProblems(name, prefix);
    for (const range of rule.ports) yield* portProblems(name, range);
    if (rule.action === 'accelerate') yield* treatmentProblems(name, rule.treatment, peers);
  }
}

function* allowProblems({ allow, peers }: DataPlaneState): Iterable<string> {
  for (const [index, { peerId, prefixes, ports }] of allow.entries()) {
    const name = `allow rule ${index + 1}`;
    if (!peers.some((peer) => peer.id === peerId)) yield `${name}: there is no peer ${peerId}`;
    for (const prefix of prefixes) yield* prefixProblems(name, prefix);
    for (const range of ports) yield* portProblems(name, range);
  }
}

function* limitProblems({ rules, forwards }: DataPlaneState): Iterable<string> {
  const limits = new Map<string, number | undefined>();
  for (const [id, treatment] of treatments(rules, forwards)) {
    const group = limitGroup(id, treatment);
    const { rateLimitMbps } = treatment;
    if (rateLimitMbps !== undefined && !(rateLimitMbps > 0)) yield `${id}: rateLimitMbps must be more than 0`;
    if (limits.has(group) && limits.get(group) !== rateLimitMbps)
      yield `${id}: rateLimitMbps differs from that of others of the group ${group}`;
    limits.set(group, rateLimitMbps);
  }
}

function* treatmentProblems(
  name: string,
  treatment: Treatment,
  peers: readonly PeerOptions[],
): Iterable<string> {
  if (!peers.some((peer) => peer.id === treatment.peerId))
    yield `${name}: there is no peer ${treatment.peerId}`;
  if (!(Number.isInteger(treatment.weight) && treatment.weight >= 1 && treatment.weight <= 100))
    yield `${name}: the weight must be 1 to 100`;
}

function* socketProblems(name: string, { address, port }: SocketAddress, lowest: 0 | 1): Iterable<string> {
  if (!succeeds(() => parseIp(address))) yield `${name}: ${address} is not an IP address`;
  if (!(Number.isInteger(port) && port >= lowest && port <= 65_535)) yield `${name}: ${port} is not a port`;
}

function* prefixProblems(name: string, prefix: string): Iterable<string> {
  if (!succeeds(() => Prefix.parse(prefix))) yield `${name}: ${prefix} is not a prefix`;
}

function* portProblems(name: string, { from, to }: PortRange): Iterable<string> {
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 1 && from <= to && to <= 65_535))
    yield `${name}: ${from}-${to} is not a range of ports`;
}

function* duplicates(what: string, names: readonly string[]): Iterable<string> {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) yield `${what} ${name} is there twice`;
    seen.add(name);
  }
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}
