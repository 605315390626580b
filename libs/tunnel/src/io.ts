/**
 * The border between the protocol and whatever moves the bytes. All bytes lie in one slab of memory; packets cross the
 * border as fixed-stride records of an Int32Array, never as objects. libs/native implements the other side.
 */

/** Ints per received datagram. */
export const RECEIVE_STRIDE = 16;
export const Receive = {
  /** Offset of the datagram in memory. */
  offset: 0,
  length: 1,
  /** `(family << 16) | port`, family 4 or 6. */
  familyPort: 2,
  /** Four big-endian words; IPv4 in the first. */
  address: 3,
  ecn: 7,
  /** Filled in by the protocol before `open`: */
  headerLength: 8,
  keyId: 9,
  packetNumberLow: 10,
  packetNumberHigh: 11,
  /** Filled in by `open`: plaintext length, or -1. */
  result: 12,
  /** How long the datagram has waited in this host for this call, microseconds; 0 where that is not known. */
  waitedUs: 13,
} as const;

/** Ints per packet to send. Plaintext = prefix, then piece 1, then piece 2. */
export const SEND_STRIDE = 20;
export const Send = {
  /** Offset in memory of header and prefix, which lie together. */
  headerOffset: 0,
  headerLength: 1,
  prefixLength: 2,
  piece1Offset: 3,
  piece1Length: 4,
  piece2Offset: 5,
  piece2Length: 6,
  /** -1: the packet goes as it is (handshake). */
  keyId: 7,
  packetNumberLow: 8,
  packetNumberHigh: 9,
  familyPort: 10,
  address: 11,
  /** Bit 0: a probe of the path's MTU, to be sent alone and never fragmented. */
  flags: 15,
  tos: 16,
} as const;

export const SEND_FLAG_MTU_PROBE = 1;

/** AEAD of data packets. */
export type CipherSuite = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';

/** Keys live on the other side of the border; the protocol knows them by number. */
export interface PacketCrypto {
  /** `key` is as long as the suite asks (16 or 32), `iv` is 12 bytes; the nonce is iv XOR packet number (RFC 8446 section 5.3). */
  addKey(suite: CipherSuite, key: Uint8Array, iv: Uint8Array): number;
  removeKey(id: number): void;
  /** Opens in place every record whose key id is not -1. */
  open(memory: Uint8Array, descriptors: Int32Array, count: number): void;
}

/** A UDP address in the form that descriptors carry: `[familyPort, word, word, word, word]`. */
export type PackedAddress = Int32Array;
/** Ints of a {@link PackedAddress}. */
export const ADDRESS_WORDS = 5;

/** Packs a literal IPv4 or IPv6 address. Throws a RangeError for anything else. */
export function packAddress(address: string, port: number): PackedAddress {
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new RangeError(`port ${port} is not 1..65535`);
  const packed = new Int32Array(5);
  if (/^\d+\.\d+\.\d+\.\d+$/.test(address)) {
    const octets = address.split('.').map(Number);
    if (octets.some((octet) => octet > 255)) throw new RangeError(`${address} is not an IPv4 address`);
    packed[0] = (4 << 16) | port;
    packed[1] = (octets[0] << 24) | (octets[1] << 16) | (octets[2] << 8) | octets[3];
    return packed;
  }
  const groups = expandIpv6(address);
  packed[0] = (6 << 16) | port;
  for (let word = 0; word < 4; word++) packed[1 + word] = (groups[2 * word] << 16) | groups[2 * word + 1];
  return packed;
}

function expandIpv6(address: string): number[] {
  const halves = address.split('::');
  const parse = (half: string): number[] =>
    half === '' ? [] : half.split(':').map((group) => parseInt(group, 16));
  const head = parse(halves[0]);
  const tail = halves.length > 1 ? parse(halves[1]) : [];
  const missing = 8 - head.length - tail.length;
  const valid =
    /^[0-9a-fA-F:]+$/.test(address) &&
    halves.length <= 2 &&
    (halves.length === 2 ? missing >= 1 : missing === 0);
  const groups = [...head, ...new Array<number>(Math.max(0, missing)).fill(0), ...tail];
  if (!valid || groups.some((group) => !(group >= 0 && group <= 0xffff))) {
    throw new RangeError(`${address} is not an IP address`);
  }
  return groups;
}

/** The inverse of {@link packAddress}, `1.2.3.4:5` or `[::1]:5`. */
export function formatAddress(packed: PackedAddress): string {
  return `${formatHost(packed)}:${packed[0] & 0xffff}`;
}

/** The same without the port. */
export function formatHost(packed: PackedAddress): string {
  const word = (index: number): number => packed[1 + index] >>> 0;
  if (packed[0] >>> 16 === 4) {
    const value = word(0);
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
  }
  const groups = [0, 1, 2, 3].flatMap((index) => [word(index) >>> 16, word(index) & 0xffff]);
  return `[${groups.map((group) => group.toString(16)).join(':')}]`;
}
