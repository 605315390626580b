import { isIP, isIPv4 } from 'node:net';
import { checkString } from './arguments.js';

/** As many bytes as the longest IPv6 literal takes in C, its end included. */
const LITERAL_BYTES = 46;
const MAPPED_PREFIX = '::ffff:';

/** 4 or 6. @throws RangeError for what is no literal address */
export function checkLiteral(value: unknown, name: string): 4 | 6 {
  const text = checkString(value, name, LITERAL_BYTES);
  const family = text.includes('%') ? 0 : isIP(text);
  if (family === 4 || family === 6) return family;
  throw new RangeError(`${name} has to be a literal IPv4 or IPv6 address, not ${text}`);
}

/** An IPv4-mapped IPv6 address as IPv4, another as it is without its scope. */
export function unmap(address: string): string {
  const plain = address.split('%', 1)[0] ?? '';
  const rest = plain.toLowerCase().startsWith(MAPPED_PREFIX) ? plain.slice(MAPPED_PREFIX.length) : '';
  return isIPv4(rest) ? rest : plain;
}

/** A literal address as a descriptor record has it: the family, then four words of which IPv4 takes one. */
export function wordsOf(literal: string): [4 | 6, number, number, number, number] {
  const address = unmap(literal);
  if (isIPv4(address)) return [4, wordOfIPv4(address), 0, 0, 0];
  const [head = '', tail] = address.split('::', 2);
  const before = groupsOf(head);
  const after = groupsOf(tail ?? '');
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  const [a, b, c, d, e, f, g, h] = [...before, ...zeros, ...after];
  return [6, (a << 16) | b, (c << 16) | d, (e << 16) | f, (g << 16) | h];
}

function wordOfIPv4(address: string): number {
  return address.split('.').reduce((word, byte) => (word << 8) | Number(byte), 0);
}

/** Groups of 16 bits; a dotted end is two of them. */
function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [parseInt(group, 16)];
    const word = wordOfIPv4(group);
    return [word >>> 16, word & 0xffff];
  });
}

/** The literal of a record's four words; of IPv4 the first counts. */
export function literalOf(family: number, words: Int32Array): string {
  if (family === 4) return [24, 16, 8, 0].map((shift) => (words[0] >>> shift) & 0xff).join('.');
  return [...words].map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(':');
}
