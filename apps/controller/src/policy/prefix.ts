import { isIPv4, isIPv6 } from 'node:net';

const BITS = { 4: 32, 6: 128 } as const;

/** An address block. */
export class Prefix {
  private constructor(
    readonly family: 4 | 6,
    /** The first address as a number. */
    private readonly base: bigint,
    /** Leading bits that are fixed. */
    readonly length: number,
    private readonly text: string,
  ) {}

  /** @throws RangeError that says what to write instead */
  static parse(text: string): Prefix {
    const match = /^([0-9a-fA-F.:]+)\/([0-9]{1,3})$/.exec(text);
    const address = match?.[1] ?? '';
    const family = isIPv4(address) ? 4 : isIPv6(address) ? 6 : undefined;
    const length = Number(match?.[2]);
    if (family === undefined || length > BITS[family]) {
      throw new RangeError(`"${text}" is not an address block: write one as 10.1.0.0/16 or 2001:db8::/32`);
    }
    const value = family === 4 ? parseIpv4(address) : parseIpv6(address);
    const hostBits = BigInt(BITS[family] - length);
    const base = (value >> hostBits) << hostBits;
    const canonical = `${formatAddress(family, base)}/${String(length)}`;
    if (base !== value) throw new RangeError(`"${text}" has host bits set: write ${canonical}`);
    return new Prefix(family, base, length, canonical);
  }

  /** Whether every address of `other` is in this block. */
  covers(other: Prefix): boolean {
    if (other.family !== this.family || other.length < this.length) return false;
    const hostBits = BigInt(BITS[this.family] - this.length);
    return other.base >> hostBits === this.base >> hostBits;
  }

  overlaps(other: Prefix): boolean {
    return this.covers(other) || other.covers(this);
  }

  /** Canonical: lower case, shortest form. */
  toString(): string {
    return this.text;
  }
}

/** The block of one address. @throws RangeError if it is none */
export const hostPrefix = (address: string): Prefix =>
  Prefix.parse(`${address}/${String(BITS[isIPv6(address) ? 6 : 4])}`);

/** The addresses that are in both lists, as the fewest of the given blocks; empty if none. */
export const intersectPrefixes = (left: readonly Prefix[], right: readonly Prefix[]): Prefix[] =>
  outermost(
    left.flatMap((a) =>
      right.flatMap((b) => {
        if (a.covers(b)) return [b];
        return b.covers(a) ? [a] : [];
      }),
    ),
  );

/** Without the blocks that others of the list cover, and without repeats. */
export const outermost = (prefixes: readonly Prefix[]): Prefix[] => {
  const kept: Prefix[] = [];
  for (const prefix of [...prefixes].sort((a, b) => a.length - b.length)) {
    if (!kept.some((wider) => wider.covers(prefix))) kept.push(prefix);
  }
  return kept;
};

const parseIpv4 = (address: string): bigint =>
  address.split('.').reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

const parseIpv6 = (address: string): bigint => {
  const [head = '', tail] = withoutDottedQuad(address).split('::');
  const left = groupsOf(head);
  const right = groupsOf(tail ?? '');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...new Array<string>(zeros).fill('0'), ...right].reduce(
    (value, group) => (value << 16n) | BigInt(`0x${group}`),
    0n,
  );
};

const groupsOf = (part: string): string[] => (part === '' ? [] : part.split(':'));

/** `::ffff:10.0.0.1` ends in a dotted quad that stands for two groups. */
const withoutDottedQuad = (address: string): string => {
  const quad = /[0-9]+\.[0-9.]+$/.exec(address)?.[0];
  if (quad === undefined) return address;
  const value = parseIpv4(quad);
  return `${address.slice(0, -quad.length)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
};

const formatAddress = (family: 4 | 6, value: bigint): string => {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  // RFC 5952: the longest run of two or more zero groups, the first of equals, becomes "::".
  const longest = [...groups.join(':').matchAll(/(?:^|(?<=:))0(?::0)+(?![0-9a-f])/g)].reduce<
    RegExpMatchArray | undefined
  >((best, run) => (best === undefined || run[0].length > best[0].length ? run : best), undefined);
  if (longest === undefined) return groups.join(':');
  const joined = groups.join(':');
  const before = joined.slice(0, longest.index).replace(/:$/, '');
  const after = joined.slice((longest.index ?? 0) + longest[0].length).replace(/^:/, '');
  return `${before}::${after}`;
};
