import type { Profile } from '../congestion/controller.js';
import type { Environment } from '../environment.js';
import {
  HandshakeInitiator,
  InitiationHistory,
  InitiationTimestamps,
  type EstablishedSession,
  type KeyPair,
  type ReceiveParameters,
} from '../handshake/index.js';
import { ADDRESS_WORDS, formatHost, packAddress, type CipherSuite, type PackedAddress } from '../io.js';
import {
  BASE_UDP_PAYLOAD,
  HANDSHAKE_RETRY_US,
  INITIAL_STREAM_WINDOW,
  KEEPALIVE_US,
  MAX_UDP_PAYLOAD,
  OLD_KEYS_US,
  PEER_DOWN_US,
  REJECT_AFTER_PACKETS,
  REKEY_AFTER_US,
  STREAM_TIMEOUT_US,
} from '../params.js';
import type { PathMemory } from '../path/path-memory.js';
import { PathValidation, sameAddress, sameHost } from '../path/path-validation.js';
import { StreamAbortCode } from '../streams/abort-code.js';
import type { ClassWeights } from '../streams/scheduler.js';
import type { SharedResources } from '../transport/stream-table.js';
import { Transport, type PathPolicy, type TransportOwner } from '../transport/transport.js';
import { compareBytes } from '../wire/compare-bytes.js';
import type { PacketTarget } from '../wire/packet-builder.js';
import { Initiations } from './initiations.js';
import { Sessions, type Session, type SessionRegistry } from './session.js';
import { DOUBLE_MINUS_ONE, DOUBLE_ZERO } from '../memory/double-field.js';

/** A peer as policy names it. */
export interface PeerOptions {
  readonly id: string;
  /** X25519 static key, 32 bytes. Where it changes streams go on, and sessions of the key before end within two minutes. */
  readonly publicKey: Uint8Array;
  /** The key that the peer is about to use: accepted besides the other one, and in its place once it was used. */
  readonly nextPublicKey?: Uint8Array;
  /** 32 bytes; both sides or neither. */
  readonly presharedKey?: Uint8Array;
  /** Literal addresses where the peer listens, best first. Empty: the peer opens the tunnel. */
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
  readonly profile: Profile;
  readonly cipherSuite: CipherSuite;
  /** Hard cap on what we send, Mbit/s; what `fixed` sends at. */
  readonly rateMbps?: number;
  /** Largest UDP payload to use, 1200 to 16384 bytes. */
  readonly maxUdpPayload: number;
  /** Forward error correction at the end of flights: where it pays, or never. By default where it pays. */
  readonly repair?: 'auto' | 'off';
  /** Shares of the classes of streams in what we send; by default interactive 16, bulk 4, scavenger 1. */
  readonly classWeights?: ClassWeights;
  /** What an earlier tunnel to the peer has learnt of the path. Looked at when the peer is added, and not again. */
  readonly remembered?: PathMemory;
  /**
   * Incarnation of the tunnel to the peer in the process that this one takes over from, and whose streams go on there. It counts
   * while that process is a neighbour, see Endpoint.setNeighbour.
   */
  readonly predecessor?: number;
}

export type TunnelSession = Session<Tunnel>;

/** How a tunnel reaches the parts of the endpoint that all tunnels share. */
export interface TunnelHost extends SessionRegistry<Tunnel> {
  readonly environment: Environment;
  /** Our static keys, the newest first; at least one. */
  readonly ownKeys: readonly KeyPair[];
  readonly shared: SharedResources;
  /** Packets after which a session is replaced. */
  readonly rekeyAfterPackets: number;
  allocateIndex(): number;
  /** Responses to initiation `index` are this tunnel's. */
  expectResponse(index: number, tunnel: Tunnel): void;
  forgetResponse(index: number): void;
  /** A tunnel has a new session, which it sends with. */
  adopted(tunnel: Tunnel, session: TunnelSession): void;
  /** A tunnel that is not the primary one to its peer has come to its end. */
  ended(tunnel: Tunnel): void;
  /** Incarnation of our other tunnel to the same peer, whose streams go on; 0: there is none. */
  besideOf(tunnel: Tunnel): number;
}

/** What a tunnel is among those to its peer; see PeerTunnels. */
export type TunnelRole = 'primary' | 'retiring' | 'prospective';

/** The last that a peer hears of a transport. */
export interface Farewell {
  readonly transport: Transport;
  /** Its key is nobody else's any more: who describes the farewell retires it. */
  readonly target: PacketTarget;
  readonly address: PackedAddress;
}

