import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { DataPlaneState, SocketAddress } from '@longhaul/edge';
import type { WantedState } from './state-source.js';

/** Addresses taken of one name. */
const ADDRESSES_PER_NAME = 4;

/** Literal addresses for the names of a state. A name that cannot be resolved gives none, and is told. */
export async function resolveEndpoints(
  state: WantedState,
  onUnresolved: (endpoint: string, error: unknown) => void,
): Promise<DataPlaneState> {
  const peers = await Promise.all(
    state.peers.map(async (peer) => {
      const found = await Promise.all(peer.endpoints.map((endpoint) => resolve(endpoint, onUnresolved)));
      return { ...peer, endpoints: found.flat() };
    }),
  );
  return { ...state, peers };
}

async function resolve(
  endpoint: string,
  onUnresolved: (endpoint: string, error: unknown) => void,
): Promise<SocketAddress[]> {
  const colon = endpoint.lastIndexOf(':');
  const host = endpoint.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(endpoint.slice(colon + 1));
  if (isIP(host) !== 0) return [{ address: host, port }];
  try {
    const found = await lookup(host, { all: true });
    return found.slice(0, ADDRESSES_PER_NAME).map(({ address }) => ({ address, port }));
  } catch (error) {
    onUnresolved(endpoint, error);
    return [];
  }
}
