import type { FlowFilter } from './fleet.documents.js';

const PORT_ALONE = /^:?(\d{1,5})$/;
/** `10.1.2.3:443`, or `[fd00::1]:443`. */
const ADDRESS_AND_PORT = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/;

function port(digits: string | undefined): Pick<FlowFilter, 'destinationPort'> {
  const number = Number(digits);
  return number >= 1 && number <= 65_535 ? { destinationPort: number } : {};
}

/** Reads what a person types to find flows: an address, a port such as `443` or `:443`, or both as `10.1.2.3:443`. */
export function parseFlowSearch(text: string): Pick<FlowFilter, 'address' | 'destinationPort'> {
  const typed = text.trim();
  const alone = PORT_ALONE.exec(typed);
  if (alone !== null) return port(alone[1]);
  const both = ADDRESS_AND_PORT.exec(typed);
  if (both !== null) return { address: both[1] ?? both[2] ?? '', ...port(both[3]) };
  const address = typed.replace(/^\[|\]?:?$/g, '');
  return address === '' ? {} : { address };
}
