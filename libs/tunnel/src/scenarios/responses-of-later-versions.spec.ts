import { HandshakeState } from '../handshake/noise.js';
import { NodePrimitives } from '../handshake/index.js';
import { mac1Key, writeMacs } from '../handshake/macs.js';
import {
  decodeInitiation,
  encodeResponse,
  MAX_RESPONSE_LENGTH,
  RESPONSE_LENGTH,
} from '../handshake/messages.js';
import { encodeResponsePayload } from '../handshake/payloads.js';
import { prologueOf } from '../handshake/session.js';
import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

const EXTENSION_HEADER_BYTES = 4;
const PARAMETERS = { maxUdpPayload: 1472, initialStreamWindow: 65_536, incarnation: 7 };

/** What a peer answers whose version has an extension of so many bytes that this one does not know. */
function responseWithExtension(initiation: Uint8Array, privateKey: Uint8Array, bytes: number): Uint8Array {
  const decoded = decodeInitiation(initiation);
  if (!decoded.ok) throw new Error(decoded.reason);
  const { header, noiseMessage, senderIndex: receiverIndex } = decoded.message;
  const primitives = new NodePrimitives();
  const staticKeys = { privateKey, publicKey: primitives.publicKey(privateKey) };
  const handshake = new HandshakeState(
    { pattern: 'IK', role: 'responder', prologue: prologueOf(header), staticKeys },
    primitives,
    (length) => new Uint8Array(length).fill(9),
  );
  handshake.readMessage(noiseMessage);
  const known = encodeResponsePayload({
    senderIndex: 77,
    version: 1,
    suite: 'aes-128-gcm',
    parameters: PARAMETERS,
  });
  const payload = new Uint8Array(known.length + EXTENSION_HEADER_BYTES + bytes);
  payload.set(known);
  payload.set([0xbe, 0xef, bytes >> 8, bytes & 0xff], known.length);
  const written = handshake.writeMessage(payload);
  if (written === undefined || handshake.remoteStaticKey === undefined) throw new Error('no response');
  const response = encodeResponse({ senderIndex: 77, receiverIndex, noiseMessage: written });
  writeMacs(primitives, response, mac1Key(primitives, handshake.remoteStaticKey));
  return response;
}

/** Whether an endpoint takes the peer's responses when they carry such an extension. */
function comesUp(extensionBytes: number): boolean {
  const { a, b, simulation } = new Pair({ link: linkNamed('metro') });
  b.receive = (datagram) => {
    if (datagram[0] !== 1) return;
    a.receive(responseWithExtension(datagram, b.privateKey, extensionBytes), b.address);
  };
  return simulation.runUntil(() => a.endpoint.isUp('b'), 5_000_000);
}

describe('a response with an extension of a later version', () => {
  const most = MAX_RESPONSE_LENGTH - RESPONSE_LENGTH - EXTENSION_HEADER_BYTES;

  it.each([0, 1, most])('is taken, the extension of %i bytes skipped', (bytes) => {
    expect(comesUp(bytes)).toBe(true);
  });

  it('is dropped where it is longer than an initiation', () => {
    expect(comesUp(most + 1)).toBe(false);
  });
});