interface Message {
  readonly kind: 'initiation' | 'response';
  readonly datagram: Uint8Array;
  readonly address: PackedAddress;
}

/** The tunnel to one peer: its sessions, one after the other, and the transport that they carry. */
export class Tunnel implements TransportOwner {
  transport: Transport | undefined = undefined;
  /** Something was done that {@link poll} has to see to. */
  dirty = true;
  /** When {@link poll} is due although nothing is done, as of the last poll. */
  dueUs = DOUBLE_ZERO;
  private readonly sessions: Sessions<Tunnel>;
  private readonly initiations: Initiations;
  private readonly timestamps = new InitiationTimestamps();
  private readonly validation: PathValidation;
  /** Where the peer is believed to be. */
  private address: PackedAddress = new Int32Array(5);
  /** Where the latest initiation went. */
  private initiatedTo: PackedAddress = new Int32Array(ADDRESS_WORDS);
  private endpoints: PackedAddress[];
  private localIncarnation = DOUBLE_ZERO;
  private peerIncarnation = DOUBLE_MINUS_ONE;
  private outgoing: Message[] = [];
  private lastReceivedUs = DOUBLE_ZERO;
  private lastPingUs = DOUBLE_ZERO;
  private reportedUp = false;
  /** The session is to be replaced before it is worn. */
  private rekeyWanted = false;
  /** The peer's static key in the session that was adopted last. */
  private usedKey: Uint8Array | undefined;
  /** When a session of a key that the peer should not use any more is given up. */
  private oldKeyUntilUs = Infinity;
  /** When a session that has sent all that it may is given up; Infinity: it may send. */
  private wornUntilUs = Infinity;
  private remembered: PathMemory | undefined;
  /** Another process of ours takes over: this one keeps its streams. */
  private handingOver = false;

  constructor(
    private readonly host: TunnelHost,
    public options: PeerOptions,
    public role: TunnelRole = 'primary',
    /** Of the peer, whichever tunnel it is that answers. */
    readonly history = new InitiationHistory(),
  ) {
    const { environment, shared } = host;
    this.endpoints = packEndpoints(options);
    this.remembered = options.remembered;
    this.sessions = new Sessions(this, host);
    this.validation = new PathValidation(environment.random);
    this.initiations = new Initiations(() => this.makeInitiators(), {
      expectResponse: (index) => host.expectResponse(index, this),
      forgetResponse: (index) => host.forgetResponse(index),
      unixTimeMs: () => environment.unixTimeMs(),
      random: shared.random,
    });
    this.newIncarnation();
  }

  get up(): boolean {
    return this.reportedUp;
  }

  private get nowUs(): number {
    return this.host.shared.clock.nowUs;
  }

  touch(): void {
    this.dirty = true;
  }

  /** Takes over a changed policy. Streams go on. */
  reconfigure(options: PeerOptions): void {
    const before = this.options;
    this.options = options;
    this.endpoints = packEndpoints(options);
    const { current } = this.sessions;
    if (current !== undefined) this.transport?.reconfigure(this.pathPolicy(current));
    if (!sameHandshake(before, options)) this.renewSession();
    else if (!sameKey(before.nextPublicKey, options.nextPublicKey))
      this.initiations.restart(this.initiations.nextUs);
    if (current === undefined || this.accepts(current.peerPublicKey)) this.oldKeyUntilUs = Infinity;
    else this.oldKeyUntilUs = Math.min(this.oldKeyUntilUs, this.nowUs + STREAM_TIMEOUT_US);
    this.touch();
  }

  /** Our own static keys are others now. @param isNew whether the newest is */
  onOwnKeysChanged(isNew: boolean): void {
    if (isNew) this.renewSession();
    else this.initiations.restart(this.initiations.nextUs);
    this.touch();
  }

  /** The next session is to be another than this one. */
  private renewSession(): void {
    this.initiations.restart(this.nowUs);
    this.rekeyWanted = true;
  }

  /**
   * Another process of ours is taking over (or, with `false`, is not after all): this tunnel keeps its streams, and it alone
   * renews its sessions, since the peer's initiations reach the other process. A peer that knows nothing of that begins anew with
   * the other process, and this tunnel does not fight it.
   */
  handOver(on: boolean): void {
    if (this.handingOver === on) return;
    this.handingOver = on;
    this.initiations.restart(this.nowUs);
    // The peer learns from a session of this process that it is the one again.
    if (!on) this.rekeyWanted = true;
    this.touch();
  }

