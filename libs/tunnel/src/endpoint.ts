import type { Environment } from './environment.js';
import { HandshakeResponder, KEY_LENGTH, type AdmittedPeer, type KeyPair } from './handshake/index.js';
import { Receive, RECEIVE_STRIDE, type PackedAddress } from './io.js';
import { ChunkPool } from './memory/chunk-pool.js';
import { CHUNK_BYTES, MAX_POLL_PACKETS, SCRATCH_SLOT_BYTES, TAG_BYTES } from './params.js';
import { MemoryBudget } from './streams/memory-budget.js';
import type { Stream, TrafficClass } from './streams/stream.js';
import { tunnelStats, type TunnelStats } from './stats.js';
import { Tunnel, type PeerOptions, type Session, type TunnelEvents, type TunnelHost } from './tunnel.js';
import { PacketBuilder } from './wire/packet-builder.js';
import { DATA_HEADER_BYTES, expandLow32, PacketType } from './wire/packet.js';

/** Share of the chunk pool that may be promised to peers as credit; the rest is for what we send. */
const RECEIVE_SHARE = 1 / 2;
/** More initiations than this within a second, and only who proves its address with a cookie is answered. */
const INITIATIONS_PER_SECOND = 50;

export interface EndpointOptions {
  /** X25519 static private key, 32 bytes. */
  readonly privateKey: Uint8Array;
  /** Bytes at the beginning of memory that the driver receives datagrams into. */
  readonly receiveRegionBytes: number;
}

/** A new stream, as its opener wants it. */
export interface StreamOptions {
  /** At most 1024 bytes for the far side, for example where to connect to. */
  readonly openPayload: Uint8Array;
  readonly class: TrafficClass;
  /** Share among the streams of its class, 1 to 100. */
  readonly weight: number;
}

/**
 * The protocol of one data-plane worker: all tunnels behind one UDP socket. It has no socket, clock or thread; a driver
 * hands it datagrams and time, sends what it describes, and calls again when it asks to be called.
 *
 * After any call that may have produced packets (receive, a stream's write, finish, reset, release …) the driver calls
 * {@link poll} until it gives 0, and then sleeps until {@link nextTimeoutUs}.
 */
export class Endpoint implements TunnelHost {
  readonly keys: KeyPair;
  readonly pool: ChunkPool;
  readonly budget: MemoryBudget;
  /** Where the driver receives into, of the length asked for. */
  readonly receiveRegionOffset = 0;
  private readonly builder: PacketBuilder;
  private readonly responder: HandshakeResponder;
  private readonly tunnels = new Map<string, Tunnel>();
  private readonly tunnelsByKey = new Map<string, Tunnel>();
  private readonly sessions = new Map<number, Session>();
  private readonly pendingResponses = new Map<number, Tunnel>();
  private readonly batch: (Session | undefined)[] = [];
  private retiredKeys: number[] = [];
  private retiring: number[] = [];
  private nowUs = 0;
  private initiations = 0;
  private initiationsSinceUs = 0;

  constructor(
    options: EndpointOptions,
    readonly environment: Environment,
    readonly events: TunnelEvents,
  ) {
    const { noise, memory, random } = environment;
    if (options.privateKey.length !== KEY_LENGTH) throw new RangeError('the private key must be 32 bytes');
    this.keys = { privateKey: options.privateKey, publicKey: noise.publicKey(options.privateKey) };
    this.builder = new PacketBuilder(memory, options.receiveRegionBytes);
    this.pool = new ChunkPool(memory, options.receiveRegionBytes + MAX_POLL_PACKETS * SCRATCH_SLOT_BYTES);
    this.budget = new MemoryBudget(this.pool.capacity * CHUNK_BYTES * RECEIVE_SHARE);
    this.responder = new HandshakeResponder(
      {
        staticKeys: this.keys,
        cipherSuites: ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'],
        allocateIndex: () => this.allocateIndex(),
        lookupPeer: (publicKey) => this.lookupPeer(publicKey),
      },
      noise,
      random,
      0,
    );
  }

  // Peers

