import { describe, expect, it } from '@jest/globals';
import type { HandshakeInitiator, ResponseOutcome } from './initiator.js';
import { mac1Key, writeMacs } from './macs.js';
import { INITIATION_LENGTH, RESPONSE_LENGTH } from './messages.js';
import { HandshakeState } from './noise.js';
import { HandshakeResponder, type InitiationOutcome } from './responder.js';
import type { EstablishedSession } from './session.js';
import {
  createSides,
  INITIATOR_ADDRESS,
  INITIATOR_PARAMETERS,
  NOW_UNIX_MS,
  primitives,
  RESPONDER_PARAMETERS,
  seededRandom,
  withFlippedBit,
  type Sides,
} from './testing.js';

const PRESHARED_KEY = seededRandom(7)(32);
const PATTERNS = [
  ['IK', undefined],
  ['IKpsk2', PRESHARED_KEY],
] as const;

function answer(responder: HandshakeResponder, initiation: Uint8Array): InitiationOutcome {
  return responder.handleInitiation(initiation, INITIATOR_ADDRESS, 0, false);
}

function accepted<T extends { ok: boolean }>(outcome: T): Extract<T, { ok: true }> {
  if (!outcome.ok) throw new Error(`refused: ${JSON.stringify(outcome)}`);
  return outcome as Extract<T, { ok: true }>;
}

function complete({ initiator, responder }: Sides): [EstablishedSession, EstablishedSession] {
  const answered = accepted(answer(responder, initiator.createInitiation(NOW_UNIX_MS)));
  return [accepted(initiator.handleResponse(answered.response)).session, answered.session];
}

describe('agents of different versions', () => {
  const [before, now, next] = [
    { minimum: 1, maximum: 1 },
    { minimum: 1, maximum: 2 },
    { minimum: 2, maximum: 3 },
  ];

  it.each([
    ['an older responder', now, before, 1],
    ['an older initiator', before, now, 1],
    ['a newer responder', now, next, 2],
    ['a newer initiator', next, now, 2],
  ])('agree on what both speak: %s', (_, offered, spoken, version) => {
    const sides = createSides({ initiator: { versions: offered }, responder: { versions: spoken } });
    expect(complete(sides).map((session) => session.version)).toEqual([version, version]);
  });

  it('that have nothing in common say so', () => {
    const { initiator, responder } = createSides({
      initiator: { versions: next },
      responder: { versions: before },
    });
    const outcome = answer(responder, initiator.createInitiation(NOW_UNIX_MS));
    expect(outcome).toMatchObject({ ok: false, reason: 'no-common-version' });
  });
});

