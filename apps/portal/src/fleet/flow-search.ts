import { isAddress } from '../lib/address.js';
import type { FlowFilter } from './fleet.documents.js';

export type FlowSearch = Pick<FlowFilter, 'address' | 'destinationPort'>;

const PORT_ALONE = /^:?(\d{1,5})$/;
/** `10.1.2.3:443`, or `[fd00::1]:443`. */
const ADDRESS_AND_PORT = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/;

function isPort(digits: string): boolean {
  return Number(digits) >= 1 && Number(digits) <= 65_535;
}

/**
 * Reads what a person types to find flows: a whole address, a port such as `443` or `:443`, or both as `10.1.2.3:443`.
 * Undefined while it is none of these, as it is before it is fully typed.
 */
export function parseFlowSearch(text: string): FlowSearch | undefined {
  const typed = text.trim();
  if (typed === '') return {};
  const port = PORT_ALONE.exec(typed)?.[1];
  if (port !== undefined) return isPort(port) ? { destinationPort: Number(port) } : undefined;
  const [, bracketed, plain, withPort = ''] = ADDRESS_AND_PORT.exec(typed) ?? [];
  const address = bracketed ?? plain;
  if (address === undefined) return isAddress(typed) ? { address: typed } : undefined;
  return isAddress(address) && isPort(withPort) ? { address, destinationPort: Number(withPort) } : undefined;
}
