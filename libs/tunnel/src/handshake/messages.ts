import { isAllZero, viewOf } from './bytes.js';
import { HANDSHAKE_VERSION } from './negotiation.js';
import type { NoisePattern } from './noise.js';
import { RESPONSE_PAYLOAD_LENGTH } from './payloads.js';
import { KEY_LENGTH, TAG_LENGTH } from './primitives.js';

/*
 * The wire images of the handshake. All integers are big-endian.
 *
 *   initiation     type 1 | version | pattern | suites offered | sender index (4) |
 *                  Noise message 1 | mac1 (16) | mac2 (16)
 *   response       type 2 | version | 0 | 0 | sender index (4) | receiver index (4) |
 *                  Noise message 2 | mac1 (16) | mac2 (16), of zeros
 *   cookie reply   type 3 | version | 0 | 0 | receiver index (4) | nonce (24) | sealed cookie (32)
 *
 * What stands in clear before Noise message 1 is Noise's prologue, so that no field of it, the offer above
 * all, can be changed on the way.
 */

export const MessageType = { initiation: 1, response: 2, cookieReply: 3 } as const;

/** Length of mac1, mac2 and a cookie, in bytes. */
export const MAC_LENGTH = 16;
export const COOKIE_NONCE_LENGTH = 24;

const MACS_LENGTH = 2 * MAC_LENGTH;
export const INITIATION_HEADER_LENGTH = 8;
const RESPONSE_HEADER_LENGTH = 12;
const COOKIE_REPLY_HEADER_LENGTH = 8;
export const COOKIE_REPLY_LENGTH = COOKIE_REPLY_HEADER_LENGTH + COOKIE_NONCE_LENGTH + MAC_LENGTH + TAG_LENGTH;

/** Noise message 1 without its payload: e, then s and the payload, each with a tag. */
const NOISE_1_OVERHEAD = KEY_LENGTH + (KEY_LENGTH + TAG_LENGTH) + TAG_LENGTH;
const NOISE_2_OVERHEAD = KEY_LENGTH + TAG_LENGTH;

/**
 * Every initiation is padded to this length in bytes and a shorter one is refused, so that no answer to an
 * unproven address is larger than what that address sent. It leaves room for extensions of the response.
 */
export const INITIATION_LENGTH = 256;
/** An initiator with extensions may send a longer one, up to what every path carries. */
const MAX_INITIATION_LENGTH = 1200;
export const INITIATION_PAYLOAD_LENGTH =
  INITIATION_LENGTH - INITIATION_HEADER_LENGTH - NOISE_1_OVERHEAD - MACS_LENGTH;
export const RESPONSE_LENGTH =
  RESPONSE_HEADER_LENGTH + NOISE_2_OVERHEAD + RESPONSE_PAYLOAD_LENGTH + MACS_LENGTH;
/** Never longer than what it answers, so that a responder is no amplifier. */
export const MAX_RESPONSE_LENGTH = INITIATION_LENGTH;

/** The part of an initiation that stands in clear. */
export interface InitiationHeader {
  readonly pattern: NoisePattern;
  /** Bits as in `encodeOffer`. */
  readonly suiteOffer: number;
  readonly senderIndex: number;
}

export interface Initiation extends InitiationHeader {
  readonly header: Uint8Array;
  readonly noiseMessage: Uint8Array;
}

export interface Response {
  readonly senderIndex: number;
  readonly receiverIndex: number;
  readonly noiseMessage: Uint8Array;
}

export interface CookieReply {
  readonly receiverIndex: number;
  readonly nonce: Uint8Array;
  readonly sealedCookie: Uint8Array;
}

/** Why the outer form of a message is refused, before any cryptography. */
export type FormatError = 'wrong-type' | 'wrong-length' | 'unknown-version' | 'malformed-header';

export type Decoded<T> =
  { readonly ok: true; readonly message: T } | { readonly ok: false; readonly reason: FormatError };

const PATTERNS: readonly NoisePattern[] = ['IK', 'IKpsk2'];

export function encodeInitiationHeader(header: InitiationHeader): Uint8Array {
  const bytes = Uint8Array.of(
    MessageType.initiation,
    HANDSHAKE_VERSION,
    PATTERNS.indexOf(header.pattern),
    header.suiteOffer,
    0,
    0,
    0,
    0,
  );
  viewOf(bytes).setUint32(4, header.senderIndex);
  return bytes;
}

