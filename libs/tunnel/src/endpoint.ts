import type { Clock } from './clock.js';
import type { Environment } from './environment.js';
import { EventQueue, type TunnelEvents } from './events.js';
import {
  COOKIE_REPLY_LENGTH,
  HandshakeResponder,
  INITIATION_LENGTH,
  MAX_RESPONSE_LENGTH,
  KEY_LENGTH,
  RESPONSE_LENGTH,
  withoutMac2,
  type AdmittedPeer,
  type InitiationOutcome,
  type KeyPair,
  type EstablishedSession,
} from './handshake/index.js';
import { ADDRESS_WORDS, Receive, RECEIVE_STRIDE, type PackedAddress, type PacketCrypto } from './io.js';
import { ChunkPool } from './memory/chunk-pool.js';
import {
  BASE_UDP_PAYLOAD,
  CHUNK_BYTES,
  INITIATIONS_PER_SECOND,
  REKEY_AFTER_PACKETS,
  TAG_BYTES,
  UNKNOWN_SESSION_NOTICES_PER_SECOND,
} from './params.js';
import type { PathMemory } from './path/path-memory.js';
import { RateLimit } from './rate-limit.js';
import { tunnelStats, type TunnelStats } from './stats.js';
import { receiverIndex, Shard, type ShardOptions } from './shards.js';
import { MemoryBudget } from './streams/memory-budget.js';
import type { Stream, TrafficClass } from './streams/stream.js';
import { WaitingWriters } from './streams/waiting-writers.js';
import type { SharedResources } from './transport/stream-table.js';
import type { Transport } from './transport/transport.js';
import { PeerTunnels } from './tunnel/peer-tunnels.js';
import {
  Tunnel,
  type Farewell,
  type PeerOptions,
  type TunnelHost,
  type TunnelSession,
} from './tunnel/tunnel.js';
import { compareBytes } from './wire/compare-bytes.js';
import { PacketBuilder, SCRATCH_BYTES } from './wire/packet-builder.js';
import { DATA_HEADER_BYTES, expandLow32, high32, PacketType, UNKNOWN_SESSION_BYTES } from './wire/packet.js';
import { readU32 } from './wire/varint.js';
import { DOUBLE_ZERO } from './memory/double-field.js';

/** Share of the slab's stream memory that is for what peers send us; the rest is for what we send. */
const RECEIVE_SHARE = 1 / 2;
const ALL_SUITES = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const;

export interface EndpointOptions {
  /** X25519 static private key, 32 bytes. */
  readonly privateKey: Uint8Array;
  /** Bytes at the beginning of memory that the driver receives datagrams into. */
  readonly receiveRegionBytes: number;
  /** Packets after which a session is replaced, at most and by default 2^22. */
  readonly rekeyAfterPackets?: number;
  /** Where the UDP port is shared with other endpoints of the same keys. */
  readonly shard?: ShardOptions;
  /**
   * Of two processes, one of which takes over from the other, behind one UDP port: the top bit of the indices of this one. By
   * default there is no other, and all bits are random.
   */
  readonly half?: IndexHalf;
}

/** Top bit of an index; see {@link EndpointOptions.half}. */
export type IndexHalf = 0 | 1;

/** What the process that takes over has to know of a tunnel; see {@link Endpoint.handOver}. */
export interface HandedOverTunnel {
  readonly peerId: string;
  /** For {@link PeerOptions.predecessor}. */
  readonly incarnation: number;
  /** Where the peer is found. */
  readonly address: PackedAddress;
}

/** A new stream, as its opener wants it. */
export interface StreamOptions {
  /** At most 1024 bytes for the far side, for example where to connect to. */
  readonly openPayload: Uint8Array;
  readonly class: TrafficClass;
  /** Share among the streams of its class, 1 to 100. */
  readonly weight: number;
}

