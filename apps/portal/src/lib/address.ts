/** An inclusive range of TCP ports. */
export interface PortRange {
  from: number;
  to: number;
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

function isIpv4(address: string): boolean {
  const parts = IPV4.exec(address)?.slice(1);
  return parts?.every((part) => Number(part) <= 255 && String(Number(part)) === part) ?? false;
}

function isIpv6(address: string): boolean {
  if (!/^[0-9a-fA-F:.]+$/.test(address) || !address.includes(':')) return false;
  try {
    return new URL(`http://[${address}]/`).hostname.length > 2;
  } catch {
    return false;
  }
}

/** Whether the text is a whole IPv4 or IPv6 address. */
export const isAddress = (text: string): boolean => isIpv4(text) || isIpv6(text);

/** Whether the text is an address block such as 10.1.0.0/16 or fd00:1::/48. */
export function isPrefix(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(length)) return false;
  if (isIpv4(address)) return Number(length) <= 32;
  return isIpv6(address) && Number(length) <= 128;
}

/** An address without a length is a block of one: 10.0.0.7 becomes 10.0.0.7/32. */
export function completePrefix(text: string): string {
  if (isIpv4(text)) return `${text}/32`;
  return isIpv6(text) ? `${text}/128` : text;
}

/** Reads "445, 8000-8100"; says what is wrong with it otherwise. */
export function parsePorts(text: string): PortRange[] | { error: string } {
  const ranges: PortRange[] = [];
  for (const item of text.split(/[\s,;]+/).filter(Boolean)) {
    const match = /^(\d{1,5})(?:[-–:](\d{1,5}))?$/.exec(item);
    if (match === null) return { error: `“${item}” is not a port or a range such as 8000-8100.` };
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    if (from < 1 || to > 65_535) return { error: `“${item}”: ports go from 1 to 65535.` };
    if (from > to) return { error: `“${item}” ends before it begins.` };
    ranges.push({ from, to });
  }
  return ranges;
}

/** The inverse of {@link parsePorts}. */
export function formatPorts(ranges: readonly PortRange[]): string {
  return ranges
    .map(({ from, to }) => (from === to ? String(from) : `${String(from)}-${String(to)}`))
    .join(', ');
}
