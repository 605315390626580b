import { COOKIE_LIFETIME_MS, openCookieReply, type OpenedCookie } from './cookie.js';
import { hasValidMac1, mac1Key, mac1Of, writeMacs } from './macs.js';
import {
  decodeResponse,
  encodeInitiation,
  encodeInitiationHeader,
  INITIATION_PAYLOAD_LENGTH,
} from './messages.js';
import { chooseSuite, encodeOffer, PROTOCOL_VERSIONS, type VersionRange } from './negotiation.js';
import { HandshakeState } from './noise.js';
import {
  checkReceiveParameters,
  decodeResponsePayload,
  encodeInitiationPayload,
  type ReceiveParameters,
} from './payloads.js';
import type { KeyPair, NoisePrimitives, RandomBytes } from './primitives.js';
import { deriveSessionKeys, type CipherSuite } from './session-keys.js';
import { prologueOf, refused, type EstablishedSession, type Refused } from './session.js';
import type { InitiationTimestamps } from './timestamp.js';

export interface InitiatorConfig {
  readonly staticKeys: KeyPair;
  readonly responderPublicKey: Uint8Array;
  /** 32 bytes; with it the pattern is IKpsk2, without it IK. */
  readonly presharedKey?: Uint8Array;
  /** At least one; the responder chooses. */
  readonly cipherSuites: readonly CipherSuite[];
  /** Packet protocol versions to offer; by default those that this build speaks. */
  readonly versions?: VersionRange;
  /** What this side tells the responder; asked anew for each initiation. */
  readonly parameters: () => ReceiveParameters;
  /**
   * A number from 0 to 2^32 - 1 that no other session or handshake of this side carries. Draw it at random:
   * an outsider who can guess it can make this side check forged responses.
   */
  readonly allocateIndex: () => number;
  /** Shared by all initiators of this side whose initiations the responder remembers together, whatever their keys. */
  readonly timestamps: InitiationTimestamps;
}

export type ResponseOutcome = { readonly ok: true; readonly session: EstablishedSession } | Refused;
export type CookieOutcome = { readonly ok: true } | Extract<OpenedCookie, { ok: false }>;

interface OutstandingInitiation {
  readonly senderIndex: number;
  readonly mac1: Uint8Array;
  readonly handshake: HandshakeState;
}

/**
 * Opens sessions with one peer, one after the other. Only the latest initiation is outstanding: leave more
 * time than the path's round trip before sending the next, and let it grow from try to try.
 */
export class HandshakeInitiator {
  private readonly initiationMacKey: Uint8Array;
  private readonly responseMacKey: Uint8Array;
  private readonly suiteOffer: number;
  private outstanding: OutstandingInitiation | undefined;
  private cookie: { readonly value: Uint8Array; readonly expiresAtMs: number } | undefined;

  /** @throws RangeError if a setting is out of its range. */
  constructor(
    private readonly config: InitiatorConfig,
    private readonly primitives: NoisePrimitives,
    private readonly random: RandomBytes,
  ) {
    checkReceiveParameters(config.parameters());
    if (config.cipherSuites.length === 0) throw new RangeError('Offer at least one cipher suite');
    this.suiteOffer = encodeOffer(config.cipherSuites);
    this.initiationMacKey = mac1Key(primitives, config.responderPublicKey);
    this.responseMacKey = mac1Key(primitives, config.staticKeys.publicKey);
  }

  /** The index of the initiation that waits for its response, by which a response is routed here. */
  get outstandingIndex(): number | undefined {
    return this.outstanding?.senderIndex;
  }