/** A datagram that is not sealed, outside of any session. */
interface Reply {
  readonly datagram: Uint8Array;
  readonly address: PackedAddress;
}

/**
 * The protocol of one data-plane worker: all tunnels behind one UDP socket. It has no socket, clock or thread; a driver
 * hands it datagrams and time, sends what it describes, and calls again when it asks to be called.
 *
 * After any call that may have produced packets (receive, a stream's write, finish, reset, release …) the driver calls
 * {@link poll} until it gives 0, and then sleeps until {@link nextTimeoutUs}.
 */
export class Endpoint implements TunnelHost {
  ownKeys: readonly KeyPair[] = [];
  readonly shared: SharedResources;
  readonly rekeyAfterPackets: number;
  /** Where the driver receives into, of the length asked for. */
  readonly receiveRegionOffset = 0;
  private readonly clock: Clock & { nowUs: number; arrivedUs: number } = {
    nowUs: DOUBLE_ZERO,
    arrivedUs: DOUBLE_ZERO,
  };
  private readonly builder: PacketBuilder;
  /** One for each of {@link ownKeys}. */
  private responders: readonly HandshakeResponder[] = [];
  private readonly tunnels = new Map<string, PeerTunnels>();
  private readonly tunnelsByKey = new Map<string, PeerTunnels>();
  /** All of {@link tunnels}, for loops that run at each turn. */
  private turn: Tunnel[] = [];
  /** See {@link setNeighbour}. */
  private neighbour = false;
  private readonly half: IndexHalf | undefined;
  private readonly sessions = new Map<number, TunnelSession>();
  private lastSession: TunnelSession | undefined = undefined;
  private readonly pendingResponses = new Map<number, Tunnel>();
  private readonly batch: (TunnelSession | undefined)[] = [];
  private replies: Reply[] = [];
  private farewells: Farewell[] = [];
  private retiredKeys: number[] = [];
  private readonly initiations = new RateLimit(INITIATIONS_PER_SECOND);
  private readonly shard: Shard | undefined;
  /** What is received now was handed over by another shard. */
  private handedOver = false;
  private readonly notices = new RateLimit(UNKNOWN_SESSION_NOTICES_PER_SECOND);

  /** Throws a RangeError when the key is not one, or memory is too small. */
  constructor(
    options: EndpointOptions,
    readonly environment: Environment,
    events: TunnelEvents,
  ) {
    const { memory } = environment;
    this.rekeyAfterPackets = Math.min(options.rekeyAfterPackets ?? Infinity, REKEY_AFTER_PACKETS);
    this.shard = options.shard && new Shard(options.shard);
    this.half = options.half;
    this.builder = new PacketBuilder(memory, options.receiveRegionBytes);
    this.shared = this.makeShared(options.receiveRegionBytes + SCRATCH_BYTES, events);
    this.setPrivateKeys(options.privateKey);
  }

  /**
   * Takes another static key while streams go on: sessions of the new one follow. With `previous` given too, peers that do not
   * know the new key yet still find us. Throws a RangeError for what is no key.
   */
  setPrivateKeys(privateKey: Uint8Array, previous?: Uint8Array): void {
    const wanted = previous === undefined ? [privateKey] : [privateKey, previous];
    const before = this.ownKeys;
    if (wanted.length === before.length && wanted.every((key, i) => isSameKey(key, before[i]))) return;
    this.ownKeys = wanted.map((key) => before.find((pair) => isSameKey(key, pair)) ?? this.keyPair(key));
    this.responders = this.ownKeys.map((keys) => this.makeResponder(keys));
    for (const tunnel of this.turn) tunnel.onOwnKeysChanged(this.ownKeys[0] !== before[0]);
  }

  /** Our newest static key. */
  get publicKey(): Uint8Array {
    return this.ownKeys[0].publicKey;
  }

  private keyPair(privateKey: Uint8Array): KeyPair {
    if (privateKey.length !== KEY_LENGTH) throw new RangeError('the private key must be 32 bytes');
    return { privateKey, publicKey: this.environment.noise.publicKey(privateKey) };
  }

