import type { Environment } from './environment.js';
import {
  HandshakeInitiator,
  InitiationHistory,
  type AdmittedPeer,
  type EstablishedSession,
  type KeyPair,
} from './handshake/index.js';
import { packAddress, type CipherSuite, type PackedAddress } from './io.js';
import type { ChunkPool } from './memory/chunk-pool.js';
import {
  HANDSHAKE_RETRY_US,
  INITIAL_STREAM_WINDOW,
  KEEPALIVE_US,
  OLD_KEYS_US,
  PEER_DOWN_US,
  REKEY_AFTER_PACKETS,
  REKEY_AFTER_US,
  STREAM_TIMEOUT_US,
} from './params.js';
import type { Profile } from './congestion/controller.js';
import type { MemoryBudget } from './streams/memory-budget.js';
import { Transport, type StreamEvents } from './transport.js';
import type { PacketBuilder, PacketTarget } from './wire/packet-builder.js';

/** A peer as policy names it. */
export interface PeerOptions {
  readonly id: string;
  /** X25519 static key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 32 bytes; both sides or neither. */
  readonly presharedKey?: Uint8Array;
  /** Literal addresses where the peer listens, best first. Empty: the peer opens the tunnel. */
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
  readonly profile: Profile;
  readonly cipherSuite: CipherSuite;
  /** Hard cap on what we send, Mbit/s; what `fixed` sends at. */
  readonly rateMbps?: number;
  /** Largest UDP payload to use, 1200 to 65507 bytes. */
  readonly maxUdpPayload: number;
}

/** What a tunnel is told to tell. */
export interface TunnelEvents extends StreamEvents {
  tunnelUp(peerId: string): void;
  /** New streams should go another way. Those that are open live on until the peer is back or is given up. */
  tunnelDown(peerId: string, reason: string): void;
}

/** Why the peer sees a stream end without its far side's doing. */
export const StreamAbortCode = {
  /** The tunnel was lost: the peer restarted, or was silent for too long. */
  tunnelLost: 1,
} as const;

/** One session's keys and indices. */
export interface Session extends PacketTarget {
  readonly localIndex: number;
  readonly receiveKeyId: number;
  readonly tunnel: Tunnel;
  readonly createdUs: number;
  /** Whether we began it: then we also begin its successor. */
  readonly initiated: boolean;
  readonly peerIncarnation: number;
  readonly localIncarnation: number;
  readonly peerInitialWindow: number;
  readonly firstPacket: number;
}

/** How a tunnel reaches the parts of the endpoint that all tunnels share. */
export interface TunnelHost {
  readonly environment: Environment;
  readonly keys: KeyPair;
  readonly pool: ChunkPool;
  readonly budget: MemoryBudget;
  readonly events: TunnelEvents;
  readonly random: () => number;
  allocateIndex(): number;
  register(session: Session): void;
  unregister(session: Session): void;
  /** Responses to initiation `index` are this tunnel's. */
  expectResponse(index: number, tunnel: Tunnel): void;
  forgetResponse(index: number): void;
  /** Packets already described may still need the key: it goes with the next turn. */
  retireKey(id: number): void;
}

/** The tunnel to one peer: its sessions, one after the other, and the transport that they carry. */
export class Tunnel {
  transport: Transport | undefined;
  /** Carries what we send. */
  private session: Session | undefined;
  /** Answered by us, not yet proven by a packet of the peer. */
  private unproven: Session | undefined;
  /** Replaced sessions, and until when each still opens packets. */
  private readonly old = new Map<Session, number>();
  private readonly history = new InitiationHistory();
  private initiator: HandshakeInitiator | undefined;
  private localIncarnation = 0;
  private peerIncarnation = -1;
  private endpoints: PackedAddress[];
  private attempts = 0;
  private nextAttemptUs = 0;
  private outgoing: { datagram: Uint8Array; address: PackedAddress }[] = [];
  private lastReceivedUs = 0;
  private lastPingUs = 0;
  private upReported = false;
  private readonly weOutrank: boolean;

