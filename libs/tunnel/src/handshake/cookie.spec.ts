import { describe, expect, it } from '@jest/globals';
import { COOKIE_LIFETIME_MS } from './cookie.js';
import { COOKIE_REPLY_LENGTH, INITIATION_LENGTH } from './messages.js';
import type { HandshakeResponder } from './responder.js';
import { createSides, INITIATOR_ADDRESS, NOW_UNIX_MS, withFlippedBit } from './testing.js';

const OTHER_ADDRESS = Uint8Array.of(192, 0, 2, 1, 0x11, 0x23);

function cookieFor(responder: HandshakeResponder, initiation: Uint8Array, nowMs = 0): Uint8Array {
  const outcome = responder.handleInitiation(initiation, INITIATOR_ADDRESS, nowMs, true);
  if (outcome.ok || outcome.reason !== 'cookie-required') throw new Error(JSON.stringify(outcome));
  return outcome.cookieReply;
}

describe('a responder under load', () => {
  it('answers the initiation with a smaller cookie reply, and the one that carries the cookie for real', () => {
    const { initiator, responder } = createSides();
    const reply = cookieFor(responder, initiator.createInitiation(NOW_UNIX_MS));
    expect(reply).toHaveLength(COOKIE_REPLY_LENGTH);
    expect(reply.length).toBeLessThan(INITIATION_LENGTH);
    expect(initiator.handleCookieReply(reply, NOW_UNIX_MS)).toEqual({ ok: true });
    const proven = initiator.createInitiation(NOW_UNIX_MS);
    const outcome = responder.handleInitiation(proven, INITIATOR_ADDRESS, 1, true);
    if (!outcome.ok) throw new Error(outcome.reason);
    expect(initiator.handleResponse(outcome.response).ok).toBe(true);
  });

  it('asks again where the same initiation comes from another address or port', () => {
    const { initiator, responder } = createSides();
    initiator.handleCookieReply(cookieFor(responder, initiator.createInitiation(NOW_UNIX_MS)), NOW_UNIX_MS);
    const proven = initiator.createInitiation(NOW_UNIX_MS);
    for (const underLoad of [true, false]) {
      expect(responder.handleInitiation(proven, OTHER_ADDRESS, 1, underLoad)).toMatchObject({
        reason: 'cookie-required',
      });
    }
  });

  it('asks nobody without load', () => {
    const { initiator, responder } = createSides();
    const initiation = initiator.createInitiation(NOW_UNIX_MS);
    expect(responder.handleInitiation(initiation, INITIATOR_ADDRESS, 0, false).ok).toBe(true);
  });
});

describe('the life of a cookie', () => {
  it('lasts 120 s at the least, over one change of the secret, and ends with the next', () => {
    const { initiator, responder } = createSides();
    const givenAtMs = COOKIE_LIFETIME_MS - 1;
    initiator.handleCookieReply(
      cookieFor(responder, initiator.createInitiation(NOW_UNIX_MS), givenAtMs),
      NOW_UNIX_MS,
    );
    const isTaken = (nowMs: number): boolean =>
      responder.handleInitiation(initiator.createInitiation(NOW_UNIX_MS), INITIATOR_ADDRESS, nowMs, true).ok;
    expect(isTaken(givenAtMs + 1)).toBe(true);
    expect(isTaken(givenAtMs + COOKIE_LIFETIME_MS)).toBe(true);
    expect(isTaken(givenAtMs + 2 * COOKIE_LIFETIME_MS)).toBe(false);
  });

  it('ends at once where the responder slept through both secrets', () => {
    const { initiator, responder } = createSides();
    initiator.handleCookieReply(cookieFor(responder, initiator.createInitiation(NOW_UNIX_MS)), NOW_UNIX_MS);
    const late = initiator.createInitiation(NOW_UNIX_MS);
    expect(responder.handleInitiation(late, INITIATOR_ADDRESS, 2 * COOKIE_LIFETIME_MS, true).ok).toBe(false);
  });

  it('is dropped by the initiator after 120 s', () => {
    const { initiator, responder } = createSides();
    initiator.handleCookieReply(cookieFor(responder, initiator.createInitiation(NOW_UNIX_MS)), NOW_UNIX_MS);
    const mac2 = (nowMs: number): Uint8Array => initiator.createInitiation(nowMs).subarray(-16);
    expect(mac2(NOW_UNIX_MS + COOKIE_LIFETIME_MS - 1)).not.toEqual(new Uint8Array(16));
    expect(mac2(NOW_UNIX_MS + COOKIE_LIFETIME_MS)).toEqual(new Uint8Array(16));
  });

  it('is mended by a restarted responder in one round trip', () => {
    const { initiator, responder } = createSides({ seed: 1 });
    initiator.handleCookieReply(cookieFor(responder, initiator.createInitiation(NOW_UNIX_MS)), NOW_UNIX_MS);
    const restarted = createSides({ seed: 1 }).responder; // its secret is another one by now
    const outcome = restarted.handleInitiation(
      initiator.createInitiation(NOW_UNIX_MS),
      INITIATOR_ADDRESS,
      COOKIE_LIFETIME_MS * 3,
      false,
    );
    if (outcome.ok || outcome.reason !== 'cookie-required') throw new Error(JSON.stringify(outcome));
    expect(initiator.handleCookieReply(outcome.cookieReply, NOW_UNIX_MS)).toEqual({ ok: true });
    const next = initiator.createInitiation(NOW_UNIX_MS);
    expect(restarted.handleInitiation(next, INITIATOR_ADDRESS, COOKIE_LIFETIME_MS * 3, false).ok).toBe(true);
  });
});

describe('a cookie reply', () => {
  it('is refused with any one byte changed', () => {
    const { initiator, responder } = createSides();
    const reply = cookieFor(responder, initiator.createInitiation(NOW_UNIX_MS));
    for (let index = 0; index < reply.length; index++) {
      const outcome = initiator.handleCookieReply(withFlippedBit(reply, index), NOW_UNIX_MS);
      expect([index, outcome.ok]).toEqual([index, false]);
    }
    expect(initiator.handleCookieReply(reply, NOW_UNIX_MS)).toEqual({ ok: true });
  });

  it('is refused where it answers an initiation that was given up', () => {
    const { initiator, responder } = createSides();
    const reply = cookieFor(responder, initiator.createInitiation(NOW_UNIX_MS));
    initiator.createInitiation(NOW_UNIX_MS);
    expect(initiator.handleCookieReply(reply, NOW_UNIX_MS)).toEqual({ ok: false, reason: 'unknown-index' });
  });

  it('is refused where nothing is outstanding', () => {
    const { initiator } = createSides();
    const outcome = initiator.handleCookieReply(new Uint8Array(COOKIE_REPLY_LENGTH), NOW_UNIX_MS);
    expect(outcome).toEqual({ ok: false, reason: 'unknown-index' });
  });
});