  private makeResponder(staticKeys: KeyPair): HandshakeResponder {
    const { noise, random } = this.environment;
    return new HandshakeResponder(
      {
        staticKeys,
        cipherSuites: ALL_SUITES,
        allocateIndex: () => this.allocateIndex(),
        lookupPeer: (publicKey) => this.lookupPeer(publicKey),
      },
      noise,
      random,
      this.clock.nowUs / 1000,
    );
  }

  private makeShared(streamMemoryAt: number, handler: TunnelEvents): SharedResources {
    const { memory } = this.environment;
    const middle = streamMemoryAt + Math.floor((memory.length - streamMemoryAt) * RECEIVE_SHARE);
    const receivePool = new ChunkPool(memory, streamMemoryAt, middle);
    const sendPool = new ChunkPool(memory, middle, memory.length);
    const events = new EventQueue(handler);
    return {
      clock: this.clock,
      events,
      builder: this.builder,
      receivePool,
      sendPool,
      budget: new MemoryBudget(receivePool.capacity * CHUNK_BYTES),
      waitingWriters: new WaitingWriters(sendPool, events),
      random: () => {
        return readU32(this.environment.random(4), 0) / 2 ** 32;
      },
    };
  }

  // Peers

  /** Adds a peer, or changes it in place; its streams go on. Throws when another peer has one of its keys. */
  setPeer(options: PeerOptions): void {
    const present = this.tunnels.get(options.id);
    for (const name of keyNames(options)) {
      const holder = this.tunnelsByKey.get(name);
      if (holder !== undefined && holder !== present)
        throw new Error(`peer ${options.id} has the same public key as another peer`);
    }
    if (present !== undefined) {
      this.forgetKeys(present);
      for (const tunnel of present.all) tunnel.reconfigure(options);
    }
    const tunnels = present ?? new PeerTunnels(this, new Tunnel(this, options));
    this.tunnels.set(options.id, tunnels);
    for (const name of keyNames(options)) this.tunnelsByKey.set(name, tunnels);
    this.listTurn();
  }

  private forgetKeys({ primary }: PeerTunnels): void {
    for (const name of keyNames(primary.options)) this.tunnelsByKey.delete(name);
  }

  private listTurn(): void {
    this.turn = [...this.tunnels.values()].flatMap(({ all }) => all);
  }

  /** Forgets a peer; its streams are reset, and it is told. */
  removePeer(id: string): void {
    const tunnels = this.tunnels.get(id);
    if (tunnels === undefined) return;
    this.tunnels.delete(id);
    this.forgetKeys(tunnels);
    for (const tunnel of tunnels.all) this.dropTunnel(tunnel);
  }

  makeTunnel(options: PeerOptions, like: Tunnel): Tunnel {
    const tunnel = new Tunnel(this, options, 'prospective', like.history);
    this.turn = [...this.turn, tunnel];
    return tunnel;
  }

  dropTunnel(tunnel: Tunnel): void {
    const farewell = tunnel.close();
    if (farewell !== undefined) this.farewells.push(farewell);
    this.turn = this.turn.filter((other) => other !== tunnel);
  }

  primaryChanged(peerId: string): void {
    this.shared.events.push({ kind: 'up', peerId });
  }

  // One process that takes over from another

  /**
   * Another process of the same keys takes over: tunnels keep their streams, for which they renew their sessions by themselves, and
   * get new ones as long as they are asked for. With `false` it does not take over after all.
   */
  handOver(on: boolean): HandedOverTunnel[] {
    const primaries = [...this.tunnels.values()].map(({ primary }) => primary);
    for (const tunnel of primaries) tunnel.handOver(on);
    return primaries.flatMap(({ options, incarnation, peerAddress, up }) =>
      up && peerAddress !== undefined ? [{ peerId: options.id, incarnation, address: peerAddress }] : [],
    );
  }

