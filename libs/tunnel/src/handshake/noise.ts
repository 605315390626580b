import { concatBytes, utf8 } from './bytes.js';
import { hkdfExpand, hkdfExtract } from './hkdf.js';
import {
  HASH_LENGTH,
  KEY_LENGTH,
  TAG_LENGTH,
  type KeyPair,
  type NoisePrimitives,
  type RandomBytes,
} from './primitives.js';

/*
 * The Noise Protocol Framework, revision 34, for the two patterns that the tunnel uses. Section numbers below
 * are that document's.
 */

/**
 * IK (section 7.5), alone or with a pre-shared key mixed in at the end of the second message (section 9.4).
 */
export type NoisePattern = 'IK' | 'IKpsk2';

type Token = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss' | 'psk';

const MESSAGES: Record<NoisePattern, readonly (readonly Token[])[]> = {
  IK: [
    ['e', 'es', 's', 'ss'],
    ['e', 'ee', 'se'],
  ],
  IKpsk2: [
    ['e', 'es', 's', 'ss'],
    ['e', 'ee', 'se', 'psk'],
  ],
};

const EMPTY = new Uint8Array(0);

/** The chaining key, transcript hash and handshake cipher of one handshake (sections 5.1 and 5.2). */
class SymmetricState {
  private constructor(
    private readonly primitives: NoisePrimitives,
    private chainingKey: Uint8Array,
    private hash: Uint8Array,
    private cipherKey: Uint8Array | undefined,
    private nonce: number,
  ) {}

  /** `InitializeSymmetric`. */
  static initialize(primitives: NoisePrimitives, protocolName: string): SymmetricState {
    const name = utf8(protocolName);
    const hash = name.length <= HASH_LENGTH ? zeroPadded(name) : primitives.sha256(name);
    return new SymmetricState(primitives, hash, hash, undefined, 0);
  }

  fork(): SymmetricState {
    return new SymmetricState(this.primitives, this.chainingKey, this.hash, this.cipherKey, this.nonce);
  }

  get handshakeHash(): Uint8Array {
    return this.hash.slice();
  }

  mixHash(data: Uint8Array): void {
    this.hash = this.primitives.sha256(concatBytes(this.hash, data));
  }

  mixKey(material: Uint8Array): void {
    const output = this.derive(material, 2);
    this.chainingKey = output.subarray(0, HASH_LENGTH);
    this.setCipherKey(output.subarray(HASH_LENGTH));
  }

  mixKeyAndHash(material: Uint8Array): void {
    const output = this.derive(material, 3);
    this.chainingKey = output.subarray(0, HASH_LENGTH);
    this.mixHash(output.subarray(HASH_LENGTH, 2 * HASH_LENGTH));
    this.setCipherKey(output.subarray(2 * HASH_LENGTH));
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const sealed =
      this.cipherKey === undefined
        ? plaintext
        : this.primitives.seal(this.cipherKey, this.nonce++, this.hash, plaintext);
    this.mixHash(sealed);
    return sealed;
  }

  /** `undefined` where the text is not authentic; the state is then of no further use. */
  decryptAndHash(sealed: Uint8Array): Uint8Array | undefined {
    const plaintext =
      this.cipherKey === undefined
        ? sealed
        : this.primitives.open(this.cipherKey, this.nonce++, this.hash, sealed);
    this.mixHash(sealed);
    return plaintext;
  }

  /** Bytes that {@link encryptAndHash} adds to a text. */
  get expansion(): number {
    return this.cipherKey === undefined ? 0 : TAG_LENGTH;
  }

  split(): [Uint8Array, Uint8Array] {
    const output = this.derive(EMPTY, 2);
    return [output.slice(0, KEY_LENGTH), output.slice(HASH_LENGTH, HASH_LENGTH + KEY_LENGTH)];
  }

  /** Noise's `HKDF` (section 4.3) is RFC 5869's with the chaining key as salt and no info. */
  private derive(material: Uint8Array, outputs: 2 | 3): Uint8Array {
    const key = hkdfExtract(this.primitives, this.chainingKey, material);
    return hkdfExpand(this.primitives, key, EMPTY, outputs * HASH_LENGTH);
  }