  constructor(
    private readonly host: TunnelHost,
    public options: PeerOptions,
  ) {
    this.endpoints = options.endpoints.map(({ address, port }) => packAddress(address, port));
    this.weOutrank = compareBytes(host.keys.publicKey, options.publicKey) > 0;
    this.newIncarnation();
  }

  get up(): boolean {
    return this.upReported;
  }

  /** What our next packets are sealed with, if there is anything. */
  get target(): Session | undefined {
    return this.session;
  }

  /** Takes over a changed policy. Streams go on. */
  reconfigure(options: PeerOptions): void {
    const suiteChanged = options.cipherSuite !== this.options.cipherSuite;
    this.options = options;
    this.endpoints = options.endpoints.map(({ address, port }) => packAddress(address, port));
    if (this.session !== undefined)
      this.transport?.reconfigure(this.transportOptions(this.session.peerInitialWindow));
    this.initiator = undefined;
    if (suiteChanged) this.nextAttemptUs = 0;
  }

  private newIncarnation(): void {
    const bytes = this.host.environment.random(4);
    this.localIncarnation = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
  }

  private transportOptions(peerInitialWindow: number): ConstructorParameters<typeof Transport>[0] {
    const { id, profile, rateMbps, maxUdpPayload } = this.options;
    return {
      peerId: id,
      profile,
      rateMbps,
      maxUdpPayload,
      idParity: this.weOutrank ? 1 : 0,
      peerInitialWindow,
    };
  }

  // Handshake

  /** For the responder: what it must know of this peer. Undefined: our own initiation goes first. */
  admit(nowUs: number): AdmittedPeer | undefined {
    if (
      this.weOutrank &&
      this.initiator?.outstandingIndex !== undefined &&
      this.attempts <= 2 &&
      nowUs < this.nextAttemptUs
    ) {
      return undefined;
    }
    return { presharedKey: this.options.presharedKey, history: this.history, parameters: this.parameters };
  }

  private get parameters() {
    return {
      maxUdpPayload: Math.max(1200, this.options.maxUdpPayload),
      initialStreamWindow: INITIAL_STREAM_WINDOW,
      incarnation: this.localIncarnation,
    };
  }

  /** We have answered an initiation of the peer. */
  onAnswered(
    established: EstablishedSession,
    response: Uint8Array,
    address: PackedAddress,
    nowUs: number,
  ): void {
    this.outgoing.push({ datagram: response, address });
    if (this.unproven !== undefined) this.drop(this.unproven);
    this.unproven = this.makeSession(established, address, false, nowUs);
  }

  /** A message of the handshake came that answers ours. */
  onResponse(datagram: Uint8Array, address: PackedAddress, nowUs: number): void {
    const outcome = this.initiator?.handleResponse(datagram);
    if (outcome === undefined || !outcome.ok) return;
    this.attempts = 0;
    const session = this.makeSession(outcome.session, address, true, nowUs);
    this.adopt(session, nowUs);
    this.transport?.ping();
  }

  onCookieReply(datagram: Uint8Array, nowUs: number): void {
    const outcome = this.initiator?.handleCookieReply(datagram, this.host.environment.unixTimeMs());
    if (outcome?.ok === true) this.nextAttemptUs = nowUs;
  }

  private makeSession(
    established: EstablishedSession,
    address: PackedAddress,
    initiated: boolean,
    nowUs: number,
  ): Session {
    const { crypto } = this.host.environment;
    const { suite, send, receive } = established.keys;
    const session: Session = {
      localIndex: established.localIndex,
      peerIndex: established.peerIndex,
      sendKeyId: crypto.addKey(suite, send.key, send.iv),
      receiveKeyId: crypto.addKey(suite, receive.key, receive.iv),
      address: address.slice(),
      tunnel: this,
      createdUs: nowUs,
      initiated,
      peerIncarnation: established.peerParameters.incarnation,
      localIncarnation: this.localIncarnation,
      peerInitialWindow: established.peerParameters.initialStreamWindow,
      firstPacket: this.transport?.packetsSent ?? 0,
    };
    this.host.register(session);
    return session;
  }