  /** Whether another process of the same keys is behind the same port: what may be its is not answered for here. */
  setNeighbour(neighbour: boolean): void {
    this.neighbour = neighbour;
  }

  adopted(tunnel: Tunnel, session: TunnelSession): void {
    this.tunnels.get(tunnel.options.id)?.adopted(tunnel, session);
  }

  ended(tunnel: Tunnel): void {
    this.tunnels.get(tunnel.options.id)?.ended(tunnel);
  }

  besideOf({ role, options }: Tunnel): number {
    if (role === 'retiring') return 0;
    const beside = this.tunnels.get(options.id)?.besideOf(role) ?? 0;
    return beside === 0 && this.neighbour ? (options.predecessor ?? 0) : beside;
  }

  /** The peers that are at other shards of this port: their initiations are handed over to them. */
  setPeersElsewhere(peers: readonly (PeerKeys & { readonly shard: number })[]): void {
    const shards = peers.flatMap((peer) => keyNames(peer).map((name) => [name, peer.shard] as const));
    this.shard?.setElsewhere(new Map(shards));
  }

  /** Datagrams that came here though they name another shard; 0 where there are none. */
  get misdirected(): number {
    return this.shard?.misdirected ?? 0;
  }

  /** Whether new streams to the peer have a way. */
  isUp(peerId: string): boolean {
    return this.tunnels.get(peerId)?.forNewStreams !== undefined;
  }

  /** Undefined for a peer that is not known. */
  stats(peerId: string): TunnelStats | undefined {
    const primary = this.tunnels.get(peerId)?.primary;
    return primary === undefined ? undefined : tunnelStats(primary);
  }

  /** What carries the streams to a peer now: for the simulator, which looks at it between any two calls. */
  transportTo(peerId: string): Transport | undefined {
    return this.tunnels.get(peerId)?.primary.transport;
  }

  /** What is worth remembering of the path to a peer: for {@link PeerOptions.remembered} of the next process. */
  pathMemory(peerId: string): PathMemory | undefined {
    return this.tunnels.get(peerId)?.primary.pathMemory;
  }

  /** Opens a stream. It leaves with its first data, or with flushOpen(). Throws when the tunnel is down or full. */
  openStream(peerId: string, options: StreamOptions): Stream {
    const transport = this.tunnels.get(peerId)?.forNewStreams?.transport;
    if (transport === undefined) throw new Error(`the tunnel to ${peerId} is not up`);
    return transport.openStream(options.openPayload, options.class, options.weight);
  }

  private lookupPeer(publicKey: Uint8Array): AdmittedPeer | undefined {
    const tunnels = this.tunnelsByKey.get(keyName(publicKey));
    const primary = tunnels?.primary;
    if (primary?.accepts(publicKey) !== true) return undefined;
    return {
      presharedKey: primary.options.presharedKey,
      history: primary.history,
      parameters: (ofPeer) => tunnels?.answererOf(ofPeer, this.neighbour)?.answer(ofPeer),
    };
  }

  // Driving

  /**
   * Takes `count` received datagrams, or such that another shard has handed over. Events are told before it returns.
   */
  receive(descriptors: Int32Array, count: number, nowUs: number, handedOver = false): void {
    this.begin(nowUs);
    this.handedOver = handedOver;
    for (let i = 0; i < count; i++) this.batch[i] = this.prepare(descriptors, i * RECEIVE_STRIDE);
    this.environment.crypto.open(this.environment.memory, descriptors, count);
    for (let i = 0; i < count; i++) {
      const session = this.batch[i];
      if (session !== undefined) this.accept(session, descriptors, i * RECEIVE_STRIDE);
    }
    this.deliver();
  }

  private begin(nowUs: number): void {
    this.clock.nowUs = nowUs;
    this.dropRetiredKeys();
  }