  private setCipherKey(key: Uint8Array): void {
    this.cipherKey = key;
    this.nonce = 0;
  }
}

export interface HandshakeOptions {
  readonly pattern: NoisePattern;
  readonly role: 'initiator' | 'responder';
  /** Data that both sides must agree on, bound into the transcript (section 6). */
  readonly prologue: Uint8Array;
  readonly staticKeys: KeyPair;
  /** The responder's static public key; the initiator of IK has to know it beforehand. */
  readonly remoteStaticKey?: Uint8Array;
  /**
   * 32 bytes; with IKpsk2 only. A responder may learn it between the messages:
   * {@link HandshakeState.setPresharedKey}.
   */
  readonly presharedKey?: Uint8Array;
}

/**
 * Two independent 32-byte secrets, one for each direction, and the transcript hash (sections 5.3 and 11.2).
 */
export interface NoiseSplit {
  readonly initiatorToResponder: Uint8Array;
  readonly responderToInitiator: Uint8Array;
  readonly handshakeHash: Uint8Array;
}

/** One side of one handshake (section 5.3). */
export class HandshakeState {
  private symmetric: SymmetricState;
  private messageIndex = 0;
  private ephemeralKeys: KeyPair | undefined;
  private remoteEphemeral: Uint8Array | undefined;
  private remoteStatic: Uint8Array | undefined;
  private presharedKey: Uint8Array | undefined;

  /** @throws RangeError if a key is missing or has a wrong length: the caller's mistake, never the peer's. */
  constructor(
    private readonly options: HandshakeOptions,
    private readonly primitives: NoisePrimitives,
    private readonly random: RandomBytes,
  ) {
    const { pattern, role, prologue, staticKeys, remoteStaticKey, presharedKey } = options;
    if (role === 'initiator' && remoteStaticKey?.length !== KEY_LENGTH) {
      throw new RangeError(`The initiator of ${pattern} needs the responder's ${KEY_LENGTH}-byte public key`);
    }
    this.symmetric = SymmetricState.initialize(primitives, `Noise_${pattern}_25519_AESGCM_SHA256`);
    this.symmetric.mixHash(prologue);
    this.symmetric.mixHash(role === 'initiator' ? required(remoteStaticKey, 's') : staticKeys.publicKey);
    this.remoteStatic = role === 'initiator' ? remoteStaticKey : undefined;
    if (presharedKey !== undefined) this.setPresharedKey(presharedKey);
  }

  /** Hands in the pre-shared key once the peer is known, before the message that mixes it in. */
  setPresharedKey(presharedKey: Uint8Array): void {
    if (this.options.pattern !== 'IKpsk2') throw new RangeError('The pattern IK takes no pre-shared key');
    if (presharedKey.length !== KEY_LENGTH) {
      throw new RangeError(`A pre-shared key has ${KEY_LENGTH} bytes, not ${presharedKey.length}`);
    }
    this.presharedKey = presharedKey;
  }

  /**
   * The peer's static public key: known to the initiator from the start, to the responder after message 1.
   */
  get remoteStaticKey(): Uint8Array | undefined {
    return this.remoteStatic;
  }