  /** Adds a peer, or changes it in place; its streams go on unless its key changed. */
  setPeer(options: PeerOptions): void {
    const present = this.tunnels.get(options.id);
    const key = keyName(options.publicKey);
    if (present !== undefined && keyName(present.options.publicKey) === key) {
      present.reconfigure(options);
      return;
    }
    if (this.tunnelsByKey.has(key))
      throw new Error(`peer ${options.id} has the same public key as another peer`);
    if (present !== undefined) this.removePeer(options.id);
    const tunnel = new Tunnel(this, options);
    this.tunnels.set(options.id, tunnel);
    this.tunnelsByKey.set(key, tunnel);
  }

  /** Forgets a peer; its streams are reset. */
  removePeer(id: string): void {
    const tunnel = this.tunnels.get(id);
    if (tunnel === undefined) return;
    tunnel.close(undefined, this.nowUs);
    this.tunnels.delete(id);
    this.tunnelsByKey.delete(keyName(tunnel.options.publicKey));
  }

  /** Whether new streams to the peer have a way. */
  isUp(peerId: string): boolean {
    return this.tunnels.get(peerId)?.up ?? false;
  }

  /** Undefined for a peer that is not known. */
  stats(peerId: string): TunnelStats | undefined {
    const tunnel = this.tunnels.get(peerId);
    return tunnel === undefined ? undefined : tunnelStats(tunnel);
  }

  /** Opens a stream. It leaves with its first data, or with flushOpen(). Throws when the tunnel is down or full. */
  openStream(peerId: string, options: StreamOptions): Stream {
    const tunnel = this.tunnels.get(peerId);
    if (tunnel?.transport === undefined || !tunnel.up) throw new Error(`the tunnel to ${peerId} is not up`);
    return tunnel.transport.openStream(options.openPayload, options.class, options.weight);
  }

  private lookupPeer(publicKey: Uint8Array): AdmittedPeer | undefined {
    return this.tunnelsByKey.get(keyName(publicKey))?.admit(this.nowUs);
  }

  // Driving

  /** Takes `count` received datagrams. Events are told before it returns. */
  receive(descriptors: Int32Array, count: number, nowUs: number): void {
    this.nowUs = nowUs;
    this.dropRetiredKeys();
    for (let i = 0; i < count; i++) this.batch[i] = this.prepare(descriptors, i * RECEIVE_STRIDE);
    this.environment.crypto.open(this.environment.memory, descriptors, count);
    for (let i = 0; i < count; i++) {
      const session = this.batch[i];
      if (session !== undefined) this.accept(session, descriptors, i * RECEIVE_STRIDE);
    }
    this.deliver();
  }

  /** Finds the session of a datagram and fills in what `open` needs; handles messages of the handshake on the way. */
  private prepare(descriptors: Int32Array, at: number): Session | undefined {
    const { memory } = this.environment;
    descriptors[at + Receive.keyId] = -1;
    const offset = descriptors[at + Receive.offset];
    const length = descriptors[at + Receive.length];
    if (length <= DATA_HEADER_BYTES + TAG_BYTES) return undefined;
    if (memory[offset] !== PacketType.data) {
      this.handshake(descriptors, at, memory.slice(offset, offset + length));
      return undefined;
    }
    const session = this.sessions.get(readU32(memory, offset + 1));
    if (session === undefined) return undefined;
    const received = session.tunnel.transportOf(session)?.received;
    const number = expandLow32(
      readU32(memory, offset + 5),
      received === undefined ? 0 : received.largest + 1,
    );
    if (received?.isReplay(number) === true) return undefined;
    descriptors[at + Receive.headerLength] = DATA_HEADER_BYTES;
    descriptors[at + Receive.keyId] = session.receiveKeyId;
    descriptors[at + Receive.packetNumberLow] = (number % 2 ** 32) | 0;
    descriptors[at + Receive.packetNumberHigh] = Math.floor(number / 2 ** 32);
    return session;
  }

  private accept(session: Session, descriptors: Int32Array, at: number): void {
    const length = descriptors[at + Receive.result];
    if (length < 0 || !this.sessions.has(session.localIndex)) return;
    const { tunnel } = session;
    tunnel.prove(session, this.nowUs);
    const number =
      (descriptors[at + Receive.packetNumberLow] >>> 0) +
      descriptors[at + Receive.packetNumberHigh] * 2 ** 32;
    if (tunnel.transport?.received.isReplay(number) === true) return;
    const offset = descriptors[at + Receive.offset] + DATA_HEADER_BYTES;
    tunnel.onPacket(session, number, offset, length, descriptors[at + Receive.length], this.nowUs);
  }

