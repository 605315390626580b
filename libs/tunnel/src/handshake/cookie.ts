import { concatBytes, utf8 } from './bytes.js';
import { hasValidMac2, mac1Of, shortMac } from './macs.js';
import { COOKIE_NONCE_LENGTH, decodeCookieReply, encodeCookieReply, type FormatError } from './messages.js';
import type { NoisePrimitives, RandomBytes } from './primitives.js';

/**
 * How long an initiator uses a cookie, and how long a responder makes cookies with one secret, in
 * milliseconds (WireGuard paper, section 5.4.7).
 */
export const COOKIE_LIFETIME_MS = 120_000;

const SECRET_LENGTH = 32;
const COOKIE_LABEL = utf8('longhaul v1 cookie');

/**
 * Makes and checks a responder's cookies without remembering whom it gave one (WireGuard paper, section
 * 5.4.7). A cookie is a MAC over the initiator's address and port, so only who receives there can know it.
 * The secret changes every 120 s and the one before stays valid, so a cookie lives for 120 s at the least.
 */
export class CookieIssuer {
  private readonly replyKey: Uint8Array;
  private current: Uint8Array;
  private previous: Uint8Array | undefined;
  private rotatedAtMs: number;

  constructor(
    private readonly primitives: NoisePrimitives,
    private readonly random: RandomBytes,
    responderPublicKey: Uint8Array,
    nowMs: number,
  ) {
    this.replyKey = cookieReplyKey(primitives, responderPublicKey);
    this.current = random(SECRET_LENGTH);
    this.rotatedAtMs = nowMs;
  }

  /** A sealed cookie for the sender of `initiation`, whose mac1 has been found valid. */
  reply(initiation: Uint8Array, senderIndex: number, sourceAddress: Uint8Array, nowMs: number): Uint8Array {
    this.rotate(nowMs);
    const nonce = this.random(COOKIE_NONCE_LENGTH);
    const key = this.primitives.hmacSha256(this.replyKey, nonce);
    const cookie = shortMac(this.primitives, this.current, sourceAddress);
    const sealedCookie = this.primitives.seal(key, 0, mac1Of(initiation), cookie);
    return encodeCookieReply({ receiverIndex: senderIndex, nonce, sealedCookie });
  }

  /** Whether mac2 of `initiation` was made with a cookie that this address was given. */
  proves(initiation: Uint8Array, sourceAddress: Uint8Array, nowMs: number): boolean {
    this.rotate(nowMs);
    return [this.current, this.previous].some(
      (secret) =>
        secret !== undefined &&
        hasValidMac2(this.primitives, initiation, shortMac(this.primitives, secret, sourceAddress)),
    );
  }

  private rotate(nowMs: number): void {
    const age = nowMs - this.rotatedAtMs;
    if (age < COOKIE_LIFETIME_MS) return;
    this.previous = age < 2 * COOKIE_LIFETIME_MS ? this.current : undefined;
    this.current = this.random(SECRET_LENGTH);
    this.rotatedAtMs = nowMs;
  }
}

export type OpenedCookie =
  | { readonly ok: true; readonly cookie: Uint8Array }
  | { readonly ok: false; readonly reason: FormatError | 'unknown-index' | 'not-authentic' };

/**
 * Opens a cookie reply to the initiation with this index and mac1.
 *
 * The sealing key is new for each reply, HMAC of the random nonce under a key that the responder's public key
 * gives: 192 random bits never meet again, which the 96 of a bare AES-GCM nonce would not promise (NIST SP
 * 800-38D section 8.3).
 */
export function openCookieReply(
  primitives: NoisePrimitives,
  bytes: Uint8Array,
  sent: { readonly responderPublicKey: Uint8Array; readonly senderIndex: number; readonly mac1: Uint8Array },
): OpenedCookie {
  const decoded = decodeCookieReply(bytes);
  if (!decoded.ok) return decoded;
  const { receiverIndex, nonce, sealedCookie } = decoded.message;
  if (receiverIndex !== sent.senderIndex) return { ok: false, reason: 'unknown-index' };
  const key = primitives.hmacSha256(cookieReplyKey(primitives, sent.responderPublicKey), nonce);
  const cookie = primitives.open(key, 0, sent.mac1, sealedCookie);
  return cookie === undefined ? { ok: false, reason: 'not-authentic' } : { ok: true, cookie };
}

function cookieReplyKey(primitives: NoisePrimitives, responderPublicKey: Uint8Array): Uint8Array {
  return primitives.sha256(concatBytes(COOKIE_LABEL, responderPublicKey));
}