  /** Names the life of our side of the transport. */
  get incarnation(): number {
    return this.localIncarnation;
  }

  /** Whether the transport is with this incarnation of the peer. */
  isWith(peerIncarnation: number): boolean {
    return this.transport !== undefined && this.peerIncarnation === peerIncarnation;
  }

  /** Where the peer is believed to be; undefined while no session was made. */
  get peerAddress(): PackedAddress | undefined {
    return this.sessions.current === undefined ? undefined : this.address;
  }

  /** Keys that the peer may use. */
  private get peerKeys(): readonly Uint8Array[] {
    const { publicKey, nextPublicKey } = this.options;
    if (nextPublicKey === undefined) return [publicKey];
    return sameKey(this.usedKey, nextPublicKey) ? [nextPublicKey] : [publicKey, nextPublicKey];
  }

  accepts(publicKey: Uint8Array): boolean {
    return this.peerKeys.some((key) => sameKey(key, publicKey));
  }

  /** Of two initiations that cross the one of the higher key is answered. */
  private get weOutrank(): boolean {
    const { current } = this.sessions;
    return current?.outranks ?? compareBytes(this.host.ownKeys[0].publicKey, this.options.publicKey) > 0;
  }

  private newIncarnation(): void {
    const bytes = this.host.environment.random(4);
    // 0 stands for none.
    this.localIncarnation = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0 || 1;
  }

  private pathPolicy(session: TunnelSession): PathPolicy {
    const { profile, rateMbps, maxUdpPayload, repair, classWeights } = this.options;
    return {
      profile,
      rateMbps,
      repair,
      classWeights,
      maxUdpPayload: Math.min(maxUdpPayload, session.peerMaxUdpPayload),
    };
  }

  // Handshake

  /** What an initiation of the peer is answered with. Undefined: our own initiation goes first. */
  answer(ofPeer: ReceiveParameters): ReceiveParameters | undefined {
    if (this.weOutrank && this.initiations.attempts <= 1 && this.initiations.outstanding(this.nowUs))
      return undefined;
    const { parameters } = this;
    return ofPeer.succession === undefined ? { ...parameters, succession: undefined } : parameters;
  }

  private get parameters(): ReceiveParameters {
    return {
      maxUdpPayload: Math.min(MAX_UDP_PAYLOAD, Math.max(BASE_UDP_PAYLOAD, this.options.maxUdpPayload)),
      initialStreamWindow: INITIAL_STREAM_WINDOW,
      incarnation: this.localIncarnation,
      succession: {
        beside: this.host.besideOf(this),
        continues: this.transport === undefined ? 0 : this.peerIncarnation,
        retiring: this.handingOver,
      },
    };
  }

  /** While keys overlap, the peer may not know our newest one yet, nor use its own next one: each pair is tried. */
  private makeInitiators(): HandshakeInitiator[] {
    return this.host.ownKeys.flatMap((own) =>
      this.peerKeys.map((peerKey) => this.makeInitiator(own, peerKey)),
    );
  }

  private makeInitiator(staticKeys: KeyPair, responderPublicKey: Uint8Array): HandshakeInitiator {
    const { environment } = this.host;
    const { presharedKey, cipherSuite } = this.options;
    return new HandshakeInitiator(
      {
        staticKeys,
        responderPublicKey,
        presharedKey,
        cipherSuites: [cipherSuite],
        parameters: () => this.parameters,
        allocateIndex: () => this.host.allocateIndex(),
        timestamps: this.timestamps,
      },
      environment.noise,
      environment.random,
    );
  }

  /** We have answered an initiation of the peer. */
  onAnswered(established: EstablishedSession, response: Uint8Array, address: PackedAddress): void {
    this.enqueue({ kind: 'response', datagram: response, address });
    this.sessions.expectProof(this.makeSession(established, address, false));
  }

  private makeSession(
    established: EstablishedSession,
    address: PackedAddress,
    initiated: boolean,
  ): TunnelSession {
    const { localIncarnation, nowUs } = this;
    return this.sessions.make(established, { address, initiated, localIncarnation, nowUs });
  }

  private enqueue(message: Message): void {
    this.outgoing = this.outgoing.filter(({ kind }) => kind !== message.kind);
    this.outgoing.push(message);
    this.touch();
  }

