import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { SocketAddress } from '@longhaul/edge';
import { within } from './pause.js';

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'nats:': 4222, 'tls:': 4222 };

/** A name service that is away must not keep a state from being put in force. */
const RESOLVE_TIMEOUT_MS = 1_500;

/** Addresses and ports behind the URLs of controller and NATS. A name that cannot be resolved now gives none. */
export async function managementAddresses(urls: readonly string[]): Promise<SocketAddress[]> {
  const found = await Promise.all(
    urls.map((url) => within(RESOLVE_TIMEOUT_MS, addressesOf(url), 'no answer').catch(() => [])),
  );
  const distinct = new Map(found.flat().map((socket) => [`${socket.address} ${socket.port}`, socket]));
  return [...distinct.values()];
}

async function addressesOf(text: string): Promise<SocketAddress[]> {
  const url = new URL(text.includes('://') ? text : `nats://${text}`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port);
  if (isIP(host) !== 0) return [{ address: host, port }];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => ({ address, port }));
}
