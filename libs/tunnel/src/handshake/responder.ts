import { isAllZero } from './bytes.js';
import { CookieIssuer } from './cookie.js';
import { hasValidMac1, mac1Key, mac2Of, writeMacs } from './macs.js';
import { decodeInitiation, encodeResponse, type Initiation } from './messages.js';
import { chooseSuite, chooseVersion, PROTOCOL_VERSIONS, type VersionRange } from './negotiation.js';
import { HandshakeState } from './noise.js';
import {
  checkReceiveParameters,
  decodeInitiationPayload,
  encodeResponsePayload,
  type InitiationPayload,
  type ReceiveParameters,
} from './payloads.js';
import type { KeyPair, NoisePrimitives, RandomBytes } from './primitives.js';
import { deriveSessionKeys, type CipherSuite } from './session-keys.js';
import { prologueOf, refused, type EstablishedSession, type Refused } from './session.js';
import type { InitiationHistory } from './timestamp.js';

/** What the responder knows of a peer that may open sessions. */
export interface AdmittedPeer {
  /** 32 bytes; where it is set the peer has to use IKpsk2 with the same key, where it is not, IK. */
  readonly presharedKey?: Uint8Array;
  readonly history: InitiationHistory;
  /** What this side tells the peer, by what the peer has told. Undefined: this side does not want the session. */
  readonly parameters: (ofPeer: ReceiveParameters) => ReceiveParameters | undefined;
}

export interface ResponderConfig {
  readonly staticKeys: KeyPair;
  /** At least one, the most preferred first. */
  readonly cipherSuites: readonly CipherSuite[];
  /** Packet protocol versions to accept, the highest that both have is chosen; by default those that this build speaks. */
  readonly versions?: VersionRange;
  /** A number from 0 to 2^32 - 1 that no other session or handshake of this side carries, drawn at random. */
  readonly allocateIndex: () => number;
  /** The peer with this static public key, or `undefined` where no policy names it. */
  readonly lookupPeer: (publicKey: Uint8Array) => AdmittedPeer | undefined;
}

export type InitiationOutcome =
  | { readonly ok: true; readonly response: Uint8Array; readonly session: EstablishedSession }
  | { readonly ok: false; readonly reason: 'cookie-required'; readonly cookieReply: Uint8Array }
  | Refused;

/** An initiation that Noise has found authentic, from a peer that may open sessions. */
interface AuthenticInitiation {
  readonly ok: true;
  readonly handshake: HandshakeState;
  readonly peer: AdmittedPeer;
  readonly peerPublicKey: Uint8Array;
  readonly payload: InitiationPayload;
}

/** Answers the initiations of all peers. It holds nothing of a handshake between two messages. */
export class HandshakeResponder {
  private readonly macKey: Uint8Array;
  private readonly cookies: CookieIssuer;

  /**
   * @param nowMs the clock of {@link handleInitiation}
   * @throws RangeError if a setting is out of its range
   */
  constructor(
    private readonly config: ResponderConfig,
    private readonly primitives: NoisePrimitives,
    private readonly random: RandomBytes,
    nowMs: number,
  ) {
    if (config.cipherSuites.length === 0) throw new RangeError('Accept at least one cipher suite');
    this.macKey = mac1Key(primitives, config.staticKeys.publicKey);
    this.cookies = new CookieIssuer(primitives, random, config.staticKeys.publicKey, nowMs);
  }

