import { describe, expect, it } from '@jest/globals';
import { concatBytes } from './bytes.js';
import { INITIATION_PAYLOAD_LENGTH } from './messages.js';
import {
  decodeInitiationPayload,
  decodeResponsePayload,
  encodeInitiationPayload,
  encodeResponsePayload,
} from './payloads.js';
import {
  createSides,
  INITIATOR_ADDRESS,
  INITIATOR_PARAMETERS,
  NOW_UNIX_MS,
  seededIntegers,
  seededRandom,
} from './testing.js';

const INITIATION_PAYLOAD = {
  timestamp: { unixMs: NOW_UNIX_MS, counter: 3 },
  versions: { minimum: 1, maximum: 4 },
  parameters: INITIATOR_PARAMETERS,
};
const RESPONSE_PAYLOAD = {
  senderIndex: 0xffff_ffff,
  version: 1,
  suite: 'aes-256-gcm',
  parameters: INITIATOR_PARAMETERS,
} as const;
/** An extension of a type that no receiver knows yet. */
const UNKNOWN_EXTENSION = Uint8Array.of(0x12, 0x34, 0, 3, 1, 2, 3);

/** Cuts, extends, overwrites and repeats parts of `bytes` at random. */
function mutate(bytes: Uint8Array, next: () => number): Uint8Array {
  const random = seededRandom(next());
  const at = next() % (bytes.length + 1);
  switch (next() % 4) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return concatBytes(bytes, random(next() % 2000));
    case 2:
      return concatBytes(
        bytes.subarray(0, at),
        random(Math.min(bytes.length - at, next() % 8)),
        bytes.subarray(at),
      );
    default: {
      const changed = bytes.slice();
      changed.set(random(Math.min(bytes.length - at, 1 + (next() % 16))), at);
      return changed;
    }
  }
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe('payloads', () => {
  it('come back as they were written', () => {
    const initiation = encodeInitiationPayload(INITIATION_PAYLOAD, INITIATION_PAYLOAD_LENGTH);
    expect(decodeInitiationPayload(initiation)).toEqual(INITIATION_PAYLOAD);
    expect(decodeResponsePayload(encodeResponsePayload(RESPONSE_PAYLOAD))).toEqual(RESPONSE_PAYLOAD);
  });

  it('are read past extensions that are not known', () => {
    const initiation = encodeInitiationPayload(INITIATION_PAYLOAD, INITIATION_PAYLOAD_LENGTH);
    const response = encodeResponsePayload(RESPONSE_PAYLOAD);
    expect(decodeInitiationPayload(concatBytes(initiation, UNKNOWN_EXTENSION))).toEqual(INITIATION_PAYLOAD);
    expect(decodeResponsePayload(concatBytes(response, UNKNOWN_EXTENSION, UNKNOWN_EXTENSION))).toEqual(
      RESPONSE_PAYLOAD,
    );
  });

  it.each([
    ['an extension is cut short', UNKNOWN_EXTENSION.subarray(0, 6)],
    ["an extension's header is cut short", UNKNOWN_EXTENSION.subarray(0, 3)],
    ['an extension says more than there is', Uint8Array.of(0, 0, 0xff, 0xff)],
  ])('are refused where %s', (_what, tail) => {
    const initiation = encodeInitiationPayload(INITIATION_PAYLOAD, INITIATION_PAYLOAD_LENGTH);
    expect(decodeInitiationPayload(concatBytes(initiation, tail))).toBeUndefined();
    expect(decodeResponsePayload(concatBytes(encodeResponsePayload(RESPONSE_PAYLOAD), tail))).toBeUndefined();
  });

  it.each([
    ['a timestamp over 2^53 - 1', 0, [0xff]],
    ['versions upside down', 12, [2, 1]],
    ['a UDP payload under 1200 bytes', 14, [0, 0]],
    ['a UDP payload over 65507 bytes', 14, [0xff, 0xff]],
  ])('of an initiation are refused with %s', (_what, offset, bytes) => {
    const payload = encodeInitiationPayload(INITIATION_PAYLOAD, INITIATION_PAYLOAD_LENGTH);
    payload.set(bytes, offset);
    expect(decodeInitiationPayload(payload)).toBeUndefined();
  });

  it('of a response are refused with an unknown suite', () => {
    const payload = encodeResponsePayload(RESPONSE_PAYLOAD);
    payload[5] = 3;
    expect(decodeResponsePayload(payload)).toBeUndefined();
  });

  it('never throw on random bytes', () => {
    const random = seededRandom(31);
    const next = seededIntegers(32);
    for (let round = 0; round < 20_000; round++) {
      const bytes = random(next() % 64);
      decodeInitiationPayload(bytes);
      decodeResponsePayload(bytes);
    }
  });
});

describe('messages mutated at random', () => {
  it('are all refused with a reason, and the true ones still taken', () => {
    const { initiator, responder } = createSides();
    const warmUp = initiator.createInitiation(NOW_UNIX_MS);
    const outcome = responder.handleInitiation(warmUp, INITIATOR_ADDRESS, 0, true);
    if (outcome.ok || outcome.reason !== 'cookie-required') throw new Error('expected a cookie');
    const { cookieReply } = outcome;
    const answered = responder.handleInitiation(warmUp, INITIATOR_ADDRESS, 0, false);
    if (!answered.ok) throw new Error(answered.reason);
    const { response } = answered;
    const fresh = createSides();
    const initiation = fresh.initiator.createInitiation(NOW_UNIX_MS);

    const next = seededIntegers(41);
    for (let round = 0; round < 5000; round++) {
      const handlers = [
        [
          initiation,
          (bytes: Uint8Array) => fresh.responder.handleInitiation(bytes, INITIATOR_ADDRESS, 0, false),
        ],
        [response, (bytes: Uint8Array) => initiator.handleResponse(bytes)],
        [cookieReply, (bytes: Uint8Array) => initiator.handleCookieReply(bytes, NOW_UNIX_MS)],
      ] as const;
      for (const [original, handle] of handlers) {
        const mutated = mutate(original, next);
        if (!sameBytes(mutated, original)) expect(handle(mutated)).toMatchObject({ ok: false });
      }
    }
    expect(fresh.responder.handleInitiation(initiation, INITIATOR_ADDRESS, 0, false).ok).toBe(true);
    expect(initiator.handleCookieReply(cookieReply, NOW_UNIX_MS).ok).toBe(true);
    expect(initiator.handleResponse(response).ok).toBe(true);
  });
});