  /**
   * `WriteMessage`; `undefined` where a peer's key is a point of small order.
   *
   * @throws Error if it is the peer's turn, or if the pre-shared key is missing.
   */
  writeMessage(payload: Uint8Array): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    for (const token of this.nextMessage('write')) {
      if (token === 'e') parts.push(this.writeEphemeral());
      else if (token === 's') parts.push(this.symmetric.encryptAndHash(this.options.staticKeys.publicKey));
      else if (!this.mixToken(token)) return undefined;
    }
    this.messageIndex++;
    return concatBytes(...parts, this.symmetric.encryptAndHash(payload));
  }

  /**
   * `ReadMessage`; the payload, or `undefined` where the message is not authentic. A refused message leaves
   * the state as it was, so a forger cannot end a handshake under way.
   *
   * @throws Error if it is this side's turn to write, or if the pre-shared key is missing.
   */
  readMessage(message: Uint8Array): Uint8Array | undefined {
    const tokens = this.nextMessage('read');
    const before = { symmetric: this.symmetric, ephemeral: this.remoteEphemeral, static: this.remoteStatic };
    this.symmetric = before.symmetric.fork();
    const payload = this.readTokens(tokens, message);
    if (payload === undefined) {
      this.symmetric = before.symmetric;
      this.remoteEphemeral = before.ephemeral;
      this.remoteStatic = before.static;
      return undefined;
    }
    this.messageIndex++;
    return payload;
  }

  /** `Split`, after the second message. */
  split(): NoiseSplit {
    if (this.messageIndex < MESSAGES[this.options.pattern].length) {
      throw new Error('The handshake is not complete: both messages come before split()');
    }
    const [initiatorToResponder, responderToInitiator] = this.symmetric.split();
    return { initiatorToResponder, responderToInitiator, handshakeHash: this.symmetric.handshakeHash };
  }

  private nextMessage(action: 'read' | 'write'): readonly Token[] {
    const tokens = MESSAGES[this.options.pattern][this.messageIndex];
    const writer = this.messageIndex % 2 === 0 ? 'initiator' : 'responder';
    if (tokens === undefined || (action === 'write') !== (this.options.role === writer)) {
      throw new Error(`The ${this.options.role} cannot ${action} message ${this.messageIndex + 1}`);
    }
    return tokens;
  }

  private writeEphemeral(): Uint8Array {
    this.ephemeralKeys = this.primitives.generateKeyPair(this.random);
    this.mixEphemeral(this.ephemeralKeys.publicKey);
    return this.ephemeralKeys.publicKey;
  }

  private readTokens(tokens: readonly Token[], message: Uint8Array): Uint8Array | undefined {
    let offset = 0;
    const take = (length: number): Uint8Array | undefined => {
      const end = offset + length;
      if (end > message.length) return undefined;
      const part = message.slice(offset, end);
      offset = end;
      return part;
    };
    for (const token of tokens) {
      if (token === 'e') {
        this.remoteEphemeral = take(KEY_LENGTH);
        if (this.remoteEphemeral === undefined) return undefined;
        this.mixEphemeral(this.remoteEphemeral);
      } else if (token === 's') {
        const sealed = take(KEY_LENGTH + this.symmetric.expansion);
        this.remoteStatic = sealed && this.symmetric.decryptAndHash(sealed);
        if (this.remoteStatic === undefined) return undefined;
      } else if (!this.mixToken(token)) {
        return undefined;
      }
    }
    return this.symmetric.decryptAndHash(message.subarray(offset));
  }

  /** With a pre-shared key in the pattern the ephemeral is mixed into the key too (section 9.2). */
  private mixEphemeral(publicKey: Uint8Array): void {
    this.symmetric.mixHash(publicKey);
    if (this.options.pattern === 'IKpsk2') this.symmetric.mixKey(publicKey);
  }

  /** Mixes a shared secret; false where the exchange gave all zeros. */
  private mixToken(token: Exclude<Token, 'e' | 's'>): boolean {
    if (token === 'psk') {
      this.symmetric.mixKeyAndHash(required(this.presharedKey, 'psk'));
      return true;
    }
    const secret = this.exchange(token);
    if (secret !== undefined) this.symmetric.mixKey(secret);
    return secret !== undefined;
  }

  /** The first letter names the initiator's key, the second the responder's. */
  private exchange(token: 'ee' | 'es' | 'se' | 'ss'): Uint8Array | undefined {
    const [initiatorKey, responderKey] = token;
    const isInitiator = this.options.role === 'initiator';
    const own =
      (isInitiator ? initiatorKey : responderKey) === 's' ? this.options.staticKeys : this.ephemeralKeys;
    const other =
      (isInitiator ? responderKey : initiatorKey) === 's' ? this.remoteStatic : this.remoteEphemeral;
    return this.primitives.dh(required(own, token).privateKey, required(other, token));
  }
}

function zeroPadded(name: Uint8Array): Uint8Array {
  const padded = new Uint8Array(HASH_LENGTH);
  padded.set(name);
  return padded;
}

function required<T>(value: T | undefined, token: Token): T {
  if (value === undefined) throw new Error(`The key for the token "${token}" is missing`);
  return value;
}