  /**
   * A message of the handshake came that answers ours. Where it came from is not believed: who sees it on its way can send
   * it from anywhere. The peer is where the initiation reached it.
   */
  onResponse(datagram: Uint8Array): void {
    const established = this.initiations.onResponse(datagram);
    if (established === undefined) return;
    this.adopt(this.makeSession(established, this.initiatedTo, true));
  }

  onCookieReply(datagram: Uint8Array): void {
    this.initiations.onCookieReply(datagram, this.nowUs);
    this.touch();
  }

  /** Somebody who saw one of our packets says that the peer does not know its session: a handshake will show. */
  onUnknownSession(peerIndex: number, packetNumber: number): void {
    if (this.sessions.current?.peerIndex !== peerIndex) return;
    if (this.transport?.mayBeInFlight(packetNumber) !== true || !this.initiations.hurry(this.nowUs)) return;
    if (this.handingOver && this.sessions.current.peerSuccession === undefined) {
      this.fail('the peer has begun anew with the process that takes over');
      return;
    }
    this.rekeyWanted = true;
    this.touch();
  }

  /** Sends with `session` from now on. */
  private adopt(session: TunnelSession): void {
    this.sessions.adopt(session, this.nowUs);
    this.noteKeyUse(session.peerPublicKey);
    this.rekeyWanted = false;
    this.wornUntilUs = Infinity;
    this.lastReceivedUs = this.nowUs;
    if (this.continues(session)) this.transport?.reconfigure(this.pathPolicy(session));
    else this.beginTransport(session);
    session.firstPacket = this.transport?.nextPacketNumber ?? 0;
    session.firstReceived = (this.transport?.received.largest ?? -1) + 1;
    // Proves the session to the peer, and shows the round trip before there is anything to send.
    this.transport?.ping();
    this.moveTo(session.address);
    this.reportUp();
    this.touch();
    this.host.adopted(this, session);
  }

  private noteKeyUse(peerKey: Uint8Array): void {
    const before = this.peerKeys.length;
    this.oldKeyUntilUs = Infinity;
    this.usedKey = peerKey;
    if (this.peerKeys.length !== before) this.initiations.restart(this.initiations.nextUs);
  }

  private beginTransport(session: TunnelSession): void {
    this.abandonTransport();
    this.sessions.dropPredecessors();
    this.peerIncarnation = session.peerIncarnation;
    this.address = session.address;
    this.transport = new Transport(
      {
        peerId: this.options.id,
        idParity: session.outranks ? 1 : 0,
        peerInitialWindow: session.peerInitialWindow,
        remembered: this.rememberedOf(session.address),
        unixTimeMs: this.host.environment.unixTimeMs(),
      },
      this.pathPolicy(session),
      this.host.shared,
      this,
    );
  }

  /** What is known of the path to `address`, if it is the one that is remembered. */
  private rememberedOf(address: PackedAddress): PathMemory | undefined {
    return this.remembered?.address === formatHost(address) ? this.remembered : undefined;
  }

  /** What is worth remembering of the path, now or from before. */
  get pathMemory(): PathMemory | undefined {
    const { transport, host, address } = this;
    const latest = transport?.pathMemory(formatHost(address), host.environment.unixTimeMs());
    return latest ?? this.remembered;
  }

  private abandonTransport(): void {
    this.remembered = this.pathMemory;
    this.transport?.abandon(StreamAbortCode.tunnelLost);
    this.transport = undefined;
  }

  // Receiving

  /** The transport that packets of `session` belong to; undefined: one that its first packet will begin. */
  transportOf(session: TunnelSession): Transport | undefined {
    return this.continues(session) ? this.transport : undefined;
  }

  private continues(session: TunnelSession): boolean {
    return (
      this.transport !== undefined &&
      session.peerIncarnation === this.peerIncarnation &&
      session.localIncarnation === this.localIncarnation
    );
  }

  /** The first authentic packet of a session that we answered proves it. False: the session is not to be used after all. */
  prove(session: TunnelSession): boolean {
    if (!this.sessions.takeProof(session)) return true;
    if (!this.accepts(session.peerPublicKey)) {
      this.sessions.refuse(session);
      return false;
    }
    this.initiations.attempts = 0;
    this.adopt(session);
    return true;
  }

