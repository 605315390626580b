import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/** A target that a webhook may not have; the message says what to do. */
export class ForbiddenTargetError extends Error {}

/**
 * Addresses that are not of the public internet, by the special-purpose registries of IANA (RFC 6890 and its updates): a
 * request to one of them would be made from inside of the network of whoever runs the controller. So would one through
 * an IPv6 prefix that stands for IPv4 addresses (NAT64, 6to4, Teredo).
 */
const NOT_PUBLIC = {
  ipv4: [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/4',
    '240.0.0.0/4',
  ],
  ipv6: [
    '::/96',
    '64:ff9b::/96',
    '64:ff9b:1::/48',
    '100::/64',
    '2001::/23',
    '2001:db8::/32',
    '2002::/16',
    '3fff::/20',
    '5f00::/16',
    'fc00::/7',
    'fe80::/10',
    'fec0::/10',
    'ff00::/8',
  ],
} as const;

const blocked = new BlockList();
for (const family of ['ipv4', 'ipv6'] as const) {
  for (const block of NOT_PUBLIC[family]) {
    const [address = '', bits] = block.split('/');
    blocked.addSubnet(address, Number(bits), family);
  }
}

/** Whether an address is one of the public internet; IPv4 addresses in IPv6 notation are judged as what they are. */
export const isPublicAddress = (address: string): boolean => {
  const family = isIP(address);
  if (family === 0) return false;
  return !blocked.check(address, family === 6 ? 'ipv6' : 'ipv4');
};

/** What may be reached. */
export interface TargetRules {
  /** Whether loopback, link-local, private and other special addresses are let through, and `http:`. */
  readonly allowPrivate: boolean;
}

/** Where to connect. */
export interface TargetAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/**
 * Checks what can be told without asking anybody.
 *
 * @throws ForbiddenTargetError
 */
export const parseTarget = (text: string, { allowPrivate }: TargetRules): URL => {
  if (!URL.canParse(text)) throw new ForbiddenTargetError('is not a URL, such as https://example.com/hook');
  const url = new URL(text);
  const isHttp = url.protocol === 'http:' && allowPrivate;
  if (url.protocol !== 'https:' && !isHttp) throw new ForbiddenTargetError('must begin with https://');
  if (url.username !== '' || url.password !== '') {
    throw new ForbiddenTargetError('must not have a user or password in it: the signature tells who calls');
  }
  const host = hostOf(url);
  if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) throw forbidden(host);
  return url;
};

/**
 * Finds where to connect to, once: whoever connects has to use the address that is returned, and not ask for the name
 * again, which might be answered otherwise then.
 *
 * @throws ForbiddenTargetError if any of the name's addresses is not public, or Error if it has none
 */
export const resolveTarget = async (url: URL, { allowPrivate }: TargetRules): Promise<TargetAddress> => {
  const found = await lookup(hostOf(url), { all: true });
  const hidden = found.find(({ address }) => !isPublicAddress(address));
  if (hidden !== undefined && !allowPrivate) throw forbidden(hidden.address);
  const [first] = found;
  if (first === undefined) throw new Error(`${url.hostname} has no address`);
  return { address: first.address, family: first.family === 6 ? 6 : 4 };
};

/** As it is looked up: IPv6 addresses without brackets. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

const forbidden = (address: string): ForbiddenTargetError =>
  new ForbiddenTargetError(
    `leads to ${address}, which is not an address of the public internet: take another, or have the controller's operator set LONGHAUL_WEBHOOK_ALLOW_PRIVATE=true`,
  );
