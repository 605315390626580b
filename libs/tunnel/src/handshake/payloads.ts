import { viewOf } from './bytes.js';
import { suiteNumber, suiteOfNumber, type VersionRange } from './negotiation.js';
import type { CipherSuite } from './session-keys.js';
import { decodeTimestamp, encodeTimestamp, TIMESTAMP_LENGTH, type InitiationTimestamp } from './timestamp.js';

/*
 * The encrypted payloads of the two handshake messages. All integers are big-endian. Behind the fixed fields
 * stand any number of extensions, each a type (u16), a length (u16) and that many bytes; a receiver skips
 * types it does not know.
 *
 *   initiation   timestamp (12) | minimum version (1) | maximum version (1) | parameters (10) | extensions
 *   response     sender index (4) | version (1) | suite (1) | parameters (10) | extensions
 *   parameters   maximum UDP payload (2) | initial stream window (4) | incarnation (4)
 *   succession   beside (4) | continues (4) | flags (1), bit 0: retiring; an extension
 */

/** The smallest limit on UDP payload that a peer may declare, in bytes (as RFC 9000 section 18.2). */
export const MIN_UDP_PAYLOAD = 1200;
/** What an IPv4 packet holds behind the IP and UDP headers, in bytes. */
export const MAX_UDP_PAYLOAD = 65_507;

/** What a side tells the other about its receiving. */
export interface ReceiveParameters {
  /** The largest UDP payload that it takes, in bytes; 1200 to 65507. */
  readonly maxUdpPayload: number;
  /** Bytes that each stream may carry before it grants more; 0 to 2^32 - 1. */
  readonly initialStreamWindow: number;
  /**
   * Drawn at random whenever a side begins its transport state anew; 0 to 2^32 - 1. A session whose sides both repeat
   * theirs goes on with the streams of the one before; any other begins with none.
   */
  readonly incarnation: number;
  /** Absent from what sides say that know nothing of it. */
  readonly succession?: Succession;
}

/**
 * How a transport stands to others of its side, which may hand over from one process to the next: the one before keeps
 * its streams until they end, beside the one that carries new streams. An incarnation of 0 stands for none.
 */
export interface Succession {
  /** Another incarnation of the sender, whose transport with the receiver lives on beside this one. */
  readonly beside: number;
  /** The receiver's incarnation in the transport that this session is to go on with. */
  readonly continues: number;
  /** The sender is about to end: only who has this very transport may take the session. */
  readonly retiring: boolean;
}

export interface InitiationPayload {
  readonly timestamp: InitiationTimestamp;
  readonly versions: VersionRange;
  readonly parameters: ReceiveParameters;
}

export interface ResponsePayload {
  /** Repeats the index in the message's clear header, so that nobody on the way can exchange it. */
  readonly senderIndex: number;
  readonly version: number;
  readonly suite: CipherSuite;
  readonly parameters: ReceiveParameters;
}

const PARAMETERS_LENGTH = 10;
const INITIATION_FIXED_LENGTH = TIMESTAMP_LENGTH + 2 + PARAMETERS_LENGTH;
const RESPONSE_FIXED_LENGTH = 6 + PARAMETERS_LENGTH;
const EXTENSION_HEADER_LENGTH = 4;

/** The extension that fills a payload up; its content means nothing. */
const PADDING_EXTENSION = 0;
/** The extension that has a {@link Succession}. */
const SUCCESSION_EXTENSION = 1;
const SUCCESSION_LENGTH = 9;
const SUCCESSION_RETIRING_BIT = 1;

export const RESPONSE_PAYLOAD_LENGTH = RESPONSE_FIXED_LENGTH;

/** @throws RangeError if a parameter is out of its range: the caller's mistake. */
export function checkReceiveParameters({
  maxUdpPayload,
  initialStreamWindow,
  incarnation,
  succession,
}: ReceiveParameters): void {
  requireInteger('maxUdpPayload', maxUdpPayload, MIN_UDP_PAYLOAD, MAX_UDP_PAYLOAD);
  requireInteger('initialStreamWindow', initialStreamWindow, 0, 0xffff_ffff);
  requireInteger('incarnation', incarnation, 0, 0xffff_ffff);
  if (succession === undefined) return;
  requireInteger('succession.beside', succession.beside, 0, 0xffff_ffff);
  requireInteger('succession.continues', succession.continues, 0, 0xffff_ffff);
}

/**
 * @param length of the payload in bytes, at least 41; what the fields leave is padding
 */
export function encodeInitiationPayload(payload: InitiationPayload, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  bytes.set(encodeTimestamp(payload.timestamp));
  view.setUint8(12, payload.versions.minimum);
  view.setUint8(13, payload.versions.maximum);
  writeParameters(view, 14, payload.parameters);
  const padding = writeSuccession(view, INITIATION_FIXED_LENGTH, payload.parameters);
  view.setUint16(padding, PADDING_EXTENSION);
  view.setUint16(padding + 2, length - padding - EXTENSION_HEADER_LENGTH);
  return bytes;
}

