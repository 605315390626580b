import { concatBytes, utf8 } from './bytes.js';
import type { FormatError } from './messages.js';
import type { ReceiveParameters } from './payloads.js';
import type { SessionKeys } from './session-keys.js';

/** What both sides hold once a handshake has succeeded. */
export interface EstablishedSession {
  /** The version of the packet protocol that both speak. */
  readonly version: number;
  readonly keys: SessionKeys;
  /** Names this session at this side: the peer puts it into what it sends. */
  readonly localIndex: number;
  /** Names this session at the peer. */
  readonly peerIndex: number;
  /** Of ours, the one that this handshake used. */
  readonly localPublicKey: Uint8Array;
  readonly peerPublicKey: Uint8Array;
  readonly peerParameters: ReceiveParameters;
  /** 32 bytes, the same at both sides and unique to this session (Noise rev 34, section 11.2). */
  readonly handshakeHash: Uint8Array;
}

/**
 * Why a handshake message was refused:
 * - a {@link FormatError}: its outer form is not that of such a message;
 * - `wrong-mac`: the sender does not know the receiver's public key, or the message was changed on the way;
 * - `unknown-index`: it answers nothing that is outstanding;
 * - `not-authentic`: Noise refuses it: a wrong key, pre-shared key or byte;
 * - `unknown-peer`: the initiator's public key is not one that the policy names;
 * - `preshared-key-required`, `preshared-key-unexpected`: the two sides' policies differ on the pre-shared
 *   key;
 * - `malformed-payload`: an authentic peer sent fields that do not hold together;
 * - `replayed`: an initiation as late or later has already been accepted from this peer;
 * - `no-common-version`, `no-common-suite`: nothing both sides speak;
 * - `not-wanted`: the responder's own initiation goes first, or the session is for another process of its side;
 * - `not-offered`: the response chose a version or suite that the initiation did not offer.
 */
export type HandshakeRefusal =
  | FormatError
  | 'wrong-mac'
  | 'unknown-index'
  | 'not-authentic'
  | 'unknown-peer'
  | 'preshared-key-required'
  | 'preshared-key-unexpected'
  | 'malformed-payload'
  | 'replayed'
  | 'no-common-version'
  | 'no-common-suite'
  | 'not-wanted'
  | 'not-offered';

export interface Refused {
  readonly ok: false;
  readonly reason: HandshakeRefusal;
  /** Of `unknown-peer`: the key that the initiator has shown that it holds. */
  readonly peerPublicKey?: Uint8Array;
}

export function refused(reason: HandshakeRefusal): Refused {
  return { ok: false, reason };
}

const PROLOGUE_LABEL = utf8('longhaul v1');

/**
 * Noise's prologue: the protocol's name, then the initiation's clear header with version, pattern and suites
 * offered.
 */
export function prologueOf(initiationHeader: Uint8Array): Uint8Array {
  return concatBytes(PROLOGUE_LABEL, initiationHeader);
}
