import type { CipherSuite } from './session-keys.js';

/** The version of the handshake's own wire images. */
export const HANDSHAKE_VERSION = 1;

/** The packet protocol versions that this build speaks; both sides take the highest that they share. */
export const PROTOCOL_VERSIONS: VersionRange = { minimum: 1, maximum: 1 };

/** Inclusive at both ends; 0 to 255. */
export interface VersionRange {
  readonly minimum: number;
  readonly maximum: number;
}

/** A suite's bit in an offer, and its number where one is chosen. */
const SUITES: readonly CipherSuite[] = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'];

export function suiteNumber(suite: CipherSuite): number {
  return SUITES.indexOf(suite);
}

export function suiteOfNumber(number: number): CipherSuite | undefined {
  return SUITES[number];
}

/** An offer as one byte, bit n for suite n. */
export function encodeOffer(suites: readonly CipherSuite[]): number {
  return suites.reduce((bits, suite) => bits | (1 << suiteNumber(suite)), 0);
}

/** The first suite of the responder's preference that was offered. */
export function chooseSuite(preference: readonly CipherSuite[], offer: number): CipherSuite | undefined {
  return preference.find((suite) => (offer & (1 << suiteNumber(suite))) !== 0);
}

/** The highest version in both ranges. */
export function chooseVersion(own: VersionRange, offered: VersionRange): number | undefined {
  const version = Math.min(own.maximum, offered.maximum);
  return version >= Math.max(own.minimum, offered.minimum) ? version : undefined;
}