  private handshake(descriptors: Int32Array, at: number, datagram: Uint8Array): void {
    const address = descriptors.slice(at + Receive.familyPort, at + Receive.familyPort + 5);
    switch (datagram[0]) {
      case PacketType.initiation:
        this.onInitiation(datagram, address);
        break;
      case PacketType.response:
        this.pendingResponse(datagram, 8)?.onResponse(datagram, address, this.nowUs);
        break;
      case PacketType.cookieReply:
        this.pendingResponse(datagram, 4)?.onCookieReply(datagram, this.nowUs);
        break;
    }
  }

  private onInitiation(datagram: Uint8Array, address: PackedAddress): void {
    const source = new Uint8Array(address.buffer, address.byteOffset, address.byteLength);
    const outcome = this.responder.handleInitiation(datagram, source, this.nowUs / 1000, this.underLoad());
    if (outcome.ok) {
      const tunnel = this.tunnelsByKey.get(keyName(outcome.session.peerPublicKey));
      tunnel?.onAnswered(outcome.session, outcome.response, address, this.nowUs);
    } else if (outcome.reason === 'cookie-required') {
      this.cookieReplies.push({ datagram: outcome.cookieReply, address });
    }
  }

  private readonly cookieReplies: { datagram: Uint8Array; address: PackedAddress }[] = [];

  private underLoad(): boolean {
    if (this.nowUs - this.initiationsSinceUs > 1_000_000) {
      this.initiationsSinceUs = this.nowUs;
      this.initiations = 0;
    }
    return ++this.initiations > INITIATIONS_PER_SECOND;
  }

  private pendingResponse(datagram: Uint8Array, indexAt: number): Tunnel | undefined {
    return datagram.length < indexAt + 4 ? undefined : this.pendingResponses.get(readU32(datagram, indexAt));
  }

  private deliver(): void {
    for (const tunnel of this.tunnels.values()) {
      if (tunnel.transport?.hasEvents === true) tunnel.transport.deliver(this.events);
    }
  }

  /**
   * Describes up to `capacity` packets (at most 512) that are to be sealed and sent now, and gives their number. The
   * driver sends them before it calls anything else.
   */
  poll(descriptors: Int32Array, capacity: number, nowUs: number): number {
    this.nowUs = nowUs;
    this.dropRetiredKeys();
    const { builder } = this;
    builder.reset(descriptors, capacity);
    while (this.cookieReplies.length > 0 && !builder.full) {
      const reply = this.cookieReplies.shift();
      if (reply !== undefined) builder.plain(reply.datagram, reply.address);
    }
    for (const tunnel of this.tunnels.values()) {
      if (builder.full) break;
      tunnel.poll(builder, nowUs);
    }
    this.deliver();
    return builder.count;
  }

  /** When poll() must be called next although nothing arrived; Infinity: never. On the clock of `nowUs`. */
  nextTimeoutUs(): number {
    let due = Infinity;
    for (const tunnel of this.tunnels.values()) due = Math.min(due, tunnel.nextTimeoutUs(this.nowUs));
    return due;
  }

  /** Describes a goodbye to every peer, to be sent as after poll(); all streams are reset. */
  close(descriptors: Int32Array, capacity: number, nowUs: number): number {
    this.nowUs = nowUs;
    this.builder.reset(descriptors, capacity);
    for (const tunnel of this.tunnels.values())
      tunnel.close(this.builder.full ? undefined : this.builder, nowUs);
    this.tunnels.clear();
    this.tunnelsByKey.clear();
    return this.builder.count;
  }

  // For tunnels

  random = (): number => {
    const bytes = this.environment.random(4);
    return (((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0) / 2 ** 32;
  };

  allocateIndex(): number {
    for (;;) {
      const index = Math.floor(this.random() * 2 ** 32);
      if (!this.sessions.has(index) && !this.pendingResponses.has(index)) return index;
    }
  }

  register(session: Session): void {
    this.pendingResponses.delete(session.localIndex);
    this.sessions.set(session.localIndex, session);
  }

  unregister(session: Session): void {
    this.sessions.delete(session.localIndex);
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
    for (const id of this.retiring) this.environment.crypto.removeKey(id);
    this.retiring = this.retiredKeys;
    this.retiredKeys = [];
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

function keyName(publicKey: Uint8Array): string {
  return String.fromCharCode(...publicKey);
}
