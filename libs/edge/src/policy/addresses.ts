import { packAddress } from '@longhaul/tunnel';

/** An address and a TCP or UDP port. */
export interface SocketAddress {
  /** Literal IPv4 or IPv6. */
  readonly address: string;
  readonly port: number;
}

/** An IP address as numbers: four big-endian words, IPv4 in the first. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly words: Int32Array;
}

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** IPv4 addresses in their IPv6 clothes (`::ffff:10.0.0.1`) as what they are; anything else as it is. */
export function unmapAddress(address: string): string {
  return MAPPED_IPV4.exec(address)?.[1] ?? address;
}

/**
 * Reads a literal address. IPv4 written as IPv6 is IPv4, however it is written: it reaches the same machine.
 *
 * @throws RangeError for anything else
 */
export function parseIp(text: string): IpAddress {
  const packed = packAddress(unmapAddress(text), 1);
  const words = packed.subarray(1);
  if (packed[0] >>> 16 === 4) return { family: 4, words };
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return isMapped ? { family: 4, words: Int32Array.of(words[3], 0, 0, 0) } : { family: 6, words };
}

/** `10.0.0.1:80` or `[fd00::1]:80`. */
export function formatSocketAddress({ address, port }: SocketAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A block of addresses. */
export class Prefix {
  private constructor(
    readonly base: IpAddress,
    /** Leading bits that count. */
    readonly length: number,
  ) {}

  /**
   * Reads CIDR notation; an address alone is a block of one.
   *
   * @throws RangeError for anything else
   */
  static parse(text: string): Prefix {
    const [address = '', bits, ...rest] = text.split('/');
    const base = parseIp(address);
    const most = base.family === 4 ? 32 : 128;
    const length = bits === undefined ? most : /^\d+$/.test(bits) ? Number(bits) : NaN;
    if (rest.length > 0 || !(length <= most)) throw new RangeError(`${text} is not a prefix`);
    return new Prefix(base, length);
  }

  contains(address: IpAddress): boolean {
    if (address.family !== this.base.family) return false;
    let bits = this.length;
    for (let word = 0; bits > 0; word++, bits -= 32) {
      const mask = bits >= 32 ? -1 : ~(0xffffffff >>> bits);
      if (((address.words[word] ^ this.base.words[word]) & mask) !== 0) return false;
    }
    return true;
  }

  /** Whether all of `other` lies inside. */
  covers(other: Prefix): boolean {
    return other.length >= this.length && this.contains(other.base);
  }

  toString(): string {
    const { family, words } = this.base;
    const groups = [...words.slice(0, family === 4 ? 1 : 4)].flatMap((word) => [word >>> 16, word & 0xffff]);
    const address =
      family === 4
        ? groups.flatMap((group) => [group >>> 8, group & 0xff]).join('.')
        : groups.map((group) => group.toString(16)).join(':');
    return `${address}/${this.length}`;
  }
}