/** `undefined` where a field or an extension does not hold together. */
export function decodeInitiationPayload(bytes: Uint8Array): InitiationPayload | undefined {
  if (!extensionsHoldTogether(bytes, INITIATION_FIXED_LENGTH)) return undefined;
  const view = viewOf(bytes);
  const timestamp = decodeTimestamp(bytes);
  const versions = { minimum: view.getUint8(12), maximum: view.getUint8(13) };
  const parameters = readParameters(view, 14, INITIATION_FIXED_LENGTH);
  if (timestamp === undefined || parameters === undefined || versions.minimum > versions.maximum) {
    return undefined;
  }
  return { timestamp, versions, parameters };
}

export function encodeResponsePayload(payload: ResponsePayload): Uint8Array {
  const extension =
    payload.parameters.succession === undefined ? 0 : EXTENSION_HEADER_LENGTH + SUCCESSION_LENGTH;
  const bytes = new Uint8Array(RESPONSE_PAYLOAD_LENGTH + extension);
  const view = viewOf(bytes);
  view.setUint32(0, payload.senderIndex);
  view.setUint8(4, payload.version);
  view.setUint8(5, suiteNumber(payload.suite));
  writeParameters(view, 6, payload.parameters);
  writeSuccession(view, RESPONSE_FIXED_LENGTH, payload.parameters);
  return bytes;
}

/** `undefined` where a field or an extension does not hold together. */
export function decodeResponsePayload(bytes: Uint8Array): ResponsePayload | undefined {
  if (!extensionsHoldTogether(bytes, RESPONSE_FIXED_LENGTH)) return undefined;
  const view = viewOf(bytes);
  const suite = suiteOfNumber(view.getUint8(5));
  const parameters = readParameters(view, 6, RESPONSE_FIXED_LENGTH);
  if (suite === undefined || parameters === undefined) return undefined;
  return { senderIndex: view.getUint32(0), version: view.getUint8(4), suite, parameters };
}

function writeParameters(view: DataView, offset: number, parameters: ReceiveParameters): void {
  view.setUint16(offset, parameters.maxUdpPayload);
  view.setUint32(offset + 2, parameters.initialStreamWindow);
  view.setUint32(offset + 6, parameters.incarnation);
}

/** Gives the offset behind what it has written. */
function writeSuccession(view: DataView, offset: number, { succession }: ReceiveParameters): number {
  if (succession === undefined) return offset;
  const content = offset + EXTENSION_HEADER_LENGTH;
  view.setUint16(offset, SUCCESSION_EXTENSION);
  view.setUint16(offset + 2, SUCCESSION_LENGTH);
  view.setUint32(content, succession.beside);
  view.setUint32(content + 4, succession.continues);
  view.setUint8(content + 8, succession.retiring ? SUCCESSION_RETIRING_BIT : 0);
  return content + SUCCESSION_LENGTH;
}

/** Later versions may have a longer one. */
function readSuccession(view: DataView, extensions: number): Succession | undefined {
  for (let offset = extensions; offset < view.byteLength;) {
    const type = view.getUint16(offset);
    const length = view.getUint16(offset + 2);
    const content = offset + EXTENSION_HEADER_LENGTH;
    if (type === SUCCESSION_EXTENSION && length >= SUCCESSION_LENGTH) {
      const retiring = (view.getUint8(content + 8) & SUCCESSION_RETIRING_BIT) !== 0;
      return { beside: view.getUint32(content), continues: view.getUint32(content + 4), retiring };
    }
    offset = content + length;
  }
  return undefined;
}

/** @param extensions offset of the first; they hold together */
function readParameters(view: DataView, offset: number, extensions: number): ReceiveParameters | undefined {
  const maxUdpPayload = view.getUint16(offset);
  if (maxUdpPayload < MIN_UDP_PAYLOAD || maxUdpPayload > MAX_UDP_PAYLOAD) return undefined;
  return {
    maxUdpPayload,
    initialStreamWindow: view.getUint32(offset + 2),
    incarnation: view.getUint32(offset + 6),
    succession: readSuccession(view, extensions),
  };
}

/** Whether the fixed fields are there and the extensions behind them end exactly where the payload ends. */
function extensionsHoldTogether(bytes: Uint8Array, fixedLength: number): boolean {
  const view = viewOf(bytes);
  let offset = fixedLength;
  while (offset + EXTENSION_HEADER_LENGTH <= bytes.length) {
    offset += EXTENSION_HEADER_LENGTH + view.getUint16(offset + 2);
  }
  return offset === bytes.length;
}

function requireInteger(name: string, value: number, minimum: number, maximum: number): void {
  if (!Number.isInteger(value) || value < minimum || value > maximum) {
    throw new RangeError(`${name} has to be a whole number from ${minimum} to ${maximum}, not ${value}`);
  }
}