  /**
   * Answers an initiation. Nothing is remembered of one that is refused. The new session must not replace the
   * peer's old one before its first valid packet: until then the initiator has not shown that it holds the
   * keys of this response.
   *
   * @param sourceAddress the sender's address and port, in any one encoding
   * @param nowMs milliseconds on any clock that does not run backwards
   * @param underLoad whether to answer only who proves its address with a cookie
   */
  handleInitiation(
    bytes: Uint8Array,
    sourceAddress: Uint8Array,
    nowMs: number,
    underLoad: boolean,
  ): InitiationOutcome {
    const decoded = decodeInitiation(bytes);
    if (!decoded.ok) return decoded;
    if (!hasValidMac1(this.primitives, bytes, this.macKey)) return refused('wrong-mac');
    if (this.needsCookie(bytes, sourceAddress, nowMs, underLoad)) {
      const cookieReply = this.cookies.reply(bytes, decoded.message.senderIndex, sourceAddress, nowMs);
      return { ok: false, reason: 'cookie-required', cookieReply };
    }
    const authentic = this.authenticate(decoded.message);
    return authentic.ok ? this.respond(decoded.message, authentic) : authentic;
  }

  /**
   * A mac2 that is not valid is refused at rest too: it comes of a cookie from before a restart or an address
   * change, and a new cookie mends that in one round trip.
   */
  private needsCookie(
    bytes: Uint8Array,
    sourceAddress: Uint8Array,
    nowMs: number,
    underLoad: boolean,
  ): boolean {
    if (isAllZero(mac2Of(bytes))) return underLoad;
    return !this.cookies.proves(bytes, sourceAddress, nowMs);
  }

  private authenticate(initiation: Initiation): AuthenticInitiation | Refused {
    const handshake = new HandshakeState(
      {
        pattern: initiation.pattern,
        role: 'responder',
        prologue: prologueOf(initiation.header),
        staticKeys: this.config.staticKeys,
      },
      this.primitives,
      this.random,
    );
    const plaintext = handshake.readMessage(initiation.noiseMessage);
    const peerPublicKey = handshake.remoteStaticKey;
    if (plaintext === undefined || peerPublicKey === undefined) return refused('not-authentic');
    const peer = this.config.lookupPeer(peerPublicKey);
    if (peer === undefined) return { ...refused('unknown-peer'), peerPublicKey };
    const payload = decodeInitiationPayload(plaintext);
    if (payload === undefined) return refused('malformed-payload');
    if (!peer.history.admits(payload.timestamp)) return refused('replayed');
    return { ok: true, handshake, peer, peerPublicKey, payload };
  }

  private respond(initiation: Initiation, authentic: AuthenticInitiation): InitiationOutcome {
    const { handshake, peer, peerPublicKey, payload } = authentic;
    if (initiation.pattern === 'IK' && peer.presharedKey !== undefined)
      return refused('preshared-key-required');
    if (initiation.pattern === 'IKpsk2') {
      if (peer.presharedKey === undefined) return refused('preshared-key-unexpected');
      handshake.setPresharedKey(peer.presharedKey);
    }
    const version = chooseVersion(this.config.versions ?? PROTOCOL_VERSIONS, payload.versions);
    if (version === undefined) return refused('no-common-version');
    const suite = chooseSuite(this.config.cipherSuites, initiation.suiteOffer);
    if (suite === undefined) return refused('no-common-suite');

    const parameters = peer.parameters(payload.parameters);
    if (parameters === undefined) return refused('not-wanted');
    checkReceiveParameters(parameters);
    const localIndex = this.config.allocateIndex();
    const noiseMessage = handshake.writeMessage(
      encodeResponsePayload({ senderIndex: localIndex, version, suite, parameters }),
    );
    if (noiseMessage === undefined) return refused('not-authentic');
    const response = encodeResponse({
      senderIndex: localIndex,
      receiverIndex: initiation.senderIndex,
      noiseMessage,
    });
    writeMacs(this.primitives, response, mac1Key(this.primitives, peerPublicKey));
    peer.history.accept(payload.timestamp);
    const split = handshake.split();
    const session: EstablishedSession = {
      version,
      keys: deriveSessionKeys(this.primitives, suite, split, 'responder'),
      localIndex,
      peerIndex: initiation.senderIndex,
      localPublicKey: this.config.staticKeys.publicKey,
      peerPublicKey,
      peerParameters: payload.parameters,
      handshakeHash: split.handshakeHash,
    };
    return { ok: true, response, session };
  }
}
