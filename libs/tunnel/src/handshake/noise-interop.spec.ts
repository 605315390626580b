import { createRequire } from 'node:module';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { viewOf } from './bytes.js';
import { hasValidMac1, mac1Key, writeMacs } from './macs.js';
import {
  decodeInitiation,
  decodeResponse,
  encodeInitiation,
  encodeInitiationHeader,
  encodeResponse,
  INITIATION_PAYLOAD_LENGTH,
} from './messages.js';
import { encodeOffer, PROTOCOL_VERSIONS } from './negotiation.js';
import { HandshakeState, type NoiseSplit } from './noise.js';
import {
  decodeInitiationPayload,
  decodeResponsePayload,
  encodeInitiationPayload,
  encodeResponsePayload,
} from './payloads.js';
import { deriveSessionKeys } from './session-keys.js';
import { prologueOf } from './session.js';
import {
  createSides,
  INITIATOR_ADDRESS,
  INITIATOR_PARAMETERS,
  NOW_UNIX_MS,
  primitives,
  RESPONDER_PARAMETERS,
  seededRandom,
} from './testing.js';

/*
 * Every message here has noise-c, an implementation by other hands, at one of its ends. noise-c knows the
 * pattern IK but predates the psk modifiers, so IKpsk2 meets only our own two sides in this repository.
 */

interface NoiseCCipher {
  EncryptWithAd(additionalData: Uint8Array, plaintext: Uint8Array): Uint8Array;
  DecryptWithAd(additionalData: Uint8Array, ciphertext: Uint8Array): Uint8Array;
}

interface NoiseCHandshake {
  Initialize(prologue: Uint8Array, s: Uint8Array, rs: Uint8Array | null): void;
  WriteMessage(payload: Uint8Array): Uint8Array;
  ReadMessage(message: Uint8Array, payloadNeeded: true): Uint8Array;
  GetHandshakeHash(): Uint8Array;
  GetRemotePublicKey(): Uint8Array;
  Split(): [send: NoiseCCipher, receive: NoiseCCipher];
}

interface NoiseC {
  constants: { NOISE_ROLE_INITIATOR: number; NOISE_ROLE_RESPONDER: number };
  HandshakeState: new (protocolName: string, role: number) => NoiseCHandshake;
}

type CreateNoiseC = (options: { printErr: () => void }, callback: (noise: NoiseC) => void) => void;

const PROTOCOL = 'Noise_IK_25519_AESGCM_SHA256';
const EMPTY = new Uint8Array(0);
const random = seededRandom(21);
let noiseC: NoiseC;

beforeAll(async () => {
  const createNoiseC = createRequire(import.meta.url)('noise-c.wasm') as CreateNoiseC;
  noiseC = await new Promise((resolve) => createNoiseC({ printErr: () => undefined }, resolve));
});

/** Texts sealed by noise-c open with our keys and the other way round, for several nonces. */
function expectSameTransport(
  noiseCSide: NoiseCHandshake,
  split: NoiseSplit,
  noiseCRole: 'initiator' | 'responder',
) {
  const [send, receive] = noiseCSide.Split();
  const isInitiator = noiseCRole === 'initiator';
  const toUs = isInitiator ? split.initiatorToResponder : split.responderToInitiator;
  const fromUs = isInitiator ? split.responderToInitiator : split.initiatorToResponder;
  for (let counter = 0; counter < 40; counter++) {
    const text = random(counter);
    const sealedByNoiseC = send.EncryptWithAd(EMPTY, text);
    expect(primitives.open(toUs, counter, EMPTY, sealedByNoiseC)).toEqual(text);
    expect(receive.DecryptWithAd(EMPTY, primitives.seal(fromUs, counter, EMPTY, text))).toEqual(text);
  }
}

describe('Noise IK against noise-c', () => {
  const ownKeys = primitives.generateKeyPair(random);
  const otherKeys = primitives.generateKeyPair(random);

  it.each([0, 1, 15, 16, 100, 1000])('agrees as initiator, payloads of %i bytes', (payloadLength) => {
    const prologue = random(payloadLength);
    const ours = new HandshakeState(
      {
        pattern: 'IK',
        role: 'initiator',
        prologue,
        staticKeys: ownKeys,
        remoteStaticKey: otherKeys.publicKey,
      },
      primitives,
      random,
    );
    const theirs = new noiseC.HandshakeState(PROTOCOL, noiseC.constants.NOISE_ROLE_RESPONDER);
    theirs.Initialize(prologue, otherKeys.privateKey, null);
    const [forth, back] = [random(payloadLength), random(payloadLength)];
    expect(theirs.ReadMessage(ours.writeMessage(forth) ?? EMPTY, true)).toEqual(forth);
    expect(theirs.GetRemotePublicKey()).toEqual(ownKeys.publicKey);
    expect(ours.readMessage(theirs.WriteMessage(back))).toEqual(back);
    const split = ours.split();
    expect(split.handshakeHash).toEqual(Buffer.from(theirs.GetHandshakeHash()));
    expectSameTransport(theirs, split, 'responder');
  });

  it.each([0, 1, 15, 16, 100, 1000])('agrees as responder, payloads of %i bytes', (payloadLength) => {
    const prologue = random(payloadLength);
    const ours = new HandshakeState(
      { pattern: 'IK', role: 'responder', prologue, staticKeys: ownKeys },
      primitives,
      random,
    );
    const theirs = new noiseC.HandshakeState(PROTOCOL, noiseC.constants.NOISE_ROLE_INITIATOR);
    theirs.Initialize(prologue, otherKeys.privateKey, ownKeys.publicKey);
    const [forth, back] = [random(payloadLength), random(payloadLength)];
    expect(ours.readMessage(theirs.WriteMessage(forth))).toEqual(forth);
    expect(ours.remoteStaticKey).toEqual(otherKeys.publicKey);
    expect(theirs.ReadMessage(ours.writeMessage(back) ?? EMPTY, true)).toEqual(back);
    const split = ours.split();
    expect(split.handshakeHash).toEqual(Buffer.from(theirs.GetHandshakeHash()));
    expectSameTransport(theirs, split, 'initiator');
  });
});