  private deliver(): void {
    this.shared.waitingWriters.wake();
    this.shared.events.deliver();
  }

  /** Finds the session of a datagram and fills in what `open` needs; handles what is outside of sessions on the way. */
  private prepare(descriptors: Int32Array, at: number): TunnelSession | undefined {
    const { memory } = this.environment;
    descriptors[at + Receive.keyId] = -1;
    const offset = descriptors[at + Receive.offset];
    const length = descriptors[at + Receive.length];
    if (length < UNKNOWN_SESSION_BYTES) return undefined;
    if (this.neighbour && this.isOfNeighbour(offset, length)) return undefined;
    if (!this.handedOver && this.shard?.passOn(memory, descriptors, at, this.clock.nowUs) === true)
      return undefined;
    if (memory[offset] !== PacketType.data) {
      this.onMessage(descriptors, at, memory.subarray(offset, offset + length));
      return undefined;
    }
    if (length <= DATA_HEADER_BYTES + TAG_BYTES) return undefined;
    const session = this.findSession(readU32(memory, offset + 1));
    if (session === undefined) {
      this.noticeUnknown(descriptors, at, offset);
      return undefined;
    }
    const received = session.owner.transportOf(session)?.received;
    const number = expandLow32(
      readU32(memory, offset + 5),
      received === undefined ? 0 : received.largest + 1,
    );
    if (received?.isReplay(number) === true) return undefined;
    descriptors[at + Receive.headerLength] = DATA_HEADER_BYTES;
    descriptors[at + Receive.keyId] = session.receiveKeyId;
    descriptors[at + Receive.packetNumberLow] = number | 0;
    descriptors[at + Receive.packetNumberHigh] = high32(number);
    return session;
  }

  /** Whether a datagram names a session of the other process, which the kernel has given to this one. */
  private isOfNeighbour(offset: number, length: number): boolean {
    const index = receiverIndex(this.environment.memory, offset, length);
    return this.half !== undefined && index !== undefined && index >>> 31 !== this.half;
  }

  /** Most packets are of the same session as the one before. */
  private findSession(index: number): TunnelSession | undefined {
    const { lastSession } = this;
    if (lastSession?.localIndex === index) return lastSession;
    const session = this.sessions.get(index);
    if (session !== undefined) this.lastSession = session;
    return session;
  }

  private accept(session: TunnelSession, descriptors: Int32Array, at: number): void {
    const length = descriptors[at + Receive.result];
    if (length < 0 || this.findSession(session.localIndex) !== session) return;
    const tunnel = session.owner;
    if (!tunnel.prove(session)) return;
    const received = tunnel.transport?.received;
    const number =
      (descriptors[at + Receive.packetNumberLow] >>> 0) +
      descriptors[at + Receive.packetNumberHigh] * 2 ** 32;
    if (received === undefined || received.isReplay(number)) return;
    if (number > received.largest) tunnel.onSource(descriptors, at + Receive.familyPort);
    const offset = descriptors[at + Receive.offset] + DATA_HEADER_BYTES;
    this.clock.arrivedUs = this.clock.nowUs - descriptors[at + Receive.waitedUs];
    tunnel.onPacket(session, number, offset, length, descriptors[at + Receive.length]);
  }

  // Outside of sessions

  private onMessage(descriptors: Int32Array, at: number, message: Uint8Array): void {
    const length = MESSAGE_LENGTH[message[0]];
    if (length === undefined || message.length < length.least || message.length > length.most) return;
    // The handshake keeps what it is given; memory is received into again.
    const datagram = message.slice();
    const address = addressOf(descriptors, at);
    switch (datagram[0]) {
      case PacketType.initiation:
        this.onInitiation(datagram, address, descriptors.slice(at, at + RECEIVE_STRIDE));
        break;
      case PacketType.response:
        this.pendingResponses.get(readU32(datagram, 8))?.onResponse(datagram);
        break;
      case PacketType.cookieReply:
        this.pendingResponses.get(readU32(datagram, 4))?.onCookieReply(datagram);
        break;
      case PacketType.unknownSession:
        this.onUnknownSession(readU32(datagram, 1), readU32(datagram, 5));
        if (this.shard?.isDoor === true)
          this.shard.spreadNotice(datagram, descriptors.slice(at, at + RECEIVE_STRIDE), this.clock.nowUs);
        break;
    }
  }

