import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Server } from 'node:http';

/** Addresses of clients that came by way of a balancer. */
const behindProxy = new WeakMap<IncomingMessage, string>();

/** Whose X-Forwarded-For is believed: addresses, or networks as `address/bits`. @throws Error that names what is neither */
export const proxyList = (entries: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits, ...rest] = entry.split('/');
    const family = isIP(address);
    const prefix = Number(bits ?? (family === 6 ? 128 : 32));
    if (
      family === 0 ||
      rest.length > 0 ||
      !Number.isInteger(prefix) ||
      prefix < 0 ||
      prefix > (family === 6 ? 128 : 32)
    ) {
      throw new Error(`"${entry}" is neither an address nor a network, such as 10.0.0.0/8`);
    }
    list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
};

/** Notes for each request of `server`, WebSockets too, whose it is, if it comes from a proxy that is trusted. */
export const trustProxies = (server: Server, proxies: BlockList): void => {
  const note = (request: IncomingMessage): void => {
    const address = forwardedFor(request, proxies);
    if (address !== undefined) behindProxy.set(request, address);
  };
  server.prependListener('request', note);
  server.prependListener('upgrade', note);
};

/** Who sent the request: for the audit, and for limits per client. */
export const clientAddress = (request: IncomingMessage): string | undefined =>
  behindProxy.get(request) ?? request.socket.remoteAddress;

/** The last address of the header that is not of a proxy of ours: what stands before it anybody may have written. */
const forwardedFor = ({ headers, socket }: IncomingMessage, proxies: BlockList): string | undefined => {
  if (!isTrusted(socket.remoteAddress, proxies)) return undefined;
  const named = [headers['x-forwarded-for'] ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((item) => item.trim());
  const address = named.reverse().find((item) => !isTrusted(item, proxies));
  return address !== undefined && isIP(address) !== 0 ? address : undefined;
};

const isTrusted = (address: string | undefined, proxies: BlockList): boolean => {
  const plain = address?.replace(/^::ffff:/, '') ?? '';
  const family = isIP(plain);
  return family !== 0 && proxies.check(plain, family === 6 ? 'ipv6' : 'ipv4');
};