  /** An authentic packet that was not seen before: `length` bytes of plaintext at `offset`, of a datagram of `size` bytes. */
  onPacket(session: TunnelSession, number: number, offset: number, length: number, size: number): void {
    const { transport } = this;
    if (transport === undefined) return;
    this.dirty = true;
    if (session !== this.sessions.current) this.sessions.keepAlive(session, this.nowUs);
    this.lastReceivedUs = this.nowUs;
    if (!transport.onPacket(number, offset, length, size)) {
      this.fail(transport.failure ?? 'the peer broke the protocol');
      return;
    }
    if (!this.reportedUp && !this.silentFor(this.downAfterUs)) this.reportUp();
  }

  /** Gives up transport and sessions, and begins anew. */
  private fail(reason: string): void {
    this.reportDown(reason);
    this.abandonTransport();
    this.sessions.dropAll();
    this.validation.cancel();
    this.oldKeyUntilUs = Infinity;
    this.wornUntilUs = Infinity;
    this.newIncarnation();
    this.initiations.restart(this.nowUs + HANDSHAKE_RETRY_US);
    this.touch();
    if (this.role !== 'primary') this.host.ended(this);
  }

  private reportUp(): void {
    if (this.reportedUp) return;
    this.reportedUp = true;
    if (this.role === 'primary') this.host.shared.events.push({ kind: 'up', peerId: this.options.id });
  }

  private reportDown(reason: string): void {
    if (!this.reportedUp) return;
    this.reportedUp = false;
    if (this.role === 'primary')
      this.host.shared.events.push({ kind: 'down', peerId: this.options.id, reason });
  }

  // Path

  /** The newest authentic packet came from the address at `at` in `words`. */
  onSource(words: Int32Array, at: number): void {
    const { address } = this;
    for (let i = 0; i < ADDRESS_WORDS; i++) {
      if (words[at + i] === address[i]) continue;
      this.validation.onPacketFrom(
        words.subarray(at, at + ADDRESS_WORDS),
        this.nowUs,
        this.transport?.rtt.smoothedUs ?? 0,
      );
      return;
    }
  }

  onPathChallenge(token: Uint8Array): void {
    if (this.transport !== undefined) this.transport.sender.pathResponse = token;
  }

  onPathResponse(token: Uint8Array): void {
    const address = this.validation.onResponse(token);
    if (address !== undefined) this.moveTo(address);
  }

  /** Sends to `address` from now on. A NAT that has changed the port alone has not changed the path (RFC 9000 section 9.4). */
  private moveTo(address: PackedAddress): void {
    if (sameAddress(address, this.address)) return;
    const samePath = sameHost(address, this.address);
    this.address = address;
    this.validation.cancel();
    if (!samePath) this.transport?.onPathChanged();
  }

  // Time

  /** Does what is due and describes packets that may leave. */
  poll(): void {
    this.dirty = false;
    this.runTimers();
    this.sendMessages();
    this.sendPackets();
    this.dueUs = this.nextTimeoutUs();
  }

  private runTimers(): void {
    const { nowUs } = this;
    this.sessions.expire(nowUs);
    this.watchPeer();
    if (nowUs >= this.handshakeDueUs) this.initiate();
  }

  private sendMessages(): void {
    const { builder } = this.host.shared;
    let sent = 0;
    for (; sent < this.outgoing.length && !builder.full; sent++) {
      const { datagram, address } = this.outgoing[sent];
      builder.plain(datagram, address);
    }
    if (sent > 0) this.outgoing.splice(0, sent);
  }

  private sendPackets(): void {
    const { transport } = this;
    const { current } = this.sessions;
    if (transport === undefined || current === undefined) return;
    if (transport.nextPacketNumber - current.firstPacket >= REJECT_AFTER_PACKETS) {
      this.wornUntilUs = Math.min(this.wornUntilUs, this.nowUs + STREAM_TIMEOUT_US);
      return;
    }
    if (this.validation.challengeDue && !this.host.shared.builder.full) {
      const challenge = this.validation.takeChallenge(this.nowUs);
      if (challenge !== undefined)
        transport.sender.sendPathChallenge(current, challenge.address, challenge.token);
    }
    transport.poll(current, this.address);
  }

  /** Since when, at the latest, the peer should have answered. */
  private silentFor(durationUs: number): boolean {
    return this.transport !== undefined && this.transport.loss.silenceUs(this.nowUs) > durationUs;
  }

  private get downAfterUs(): number {
    return Math.max(PEER_DOWN_US, 3 * (this.transport?.probeTimeoutUs ?? 0));
  }