  private onInitiation(datagram: Uint8Array, address: PackedAddress, record: Int32Array): void {
    const { nowUs } = this.clock;
    const source = new Uint8Array(address.buffer, address.byteOffset, address.byteLength);
    const admitted = this.handedOver && this.shard?.isDoor === false;
    const underLoad = !admitted && !this.initiations.take(nowUs);
    const outcome = this.respond(datagram, source, underLoad);
    if (outcome.ok) {
      this.answererOf(outcome.session)?.onAnswered(outcome.session, outcome.response, address);
    } else if (outcome.reason === 'cookie-required') {
      this.replies.push({ datagram: outcome.cookieReply, address });
    } else if (outcome.reason === 'unknown-peer' && outcome.peerPublicKey !== undefined && !admitted) {
      // The peer's shard has another secret for cookies than this one, which has checked mac2.
      const initiation = withoutMac2(datagram);
      this.shard?.handInitiationOver(keyName(outcome.peerPublicKey), initiation, record);
    }
  }

  private answererOf({ peerPublicKey, peerParameters }: EstablishedSession): Tunnel | undefined {
    return this.tunnelsByKey.get(keyName(peerPublicKey))?.answererOf(peerParameters, this.neighbour);
  }

  /** By which of our keys an initiation was made its mac1 shows. */
  private respond(datagram: Uint8Array, source: Uint8Array, underLoad: boolean): InitiationOutcome {
    const nowMs = this.clock.nowUs / 1000;
    const [newest, previous] = this.responders;
    const outcome = newest.handleInitiation(datagram, source, nowMs, underLoad);
    if (outcome.ok || outcome.reason !== 'wrong-mac' || this.responders.length === 1) return outcome;
    return previous.handleInitiation(datagram, source, nowMs, underLoad);
  }

  /** A peer sends to a session that we do not have, perhaps since we were restarted: it is told by its own header. */
  private noticeUnknown(descriptors: Int32Array, at: number, offset: number): void {
    if ((this.tunnels.size === 0 && this.shard?.hasOthers !== true) || !this.notices.take(this.clock.nowUs))
      return;
    const datagram = this.environment.memory.slice(offset, offset + UNKNOWN_SESSION_BYTES);
    datagram[0] = PacketType.unknownSession;
    this.replies.push({ datagram, address: addressOf(descriptors, at) });
  }

  private onUnknownSession(peerIndex: number, packetNumber: number): void {
    for (const tunnel of this.turn) tunnel.onUnknownSession(peerIndex, packetNumber);
  }

  // Sending

  /**
   * Describes up to `capacity` packets (at most 512) that are to be sealed and sent now, and gives their number. The
   * driver sends them before it calls anything else.
   */
  poll(descriptors: Int32Array, capacity: number, nowUs: number): number {
    this.begin(nowUs);
    const { builder } = this;
    builder.reset(descriptors, capacity);
    if (this.replies.length > 0) this.sendReplies();
    if (this.farewells.length > 0) this.sendFarewells();
    for (const tunnel of this.turn) {
      if (builder.full) break;
      if (!tunnel.dirty && tunnel.dueUs > nowUs) continue;
      tunnel.poll();
      // What found no room goes first in the next call.
      if (builder.full) tunnel.touch();
    }
    this.deliver();
    return builder.count;
  }

  private sendReplies(): void {
    const { builder } = this;
    const sent = this.replies.splice(0, builder.free);
    for (const { datagram, address } of sent) builder.plain(datagram, address);
  }

