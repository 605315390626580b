export {
  HandshakeInitiator,
  type CookieOutcome,
  type InitiatorConfig,
  type ResponseOutcome,
} from './initiator.js';
export {
  COOKIE_REPLY_LENGTH,
  INITIATION_LENGTH,
  MAX_RESPONSE_LENGTH,
  MessageType,
  RESPONSE_LENGTH,
} from './messages.js';
export { withoutMac2 } from './macs.js';
export { NodePrimitives } from './node-primitives.js';
export { MAX_UDP_PAYLOAD, MIN_UDP_PAYLOAD, type ReceiveParameters, type Succession } from './payloads.js';
export { KEY_LENGTH, type KeyPair, type NoisePrimitives, type RandomBytes } from './primitives.js';
export {
  HandshakeResponder,
  type AdmittedPeer,
  type InitiationOutcome,
  type ResponderConfig,
} from './responder.js';
export { IV_LENGTH, type CipherSuite, type DirectionKeys, type SessionKeys } from './session-keys.js';
export type { EstablishedSession, HandshakeRefusal } from './session.js';
export { InitiationHistory, InitiationTimestamps, type InitiationTimestamp } from './timestamp.js';