/** The message with its macs still zero: see `writeMacs`. */
export function encodeInitiation(header: Uint8Array, noiseMessage: Uint8Array): Uint8Array {
  return frame(header, noiseMessage);
}

/** The message with its macs still zero: see `writeMacs`. */
export function encodeResponse({ senderIndex, receiverIndex, noiseMessage }: Response): Uint8Array {
  const header = new Uint8Array(RESPONSE_HEADER_LENGTH);
  header.set([MessageType.response, HANDSHAKE_VERSION]);
  viewOf(header).setUint32(4, senderIndex);
  viewOf(header).setUint32(8, receiverIndex);
  return frame(header, noiseMessage);
}

export function encodeCookieReply({ receiverIndex, nonce, sealedCookie }: CookieReply): Uint8Array {
  const bytes = new Uint8Array(COOKIE_REPLY_LENGTH);
  bytes.set([MessageType.cookieReply, HANDSHAKE_VERSION]);
  viewOf(bytes).setUint32(4, receiverIndex);
  bytes.set(nonce, COOKIE_REPLY_HEADER_LENGTH);
  bytes.set(sealedCookie, COOKIE_REPLY_HEADER_LENGTH + COOKIE_NONCE_LENGTH);
  return bytes;
}

export function decodeInitiation(bytes: Uint8Array): Decoded<Initiation> {
  const reason = checkForm(bytes, MessageType.initiation, INITIATION_LENGTH, MAX_INITIATION_LENGTH);
  if (reason !== undefined) return { ok: false, reason };
  const pattern = PATTERNS[bytes[2] ?? 0];
  const suiteOffer = bytes[3] ?? 0;
  if (pattern === undefined || suiteOffer === 0) return { ok: false, reason: 'malformed-header' };
  const senderIndex = viewOf(bytes).getUint32(4);
  const header = bytes.subarray(0, INITIATION_HEADER_LENGTH);
  const noiseMessage = bytes.subarray(INITIATION_HEADER_LENGTH, bytes.length - MACS_LENGTH);
  return { ok: true, message: { pattern, suiteOffer, senderIndex, header, noiseMessage } };
}

/** `bytes` may be longer than our own responses: later versions may have extensions. */
export function decodeResponse(bytes: Uint8Array): Decoded<Response> {
  const reason = checkForm(bytes, MessageType.response, RESPONSE_LENGTH, MAX_RESPONSE_LENGTH);
  if (reason !== undefined) return { ok: false, reason };
  const mac2 = bytes.subarray(bytes.length - MAC_LENGTH);
  if (!isAllZero(bytes.subarray(2, 4)) || !isAllZero(mac2)) return { ok: false, reason: 'malformed-header' };
  const view = viewOf(bytes);
  const noiseMessage = bytes.subarray(RESPONSE_HEADER_LENGTH, bytes.length - MACS_LENGTH);
  return {
    ok: true,
    message: { senderIndex: view.getUint32(4), receiverIndex: view.getUint32(8), noiseMessage },
  };
}

export function decodeCookieReply(bytes: Uint8Array): Decoded<CookieReply> {
  const reason = checkForm(bytes, MessageType.cookieReply, COOKIE_REPLY_LENGTH, COOKIE_REPLY_LENGTH);
  if (reason !== undefined) return { ok: false, reason };
  if (!isAllZero(bytes.subarray(2, 4))) return { ok: false, reason: 'malformed-header' };
  const nonceEnd = COOKIE_REPLY_HEADER_LENGTH + COOKIE_NONCE_LENGTH;
  return {
    ok: true,
    message: {
      receiverIndex: viewOf(bytes).getUint32(4),
      nonce: bytes.subarray(COOKIE_REPLY_HEADER_LENGTH, nonceEnd),
      sealedCookie: bytes.subarray(nonceEnd),
    },
  };
}

function frame(header: Uint8Array, noiseMessage: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(header.length + noiseMessage.length + MACS_LENGTH);
  bytes.set(header);
  bytes.set(noiseMessage, header.length);
  return bytes;
}

function checkForm(
  bytes: Uint8Array,
  type: number,
  minimum: number,
  maximum: number,
): FormatError | undefined {
  if (bytes[0] !== type) return 'wrong-type';
  if (bytes.length < minimum || bytes.length > maximum) return 'wrong-length';
  if (bytes[1] !== HANDSHAKE_VERSION) return 'unknown-version';
  return undefined;
}