  private sendFarewells(): void {
    for (const { transport, target, address } of this.farewells.splice(0, this.builder.free)) {
      transport.sender.sendClose(target, address, 0, 'closed by its agent');
      this.retireKey(target.sendKeyId);
    }
  }

  /** When poll() must be called next although nothing arrived; Infinity: never. On the clock of `nowUs`. */
  nextTimeoutUs(): number {
    let due = Infinity;
    for (const tunnel of this.turn) {
      if (tunnel.dirty) return this.clock.nowUs;
      if (tunnel.dueUs < due) due = tunnel.dueUs;
    }
    const waiting = this.replies.length > 0 || this.farewells.length > 0;
    return waiting ? this.clock.nowUs : Math.max(due, this.clock.nowUs);
  }

  /** Forgets all peers; poll() describes a goodbye to each. */
  close(): void {
    for (const id of [...this.tunnels.keys()]) this.removePeer(id);
  }

  // For tunnels

  get crypto(): PacketCrypto {
    return this.environment.crypto;
  }

  allocateIndex(): number {
    for (;;) {
      const random = this.inHalf(readU32(this.environment.random(4), 0));
      const index = this.shard === undefined ? random : this.shard.indexNear(random);
      if (index === undefined || this.inHalf(index) !== index) continue;
      if (!this.sessions.has(index) && !this.pendingResponses.has(index)) return index;
    }
  }

  private inHalf(index: number): number {
    return this.half === undefined ? index : (index % 2 ** 31) + this.half * 2 ** 31;
  }

  register(session: TunnelSession): void {
    this.pendingResponses.delete(session.localIndex);
    this.sessions.set(session.localIndex, session);
  }

  unregister(session: TunnelSession): void {
    this.sessions.delete(session.localIndex);
    if (this.lastSession === session) this.lastSession = undefined;
  }

  expectResponse(index: number, tunnel: Tunnel): void {
    this.pendingResponses.set(index, tunnel);
  }

  forgetResponse(index: number): void {
    this.pendingResponses.delete(index);
  }

  retireKey(id: number): void {
    this.retiredKeys.push(id);
  }

  private dropRetiredKeys(): void {
    if (this.retiredKeys.length === 0) return;
    for (const id of this.retiredKeys) this.environment.crypto.removeKey(id);
    this.retiredKeys = [];
  }
}

/** Lengths of the messages that are not data packets, by their type. Later versions may have longer ones, with extensions. */
const MESSAGE_LENGTH: Record<number, { readonly least: number; readonly most: number } | undefined> = {
  [PacketType.initiation]: { least: INITIATION_LENGTH, most: BASE_UDP_PAYLOAD },
  [PacketType.response]: { least: RESPONSE_LENGTH, most: MAX_RESPONSE_LENGTH },
  [PacketType.cookieReply]: { least: COOKIE_REPLY_LENGTH, most: COOKIE_REPLY_LENGTH },
  [PacketType.unknownSession]: { least: UNKNOWN_SESSION_BYTES, most: UNKNOWN_SESSION_BYTES },
};

function addressOf(descriptors: Int32Array, at: number): PackedAddress {
  return descriptors.slice(at + Receive.familyPort, at + Receive.familyPort + ADDRESS_WORDS);
}

/** The static keys of a peer. */
type PeerKeys = Pick<PeerOptions, 'publicKey' | 'nextPublicKey'>;

function keyNames({ publicKey, nextPublicKey }: PeerKeys): string[] {
  return [publicKey, ...(nextPublicKey === undefined ? [] : [nextPublicKey])].map(keyName);
}

function isSameKey(privateKey: Uint8Array, pair: KeyPair): boolean {
  return compareBytes(privateKey, pair.privateKey) === 0;
}

function keyName(publicKey: Uint8Array): string {
  return String.fromCharCode(...publicKey);
}
