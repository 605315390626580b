import type { EstablishedSession, Succession } from '../handshake/index.js';
import type { PackedAddress, PacketCrypto } from '../io.js';
import { OLD_KEYS_US, REKEY_AFTER_US } from '../params.js';
import { compareBytes } from '../wire/compare-bytes.js';
import type { PacketTarget } from '../wire/packet-builder.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/** One session's keys and indices. */
export interface Session<Owner> extends PacketTarget {
  readonly localIndex: number;
  readonly receiveKeyId: number;
  readonly owner: Owner;
  /** Where the handshake found the peer. */
  readonly address: PackedAddress;
  readonly createdUs: number;
  /** Whether we began it: then we also begin its successor. */
  readonly initiated: boolean;
  /** The peer's static key that its handshake used. */
  readonly peerPublicKey: Uint8Array;
  /** Whether our static key is the higher one of the two: then our streams have the odd ids. */
  readonly outranks: boolean;
  readonly peerIncarnation: number;
  readonly localIncarnation: number;
  readonly peerInitialWindow: number;
  readonly peerMaxUdpPayload: number;
  /** Undefined: the peer knows nothing of one process that takes over from another. */
  readonly peerSuccession: Succession | undefined;
  /** Number of the first packet that may be sealed under its keys. */
  firstPacket: number;
  /** The same of the first packet that the peer may have sealed. */
  firstReceived: number;
}

/** Where sessions are known by their index, and keys by their number. */
export interface SessionRegistry<Owner> {
  readonly crypto: PacketCrypto;
  register(session: Session<Owner>): void;
  unregister(session: Session<Owner>): void;
  /** The key goes at the next call of the endpoint: packets already described may need it, no later ones do. */
  retireKey(id: number): void;
}

/** How a session came to be. */
export interface SessionOrigin {
  readonly address: PackedAddress;
  readonly initiated: boolean;
  readonly localIncarnation: number;
  readonly nowUs: number;
}

/** The sessions with one peer: the one that carries what we send, its predecessors, and one that is not proven yet. */
export class Sessions<Owner> {
  /** Carries what we send. */
  current: Session<Owner> | undefined = undefined;
  /** Answered by us, not yet proven by a packet of the peer. */
  private unproven: Session<Owner> | undefined = undefined;
  /** Replaced sessions, and until when each still opens packets. */
  private readonly old = new Map<Session<Owner>, number>();

  constructor(
    private readonly owner: Owner,
    private readonly registry: SessionRegistry<Owner>,
  ) {}

  make(established: EstablishedSession, origin: SessionOrigin): Session<Owner> {
    const { crypto } = this.registry;
    const { suite, send, receive } = established.keys;
    const { incarnation, initialStreamWindow, maxUdpPayload, succession } = established.peerParameters;
    const session: Session<Owner> = {
      localIndex: established.localIndex + DOUBLE_ZERO,
      peerIndex: established.peerIndex + DOUBLE_ZERO,
      sendKeyId: crypto.addKey(suite, send.key, send.iv),
      receiveKeyId: crypto.addKey(suite, receive.key, receive.iv),
      owner: this.owner,
      address: origin.address.slice(),
      createdUs: origin.nowUs,
      initiated: origin.initiated,
      peerPublicKey: established.peerPublicKey,
      outranks: compareBytes(established.localPublicKey, established.peerPublicKey) > 0,
      peerIncarnation: incarnation,
      localIncarnation: origin.localIncarnation,
      peerInitialWindow: initialStreamWindow,
      peerMaxUdpPayload: maxUdpPayload,
      peerSuccession: succession,
      firstPacket: 0,
      firstReceived: 0,
    };
    this.registry.register(session);
    return session;
  }

  /** A session that we answered: it replaces nothing before the peer has shown that it holds its keys. */
  expectProof(session: Session<Owner>): void {
    this.dropUnproven();
    this.unproven = session;
  }

  /** Forgets a session that was proven and is not to be used. */
  refuse(session: Session<Owner>): void {
    this.drop(session);
  }

  private dropUnproven(): void {
    if (this.unproven !== undefined) this.drop(this.unproven);
    this.unproven = undefined;
  }

  /** Whether an authentic packet of `session` is the proof that was waited for. */
  takeProof(session: Session<Owner>): boolean {
    if (session !== this.unproven) return false;
    this.unproven = undefined;
    return true;
  }

  /** Sends with `session` from now on. The one before still opens late packets for a while. */
  adopt(session: Session<Owner>, nowUs: number): void {
    if (this.current !== undefined) this.old.set(this.current, nowUs + OLD_KEYS_US);
    this.old.delete(session);
    this.current = session;
  }

  /**
   * A packet came of a session that is not the current one. Both sides may have begun one at the same time; the one that
   * the peer goes on to use must not expire.
   */
  keepAlive(session: Session<Owner>, nowUs: number): void {
    if (this.old.has(session) && nowUs - session.createdUs < 2 * REKEY_AFTER_US)
      this.old.set(session, nowUs + OLD_KEYS_US);
  }

  /** Forgets those whose time is over. */
  expire(nowUs: number): void {
    for (const [session, untilUs] of this.old) if (untilUs <= nowUs) this.dropOld(session);
  }

  /** When {@link expire} has something to do. */
  get expiryUs(): number {
    let due = Infinity;
    for (const untilUs of this.old.values()) due = Math.min(due, untilUs);
    return due;
  }

  /** Forgets all but the current one. */
  dropPredecessors(): void {
    for (const session of this.old.keys()) this.dropOld(session);
  }

  dropAll(): void {
    const target = this.leave();
    if (target !== undefined) this.registry.retireKey(target.sendKeyId);
  }

  /** Forgets all, but for the key of what is given back: who seals a last packet under it retires it. */
  leave(): PacketTarget | undefined {
    const { current } = this;
    this.dropPredecessors();
    this.dropUnproven();
    this.current = undefined;
    if (current !== undefined) this.forget(current);
    return current;
  }

  private dropOld(session: Session<Owner>): void {
    this.old.delete(session);
    this.drop(session);
  }

  private drop(session: Session<Owner>): void {
    this.registry.retireKey(session.sendKeyId);
    this.forget(session);
  }

  /** Its packets are not opened any more. */
  private forget(session: Session<Owner>): void {
    this.registry.retireKey(session.receiveKeyId);
    this.registry.unregister(session);
  }
}