describe.each(PATTERNS)('a handshake with %s', (_pattern, presharedKey) => {
  it('gives both sides the same session, seen from their ends', () => {
    const sides = createSides({ presharedKey });
    const [initiator, responder] = complete(sides);
    expect(initiator.keys.send).toEqual(responder.keys.receive);
    expect(initiator.keys.receive).toEqual(responder.keys.send);
    expect(initiator.keys.send.key).not.toEqual(initiator.keys.receive.key);
    expect(initiator.keys.suite).toBe('aes-128-gcm');
    expect(initiator.keys.send.key).toHaveLength(16);
    expect(initiator.keys.send.iv).toHaveLength(12);
    expect(initiator.handshakeHash).toEqual(responder.handshakeHash);
    expect([initiator.localIndex, initiator.peerIndex]).toEqual([responder.peerIndex, responder.localIndex]);
    expect(initiator.peerPublicKey).toEqual(sides.responderKeys.publicKey);
    expect(responder.peerPublicKey).toEqual(sides.initiatorKeys.publicKey);
    expect(initiator.peerParameters).toEqual(RESPONDER_PARAMETERS);
    expect(responder.peerParameters).toEqual(INITIATOR_PARAMETERS);
    expect([initiator.version, responder.version]).toEqual([1, 1]);
  });

  it('replays byte for byte from its seed', () => {
    const [first] = complete(createSides({ presharedKey, seed: 5 }));
    const [again] = complete(createSides({ presharedKey, seed: 5 }));
    const [other] = complete(createSides({ presharedKey, seed: 6 }));
    expect(again).toEqual(first);
    expect(other.handshakeHash).not.toEqual(first.handshakeHash);
  });

  it('refuses an initiation with any one byte changed, and then takes the true one', () => {
    const { initiator, responder } = createSides({ presharedKey });
    const initiation = initiator.createInitiation(NOW_UNIX_MS);
    for (let index = 0; index < initiation.length; index++) {
      expect([index, answer(responder, withFlippedBit(initiation, index)).ok]).toEqual([index, false]);
    }
    expect(answer(responder, initiation).ok).toBe(true);
  });

  it('refuses a changed initiation by Noise alone, where an attacker makes mac1 anew', () => {
    const { initiator, responder, responderKeys } = createSides({ presharedKey });
    const initiation = initiator.createInitiation(NOW_UNIX_MS);
    const macKey = mac1Key(primitives, responderKeys.publicKey);
    for (let index = 0; index < initiation.length - 32; index++) {
      const forged = withFlippedBit(initiation, index);
      writeMacs(primitives, forged, macKey);
      expect([index, answer(responder, forged).ok]).toEqual([index, false]);
    }
  });

  it('refuses a response with any one byte changed, and then takes the true one', () => {
    const { initiator, responder, initiatorKeys } = createSides({ presharedKey });
    const { response } = accepted(answer(responder, initiator.createInitiation(NOW_UNIX_MS)));
    const macKey = mac1Key(primitives, initiatorKeys.publicKey);
    for (let index = 0; index < response.length; index++) {
      expect([index, initiator.handleResponse(withFlippedBit(response, index)).ok]).toEqual([index, false]);
    }
    for (let index = 12; index < response.length - 32; index++) {
      const forged = withFlippedBit(response, index);
      writeMacs(primitives, forged, macKey);
      expect(initiator.handleResponse(forged)).toEqual({ ok: false, reason: 'not-authentic' });
    }
    expect(initiator.handleResponse(response).ok).toBe(true);
  });

  it('refuses a response whose clear sender index was exchanged, with mac1 made anew', () => {
    const { initiator, responder, initiatorKeys } = createSides({ presharedKey });
    const { response } = accepted(answer(responder, initiator.createInitiation(NOW_UNIX_MS)));
    const forged = withFlippedBit(response, 5);
    writeMacs(primitives, forged, mac1Key(primitives, initiatorKeys.publicKey));
    expect(initiator.handleResponse(forged)).toEqual({ ok: false, reason: 'malformed-payload' });
  });
});

describe('amplification', () => {
  it('answers with no more bytes than were sent', () => {
    const { initiator, responder } = createSides({ presharedKey: PRESHARED_KEY });
    const initiation = initiator.createInitiation(NOW_UNIX_MS);
    expect(initiation).toHaveLength(INITIATION_LENGTH);
    const { response } = accepted(answer(responder, initiation));
    expect(response).toHaveLength(RESPONSE_LENGTH);
    expect(response.length).toBeLessThanOrEqual(initiation.length);
  });

  it('does not answer an initiation that is not padded', () => {
    const { initiator, responder } = createSides();
    const short = initiator.createInitiation(NOW_UNIX_MS).subarray(0, INITIATION_LENGTH - 1);
    expect(answer(responder, short)).toEqual({ ok: false, reason: 'wrong-length' });
  });
});