  private drop(session: Session): void {
    this.host.retireKey(session.sendKeyId);
    this.host.retireKey(session.receiveKeyId);
    this.host.unregister(session);
  }

  private dropOld(session: Session): void {
    this.old.delete(session);
    this.drop(session);
  }

  /** Sends with `session` from now on. The one before still opens late packets for a while. */
  private adopt(session: Session, nowUs: number): void {
    if (this.session !== undefined) this.old.set(this.session, nowUs + OLD_KEYS_US);
    this.old.delete(session);
    this.session = session;
    this.lastReceivedUs = nowUs;
    if (!this.continues(session)) this.beginTransport(session, nowUs);
    this.reportUp();
  }

  private beginTransport(session: Session, nowUs: number): void {
    if (this.transport !== undefined) this.abandonTransport('the peer has restarted');
    for (const stale of this.old.keys()) this.dropOld(stale);
    this.peerIncarnation = session.peerIncarnation;
    this.transport = new Transport(
      this.transportOptions(session.peerInitialWindow),
      this.host.pool,
      this.host.budget,
      this.host.random,
      nowUs,
    );
  }

  private abandonTransport(reason: string): void {
    this.transport?.abandon(reason, StreamAbortCode.tunnelLost);
    this.transport?.deliver(this.host.events);
    this.transport = undefined;
  }

  // Receiving

  /** The transport that packets of `session` belong to; undefined: one that its first packet will begin. */
  transportOf(session: Session): Transport | undefined {
    return this.continues(session) ? this.transport : undefined;
  }

  private continues(session: Session): boolean {
    return (
      this.transport !== undefined &&
      session.peerIncarnation === this.peerIncarnation &&
      session.localIncarnation === this.localIncarnation
    );
  }

  /** The first authentic packet of a session that we answered proves it. */
  prove(session: Session, nowUs: number): void {
    if (session !== this.unproven) return;
    this.unproven = undefined;
    this.attempts = 0;
    this.adopt(session, nowUs);
  }

  /** Both sides may have begun a session at the same time; the one that the peer goes on to use must not expire. */
  private keepAlive(session: Session, nowUs: number): void {
    if (nowUs - session.createdUs < 2 * REKEY_AFTER_US) this.old.set(session, nowUs + OLD_KEYS_US);
  }

  onPacket(
    session: Session,
    number: number,
    offset: number,
    length: number,
    size: number,
    nowUs: number,
  ): void {
    if (session !== this.session) this.keepAlive(session, nowUs);
    this.lastReceivedUs = nowUs;
    if (!this.upReported) this.reportUp();
    if (this.transport?.onPacket(number, offset, length, size, nowUs) === 'violation') {
      this.fail(this.transport.closedReason ?? 'the peer broke the protocol', nowUs);
    }
  }

  /** Gives up transport and sessions, and begins anew. */
  private fail(reason: string, nowUs: number): void {
    this.reportDown(reason);
    this.abandonTransport(reason);
    this.dropSessions();
    this.newIncarnation();
    this.initiator = undefined;
    this.nextAttemptUs = nowUs + HANDSHAKE_RETRY_US;
    this.attempts = 0;
  }

  private dropSessions(): void {
    for (const stale of this.old.keys()) this.dropOld(stale);
    if (this.session !== undefined) this.drop(this.session);
    if (this.unproven !== undefined) this.drop(this.unproven);
    this.session = undefined;
    this.unproven = undefined;
  }

  private reportUp(): void {
    if (this.upReported) return;
    this.upReported = true;
    this.host.events.tunnelUp(this.options.id);
  }

  private reportDown(reason: string): void {
    if (!this.upReported) return;
    this.upReported = false;
    this.host.events.tunnelDown(this.options.id, reason);
  }

  // Time

  /** Does what is due and describes packets that may leave. */
  poll(builder: PacketBuilder, nowUs: number): void {
    this.runTimers(nowUs);
    while (this.outgoing.length > 0 && !builder.full) {
      const message = this.outgoing.shift();
      if (message !== undefined) builder.plain(message.datagram, message.address);
    }
    if (this.session !== undefined) this.transport?.poll(builder, this.session, nowUs);
  }