describe("the tunnel's handshake against noise-c", () => {
  it('answers an initiation whose Noise message noise-c wrote', () => {
    const { responder, initiatorKeys, responderKeys } = createSides();
    const header = encodeInitiationHeader({
      pattern: 'IK',
      suiteOffer: encodeOffer(['chacha20-poly1305']),
      senderIndex: 0xfedc_ba98,
    });
    const theirs = new noiseC.HandshakeState(PROTOCOL, noiseC.constants.NOISE_ROLE_INITIATOR);
    theirs.Initialize(prologueOf(header), initiatorKeys.privateKey, responderKeys.publicKey);
    const payload = encodeInitiationPayload(
      {
        timestamp: { unixMs: NOW_UNIX_MS, counter: 0 },
        versions: PROTOCOL_VERSIONS,
        parameters: INITIATOR_PARAMETERS,
      },
      INITIATION_PAYLOAD_LENGTH,
    );
    const initiation = encodeInitiation(header, theirs.WriteMessage(payload));
    writeMacs(primitives, initiation, mac1Key(primitives, responderKeys.publicKey));

    const outcome = responder.handleInitiation(initiation, INITIATOR_ADDRESS, 0, false);
    if (!outcome.ok) throw new Error(outcome.reason);
    const response = decodeResponse(outcome.response);
    if (!response.ok) throw new Error(response.reason);
    expect(response.message.receiverIndex).toBe(0xfedc_ba98);
    expect(decodeResponsePayload(theirs.ReadMessage(response.message.noiseMessage, true))).toEqual({
      senderIndex: outcome.session.localIndex,
      version: 1,
      suite: 'chacha20-poly1305',
      parameters: RESPONDER_PARAMETERS,
    });
    expect(outcome.session.handshakeHash).toEqual(Buffer.from(theirs.GetHandshakeHash()));
  });

  it('takes a response whose Noise message noise-c wrote', () => {
    const { initiator, initiatorKeys, responderKeys } = createSides();
    const bytes = initiator.createInitiation(NOW_UNIX_MS);
    const initiation = decodeInitiation(bytes);
    if (!initiation.ok) throw new Error(initiation.reason);
    expect(hasValidMac1(primitives, bytes, mac1Key(primitives, responderKeys.publicKey))).toBe(true);
    const theirs = new noiseC.HandshakeState(PROTOCOL, noiseC.constants.NOISE_ROLE_RESPONDER);
    theirs.Initialize(prologueOf(initiation.message.header), responderKeys.privateKey, null);
    const payload = theirs.ReadMessage(initiation.message.noiseMessage, true);
    expect(decodeInitiationPayload(payload)?.parameters).toEqual(INITIATOR_PARAMETERS);

    const noiseMessage = theirs.WriteMessage(
      encodeResponsePayload({
        senderIndex: 77,
        version: 1,
        suite: 'aes-256-gcm',
        parameters: RESPONDER_PARAMETERS,
      }),
    );
    const response = encodeResponse({
      senderIndex: 77,
      receiverIndex: viewOf(bytes).getUint32(4),
      noiseMessage,
    });
    writeMacs(primitives, response, mac1Key(primitives, initiatorKeys.publicKey));
    const outcome = initiator.handleResponse(response);
    if (!outcome.ok) throw new Error(outcome.reason);
    expect(outcome.session).toMatchObject({ peerIndex: 77, peerParameters: RESPONDER_PARAMETERS });
    expect(outcome.session.keys.suite).toBe('aes-256-gcm');
    expect(outcome.session.handshakeHash).toEqual(Buffer.from(theirs.GetHandshakeHash()));
  });

  it('derives packet keys that differ by suite', () => {
    const split = {
      initiatorToResponder: random(32),
      responderToInitiator: random(32),
      handshakeHash: random(32),
    };
    const suites = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const;
    const keys = suites.map((suite) => deriveSessionKeys(primitives, suite, split, 'initiator').send.key);
    expect(new Set(keys.map((key) => Buffer.from(key.subarray(0, 16)).toString('hex'))).size).toBe(3);
  });
});