  /**
   * The next initiation, of 256 bytes; one that waits for its response is given up.
   *
   * @param nowUnixMs milliseconds since 1970, from a clock that is never behind where it stood at an earlier
   *   run of this agent, or the responder takes the initiation for a replay
   * @throws RangeError if the responder's public key is no valid one, or a parameter is out of its range
   */
  createInitiation(nowUnixMs: number): Uint8Array {
    const senderIndex = this.config.allocateIndex();
    const pattern = this.config.presharedKey === undefined ? 'IK' : 'IKpsk2';
    const header = encodeInitiationHeader({ pattern, suiteOffer: this.suiteOffer, senderIndex });
    const handshake = new HandshakeState(
      {
        pattern,
        role: 'initiator',
        prologue: prologueOf(header),
        staticKeys: this.config.staticKeys,
        remoteStaticKey: this.config.responderPublicKey,
        presharedKey: this.config.presharedKey,
      },
      this.primitives,
      this.random,
    );
    const noiseMessage = handshake.writeMessage(this.nextPayload(nowUnixMs));
    if (noiseMessage === undefined) {
      throw new RangeError("The peer's public key is a point of small order: ask for its real key");
    }
    const message = encodeInitiation(header, noiseMessage);
    writeMacs(this.primitives, message, this.initiationMacKey, this.cookieAt(nowUnixMs));
    this.outstanding = { senderIndex, mac1: mac1Of(message).slice(), handshake };
    return message;
  }

  /**
   * Ends the outstanding handshake with its response. One that is not authentic changes nothing, the
   * handshake goes on waiting.
   */
  handleResponse(bytes: Uint8Array): ResponseOutcome {
    const decoded = decodeResponse(bytes);
    if (!decoded.ok) return decoded;
    const { senderIndex, receiverIndex, noiseMessage } = decoded.message;
    const outstanding = this.outstanding;
    if (outstanding?.senderIndex !== receiverIndex) return refused('unknown-index');
    if (!hasValidMac1(this.primitives, bytes, this.responseMacKey)) return refused('wrong-mac');
    const plaintext = outstanding.handshake.readMessage(noiseMessage);
    if (plaintext === undefined) return refused('not-authentic');

    this.outstanding = undefined;
    const payload = decodeResponsePayload(plaintext);
    if (payload?.senderIndex !== senderIndex) return refused('malformed-payload');
    const { version, suite, parameters } = payload;
    if (chooseSuite([suite], this.suiteOffer) === undefined || !this.isOfferedVersion(version)) {
      return refused('not-offered');
    }
    const split = outstanding.handshake.split();
    const session: EstablishedSession = {
      version,
      keys: deriveSessionKeys(this.primitives, suite, split, 'initiator'),
      localIndex: outstanding.senderIndex,
      peerIndex: senderIndex,
      localPublicKey: this.config.staticKeys.publicKey,
      peerPublicKey: this.config.responderPublicKey,
      peerParameters: parameters,
      handshakeHash: split.handshakeHash,
    };
    return { ok: true, session };
  }

  /**
   * Takes the cookie of a responder under load. The initiation that drew it is lost: send the next, which
   * carries the cookie.
   *
   * @param nowUnixMs the clock of {@link createInitiation}
   */
  handleCookieReply(bytes: Uint8Array, nowUnixMs: number): CookieOutcome {
    if (this.outstanding === undefined) return { ok: false, reason: 'unknown-index' };
    const opened = openCookieReply(this.primitives, bytes, {
      responderPublicKey: this.config.responderPublicKey,
      senderIndex: this.outstanding.senderIndex,
      mac1: this.outstanding.mac1,
    });
    if (!opened.ok) return opened;
    this.cookie = { value: opened.cookie, expiresAtMs: nowUnixMs + COOKIE_LIFETIME_MS };
    return { ok: true };
  }

  private nextPayload(nowUnixMs: number): Uint8Array {
    const timestamp = this.config.timestamps.next(nowUnixMs);
    const parameters = this.config.parameters();
    checkReceiveParameters(parameters);
    return encodeInitiationPayload(
      { timestamp, versions: this.versions, parameters },
      INITIATION_PAYLOAD_LENGTH,
    );
  }

  private get versions(): VersionRange {
    return this.config.versions ?? PROTOCOL_VERSIONS;
  }

  private isOfferedVersion(version: number): boolean {
    return version >= this.versions.minimum && version <= this.versions.maximum;
  }

  private cookieAt(nowMs: number): Uint8Array | undefined {
    if (this.cookie !== undefined && nowMs >= this.cookie.expiresAtMs) this.cookie = undefined;
    return this.cookie?.value;
  }
}
