import { HandshakeInitiator, type EstablishedSession } from '../handshake/index.js';
import { HANDSHAKE_RETRY_GROWTH, HANDSHAKE_RETRY_MAX_US, HANDSHAKE_RETRY_US } from '../params.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/** Where responses are routed by the index of their initiation. */
export interface ResponseRegistry {
  expectResponse(index: number): void;
  forgetResponse(index: number): void;
  /** Milliseconds since 1970. */
  unixTimeMs(): number;
  /** Uniform in [0, 1). */
  random(): number;
}

/** Spread of the waits, so that the peers of a hub do not come all at once. */
const JITTER = 0.2;

/** Our attempts to begin a session with one peer, and when the next is due. */
export class Initiations {
  /** Attempts since the last success. */
  attempts = 0;
  /** No attempt before this. */
  nextUs = DOUBLE_ZERO;
  private hurriedUs = -Infinity;
  /** For each pair of static keys that may be tried. */
  private initiators: readonly HandshakeInitiator[] | undefined = undefined;
  /** Of the latest attempt. */
  private initiator: HandshakeInitiator | undefined = undefined;

  /** @param makeInitiators at least one; attempts take them in turn, the first one first */
  constructor(
    private readonly makeInitiators: () => readonly HandshakeInitiator[],
    private readonly registry: ResponseRegistry,
  ) {}

  /** Whether a response may still come. */
  outstanding(nowUs: number): boolean {
    return this.initiator?.outstandingIndex !== undefined && nowUs < this.nextUs;
  }

  /** What the initiator is made from has changed, or its peer has: the outstanding attempt is given up. */
  restart(nextUs: number): void {
    this.forget();
    this.initiators = undefined;
    this.initiator = undefined;
    this.attempts = 0;
    this.nextUs = nextUs;
  }

  /** The next initiation. The one before is given up. */
  begin(nowUs: number): Uint8Array {
    this.forget();
    this.initiators ??= this.makeInitiators();
    this.initiator = this.initiators[this.attempts % this.initiators.length];
    const datagram = this.initiator.createInitiation(this.registry.unixTimeMs());
    const index = this.initiator.outstandingIndex;
    if (index !== undefined) this.registry.expectResponse(index);
    this.nextUs = nowUs + this.waitUs();
    this.attempts++;
    return datagram;
  }

  private waitUs(): number {
    const wait = Math.min(
      HANDSHAKE_RETRY_US * HANDSHAKE_RETRY_GROWTH ** this.attempts,
      HANDSHAKE_RETRY_MAX_US,
    );
    return wait * (1 + JITTER * this.registry.random());
  }

  private forget(): void {
    const index = this.initiator?.outstandingIndex;
    if (index !== undefined) this.registry.forgetResponse(index);
  }

  /** The session that a response begins. Undefined: it is not one to our latest initiation. */
  onResponse(datagram: Uint8Array): EstablishedSession | undefined {
    const outcome = this.initiator?.handleResponse(datagram);
    if (outcome?.ok !== true) return undefined;
    this.attempts = 0;
    return outcome.session;
  }

  /** The peer is under load and wants its cookie back. */
  onCookieReply(datagram: Uint8Array, nowUs: number): void {
    const outcome = this.initiator?.handleCookieReply(datagram, this.registry.unixTimeMs());
    if (outcome?.ok === true) this.hurry(nowUs);
  }

  /** There is reason to try at once, which is believed once in the time of a retry. */
  hurry(nowUs: number): boolean {
    if (nowUs - this.hurriedUs < HANDSHAKE_RETRY_US) return false;
    this.hurriedUs = nowUs;
    this.nextUs = nowUs;
    return true;
  }

  /** The tunnel is no more. */
  close(): void {
    this.forget();
    this.initiators = undefined;
    this.initiator = undefined;
  }
}