  private runTimers(nowUs: number): void {
    for (const [session, untilUs] of this.old) if (untilUs <= nowUs) this.dropOld(session);
    this.watchPeer(nowUs);
    if (nowUs >= this.handshakeDueUs(nowUs)) this.initiate(nowUs);
  }

  private watchPeer(nowUs: number): void {
    const { transport } = this;
    if (transport === undefined) return;
    const silence = Math.min(transport.loss.silenceUs(nowUs), nowUs - this.lastReceivedUs);
    if (silence > STREAM_TIMEOUT_US) {
      this.fail('the peer has been silent for too long', nowUs);
      return;
    }
    if (silence > PEER_DOWN_US) this.reportDown('the peer does not answer');
    if (nowUs - Math.max(this.lastReceivedUs, this.lastPingUs) >= KEEPALIVE_US) {
      this.lastPingUs = nowUs;
      transport.ping();
    }
  }

  private handshakeDueUs(nowUs: number): number {
    if (this.endpoints.length === 0 && this.session === undefined) return Infinity;
    const { session } = this;
    if (session === undefined || !this.upReported) return this.nextAttemptUs;
    const worn = (this.transport?.packetsSent ?? 0) - session.firstPacket >= REKEY_AFTER_PACKETS;
    const rekeyUs = worn ? nowUs : session.createdUs + REKEY_AFTER_US + (session.initiated ? 0 : OLD_KEYS_US);
    return Math.max(rekeyUs, this.nextAttemptUs);
  }

  private initiate(nowUs: number): void {
    const address =
      this.endpoints.length > 0
        ? this.endpoints[this.attempts % this.endpoints.length]
        : this.session?.address;
    if (address === undefined) return;
    this.initiator ??= this.makeInitiator();
    if (this.initiator.outstandingIndex !== undefined)
      this.host.forgetResponse(this.initiator.outstandingIndex);
    const datagram = this.initiator.createInitiation(this.host.environment.unixTimeMs());
    if (this.initiator.outstandingIndex !== undefined)
      this.host.expectResponse(this.initiator.outstandingIndex, this);
    this.outgoing = [{ datagram, address }];
    this.nextAttemptUs = nowUs + HANDSHAKE_RETRY_US;
    this.attempts = Math.min(this.attempts + 1, 20);
  }

  private makeInitiator(): HandshakeInitiator {
    const { environment, keys } = this.host;
    const { publicKey, presharedKey, cipherSuite } = this.options;
    return new HandshakeInitiator(
      {
        staticKeys: keys,
        responderPublicKey: publicKey,
        presharedKey,
        cipherSuites: [cipherSuite],
        parameters: this.parameters,
        allocateIndex: () => this.host.allocateIndex(),
      },
      environment.noise,
      environment.random,
    );
  }

  nextTimeoutUs(nowUs: number): number {
    if (this.outgoing.length > 0) return nowUs;
    let due = this.handshakeDueUs(nowUs);
    for (const untilUs of this.old.values()) due = Math.min(due, untilUs);
    const { transport } = this;
    if (transport === undefined || this.session === undefined) return due;
    due = Math.min(due, Math.max(this.lastReceivedUs, this.lastPingUs) + KEEPALIVE_US);
    if (this.upReported && transport.loss.inFlight > 0) due = Math.min(due, nowUs + PEER_DOWN_US);
    return Math.min(due, transport.nextTimeoutUs());
  }

  /** Ends the tunnel: streams are reset, a goodbye is left to be sent by {@link poll}. */
  close(builder: PacketBuilder | undefined, nowUs: number): void {
    if (builder !== undefined && this.session !== undefined && this.transport !== undefined) {
      this.transport.close(0, 'closed by its agent');
      this.transport.poll(builder, this.session, nowUs);
    }
    this.reportDown('closed');
    this.abandonTransport('closed');
    this.dropSessions();
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