  private watchPeer(): void {
    const { transport, nowUs } = this;
    if (transport === undefined) return;
    if (this.silentFor(STREAM_TIMEOUT_US)) {
      this.fail('the peer has been silent for too long');
      return;
    }
    if (nowUs >= this.oldKeyUntilUs) {
      this.fail('the peer has not used its new key');
      return;
    }
    if (nowUs >= this.wornUntilUs) {
      this.fail('the session was not replaced');
      return;
    }
    if (this.silentFor(this.downAfterUs)) this.reportDown('the peer does not answer');
    if (nowUs - Math.max(this.lastReceivedUs, this.lastPingUs) >= KEEPALIVE_US) {
      this.lastPingUs = nowUs;
      transport.ping();
    }
  }

  /** When we begin a session: at first, in place of one that is worn or was lost, and as often as none is answered. */
  private get handshakeDueUs(): number {
    const { current } = this.sessions;
    if (this.role !== 'primary') return Infinity;
    if (this.handingOver && current?.peerSuccession === undefined) return Infinity;
    if (current === undefined && this.endpoints.length === 0) return Infinity;
    if (current === undefined || !this.reportedUp || this.rekeyWanted) return this.initiations.nextUs;
    if (this.packetsOf(current) >= this.host.rekeyAfterPackets) return this.initiations.nextUs;
    const isOurs = current.initiated || this.handingOver;
    const wornUs = current.createdUs + REKEY_AFTER_US + (isOurs ? 0 : OLD_KEYS_US);
    return Math.max(wornUs, this.initiations.nextUs);
  }

  /** Packets that wear a session: those that we send, and where the peer cannot replace it those that it sends. */
  private packetsOf(session: TunnelSession): number {
    const sent = (this.transport?.nextPacketNumber ?? 0) - session.firstPacket;
    if (!this.handingOver) return sent;
    return Math.max(sent, (this.transport?.received.largest ?? -1) + 1 - session.firstReceived);
  }

  private initiate(): void {
    const address = this.nextEndpoint();
    this.initiatedTo = address;
    const datagram = this.initiations.begin(this.nowUs);
    this.enqueue({ kind: 'initiation', datagram, address });
  }

  /** Where the peer answers now, if it does; else each of its endpoints in turn, at each of which all keys are tried. */
  private nextEndpoint(): PackedAddress {
    const round = Math.floor(this.initiations.attempts / (this.host.ownKeys.length * this.peerKeys.length));
    if (this.endpoints.length === 0) return this.address;
    if (this.sessions.current !== undefined && round === 0) return this.address;
    return this.endpoints[round % this.endpoints.length];
  }

  private nextTimeoutUs(): number {
    if (this.outgoing.length > 0) return 0;
    const due = Math.min(
      this.handshakeDueUs,
      this.sessions.expiryUs,
      this.oldKeyUntilUs,
      this.wornUntilUs,
      this.silenceDueUs,
    );
    const { transport } = this;
    const mute = this.sessions.current === undefined || this.wornUntilUs !== Infinity;
    if (transport === undefined || mute) return due;
    if (this.validation.challengeDue) return 0;
    const keepaliveUs = Math.max(this.lastReceivedUs, this.lastPingUs) + KEEPALIVE_US;
    return Math.min(due, keepaliveUs, transport.nextTimeoutUs());
  }

  /** When the silence of the peer will have lasted too long. */
  private get silenceDueUs(): number {
    const { transport } = this;
    if (transport === undefined || transport.loss.inFlight === 0) return Infinity;
    const since = this.nowUs - transport.loss.silenceUs(this.nowUs);
    return since + (this.reportedUp ? this.downAfterUs : STREAM_TIMEOUT_US) + 1;
  }

  /** Ends the tunnel: streams are reset. What is given back is the goodbye that is to be sent. */
  close(): Farewell | undefined {
    const { transport, address } = this;
    this.reportDown('closed');
    this.abandonTransport();
    this.initiations.close();
    this.outgoing = [];
    const target = this.sessions.leave();
    return transport && target && { transport, target, address };
  }
}

function packEndpoints({ endpoints }: PeerOptions): PackedAddress[] {
  return endpoints.map(({ address, port }) => packAddress(address, port));
}

/** Whether two policies say the same in a handshake, so that a session made under one serves the other. */
function sameHandshake(a: PeerOptions, b: PeerOptions): boolean {
  return (
    a.cipherSuite === b.cipherSuite &&
    a.maxUdpPayload === b.maxUdpPayload &&
    sameKey(a.publicKey, b.publicKey) &&
    sameKey(a.presharedKey, b.presharedKey)
  );
}

function sameKey(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : compareBytes(a, b) === 0;
}
