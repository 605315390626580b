import { TAG_BYTES } from '../params.js';
import { writeU32 } from './varint.js';

/** First byte of every datagram. The handshake's three messages are laid out in handshake/initiation. */
export const PacketType = { initiation: 1, response: 2, cookieReply: 3, data: 4, unknownSession: 5 } as const;

/** `type(1) receiver index(4) packet number, low 32 bits(4)`: all of it authenticated. */
export const DATA_HEADER_BYTES = 9;

/** Bytes of a data packet that are not frames. */
export const DATA_OVERHEAD_BYTES = DATA_HEADER_BYTES + TAG_BYTES;

/**
 * `type(1)` and the rest of the header of a data packet whose session is not known here. It is not authenticated: who gets
 * one, and did send such a packet, does no more than ask the peer for a new session.
 */
export const UNKNOWN_SESSION_BYTES = DATA_HEADER_BYTES;

const WRAP = 2 ** 32;

/** The high 32 bits of a number below 2^53; the low ones are `number >>> 0`, which takes it modulo 2^32. */
export function high32(number: number): number {
  return (number - (number >>> 0)) / WRAP;
}

export function writeDataHeader(
  memory: Uint8Array,
  at: number,
  receiverIndex: number,
  packetNumber: number,
): void {
  memory[at] = PacketType.data;
  writeU32(memory, at + 1, receiverIndex);
  writeU32(memory, at + 5, packetNumber >>> 0);
}

/**
 * Restores a number from its low 32 bits: the candidate nearest to `expected` (RFC 9000 appendix A.3). Serves packet
 * numbers and stream offsets alike; neither's window comes near 2^31.
 */
export function expandLow32(low: number, expected: number): number {
  const candidate = expected - (expected >>> 0) + low;
  if (candidate > expected + WRAP / 2 && candidate >= WRAP) return candidate - WRAP;
  if (candidate <= expected - WRAP / 2) return candidate + WRAP;
  return candidate;
}