describe('replays', () => {
  it('takes an initiation once', () => {
    const { initiator, responder } = createSides();
    const initiation = initiator.createInitiation(NOW_UNIX_MS);
    expect(answer(responder, initiation).ok).toBe(true);
    expect(answer(responder, initiation)).toEqual({ ok: false, reason: 'replayed' });
  });

  it('refuses one that is older than the last accepted', () => {
    const { initiator, responder } = createSides();
    const older = initiator.createInitiation(NOW_UNIX_MS);
    expect(answer(responder, initiator.createInitiation(NOW_UNIX_MS + 1)).ok).toBe(true);
    expect(answer(responder, older)).toEqual({ ok: false, reason: 'replayed' });
  });

  it('takes every new one of the same millisecond, and after the clock was set back', () => {
    const { initiator, responder } = createSides();
    for (const now of [NOW_UNIX_MS, NOW_UNIX_MS, NOW_UNIX_MS, NOW_UNIX_MS - 60_000]) {
      expect(answer(responder, initiator.createInitiation(now)).ok).toBe(true);
    }
  });

  it('does not let a refused initiation move the history', () => {
    const { initiator, responder, responderKeys } = createSides();
    const forged = withFlippedBit(initiator.createInitiation(NOW_UNIX_MS + 1_000_000), 100);
    writeMacs(primitives, forged, mac1Key(primitives, responderKeys.publicKey));
    expect(answer(responder, forged)).toEqual({ ok: false, reason: 'not-authentic' });
    const fresh = createSides();
    expect(answer(responder, fresh.initiator.createInitiation(NOW_UNIX_MS)).ok).toBe(true);
  });

  it('takes a response once, and none for an initiation that was given up', () => {
    const { initiator, responder } = createSides();
    const first = accepted(answer(responder, initiator.createInitiation(NOW_UNIX_MS)));
    const second = accepted(answer(responder, initiator.createInitiation(NOW_UNIX_MS + 1)));
    const unknown: ResponseOutcome = { ok: false, reason: 'unknown-index' };
    expect(initiator.handleResponse(first.response)).toEqual(unknown);
    expect(initiator.handleResponse(second.response).ok).toBe(true);
    expect(initiator.handleResponse(second.response)).toEqual(unknown);
  });
});

describe('who is let in', () => {
  const strangerKeys = primitives.generateKeyPair(seededRandom(99));

  it('gives no answer to a sender that does not know the public key', () => {
    const { initiator } = createSides({ initiator: { responderPublicKey: strangerKeys.publicKey } });
    const { responder } = createSides();
    const outcome = answer(responder, initiator.createInitiation(NOW_UNIX_MS));
    expect(outcome).toEqual({ ok: false, reason: 'wrong-mac' });
  });

  it('refuses an initiator that no policy names', () => {
    const { initiator, responder } = createSides({ initiator: { staticKeys: strangerKeys } });
    const outcome = answer(responder, initiator.createInitiation(NOW_UNIX_MS));
    expect(outcome).toEqual({ ok: false, reason: 'unknown-peer', peerPublicKey: strangerKeys.publicKey });
  });

  it("refuses an initiator that claims an admitted peer's public key without its private key", () => {
    const admitted = createSides();
    const impostorKeys = { privateKey: strangerKeys.privateKey, publicKey: admitted.initiatorKeys.publicKey };
    const { initiator } = createSides({ initiator: { staticKeys: impostorKeys } });
    const outcome = answer(admitted.responder, initiator.createInitiation(NOW_UNIX_MS));
    expect(outcome).toEqual({ ok: false, reason: 'not-authentic' });
  });

  it("refuses a responder that does not hold the static key's private half", () => {
    const { initiator, responderKeys, peer } = createSides();
    const impostorKeys = { privateKey: strangerKeys.privateKey, publicKey: responderKeys.publicKey };
    const { responder } = createSides({ responder: { staticKeys: impostorKeys, lookupPeer: () => peer } });
    const outcome = answer(responder, initiator.createInitiation(NOW_UNIX_MS));
    expect(outcome).toEqual({ ok: false, reason: 'not-authentic' });
  });

  it('refuses another pre-shared key, at the initiator', () => {
    const { initiator, responder } = createSides({
      presharedKey: PRESHARED_KEY,
      initiator: { presharedKey: seededRandom(8)(32) },
    });
    const { response } = accepted(answer(responder, initiator.createInitiation(NOW_UNIX_MS)));
    expect(initiator.handleResponse(response)).toEqual({ ok: false, reason: 'not-authentic' });
  });

  it('refuses a pre-shared key on one side only', () => {
    const without = createSides({ presharedKey: PRESHARED_KEY, initiator: { presharedKey: undefined } });
    expect(answer(without.responder, without.initiator.createInitiation(NOW_UNIX_MS))).toEqual({
      ok: false,
      reason: 'preshared-key-required',
    });
    const only = createSides({ initiator: { presharedKey: PRESHARED_KEY } });
    expect(answer(only.responder, only.initiator.createInitiation(NOW_UNIX_MS))).toEqual({
      ok: false,
      reason: 'preshared-key-unexpected',
    });
  });

  it('refuses points of small order (RFC 7748 section 6.1)', () => {
    const { initiator, responder, responderKeys } = createSides();
    const forged = initiator.createInitiation(NOW_UNIX_MS);
    forged.fill(0, 8, 40);
    writeMacs(primitives, forged, mac1Key(primitives, responderKeys.publicKey));
    expect(answer(responder, forged)).toEqual({ ok: false, reason: 'not-authentic' });
    expect(primitives.dh(responderKeys.privateKey, new Uint8Array(32))).toBeUndefined();
    const toNobody = createSides({ initiator: { responderPublicKey: new Uint8Array(32) } }).initiator;
    expect(() => toNobody.createInitiation(NOW_UNIX_MS)).toThrow('small order');
  });
});

describe('negotiation', () => {
  it("takes the first suite of the responder's preference that was offered", () => {
    const sides = createSides({
      initiator: { cipherSuites: ['aes-256-gcm', 'chacha20-poly1305'] },
      responder: { cipherSuites: ['aes-128-gcm', 'chacha20-poly1305', 'aes-256-gcm'] },
    });
    const [session] = complete(sides);
    expect(session.keys.suite).toBe('chacha20-poly1305');
    expect(session.keys.send.key).toHaveLength(32);
  });

  it('refuses where there is no common suite, and remembers nothing of it', () => {
    const { initiator, responder } = createSides({ initiator: { cipherSuites: ['aes-256-gcm'] } });
    const initiation = initiator.createInitiation(NOW_UNIX_MS);
    const refusal = { ok: false, reason: 'no-common-suite' };
    expect(answer(responder, initiation)).toEqual(refusal);
    expect(answer(responder, initiation)).toEqual(refusal);
  });

  it.each([
    ['an UDP payload under 1200 bytes', { maxUdpPayload: 1199, initialStreamWindow: 0, incarnation: 0 }],
    ['an incarnation over 32 bits', { maxUdpPayload: 1200, initialStreamWindow: 0, incarnation: 2 ** 32 }],
    ['a window over 32 bits', { maxUdpPayload: 1200, initialStreamWindow: 2 ** 32, incarnation: 0 }],
  ])('does not start with %s', (_what, parameters) => {
    expect(() => createSides({ initiator: { parameters: () => parameters } })).toThrow(RangeError);
  });

  it('does not start without a suite', () => {
    expect(() => createSides({ initiator: { cipherSuites: [] } })).toThrow('at least one cipher suite');
    expect(() => createSides({ responder: { cipherSuites: [] } })).toThrow('at least one cipher suite');
  });
});

describe('session keys', () => {
  it('are alike on both sides, and others in each direction', () => {
    const [initiator, responder] = complete(createSides());
    expect(initiator.keys.send).toEqual(responder.keys.receive);
    expect(initiator.keys.receive).toEqual(responder.keys.send);
    const { send, receive } = initiator.keys;
    const parts = [send.key, send.iv, receive.key, receive.iv];
    expect(new Set(parts.map((part) => Buffer.from(part).toString('hex'))).size).toBe(4);
  });
});

describe("Noise's rules of order", () => {
  it('throws where the caller takes a step out of turn', () => {
    const staticKeys = primitives.generateKeyPair(seededRandom(3));
    const options = { pattern: 'IK', prologue: new Uint8Array(0), staticKeys } as const;
    const responder = new HandshakeState({ ...options, role: 'responder' }, primitives, seededRandom(4));
    expect(() => responder.writeMessage(new Uint8Array(0))).toThrow('cannot write message 1');
    expect(() => responder.split()).toThrow('not complete');
    expect(() => responder.setPresharedKey(PRESHARED_KEY)).toThrow('takes no pre-shared key');
    expect(() => new HandshakeState({ ...options, role: 'initiator' }, primitives, seededRandom(4))).toThrow(
      "responder's 32-byte public key",
    );
  });
});

describe('routing', () => {
  it('shows which index waits for a response', () => {
    const { initiator, responder } = createSides();
    const outstanding = (side: HandshakeInitiator): number | undefined => side.outstandingIndex;
    expect(outstanding(initiator)).toBeUndefined();
    const answered = accepted(answer(responder, initiator.createInitiation(NOW_UNIX_MS)));
    expect(outstanding(initiator)).toBe(answered.session.peerIndex);
    initiator.handleResponse(answered.response);
    expect(outstanding(initiator)).toBeUndefined();
  });
});
