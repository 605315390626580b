import { readFileSync } from 'node:fs';
import type { LinkDescription } from '../simulator/simulation.js';

interface NamedLink extends LinkDescription {
  readonly name: string;
}

const FILE = new URL('../../../wan-emulator/links.json', import.meta.url);
const { links } = JSON.parse(readFileSync(FILE, 'utf8')) as { links: NamedLink[] };

/** The emulated WAN links that the whole product is tested on. */
export const LINKS: readonly NamedLink[] = links;

export function linkNamed(name: string): LinkDescription {
  const link = links.find((candidate) => candidate.name === name);
  if (link === undefined) throw new RangeError(`links.json has no link ${name}`);
  return link;
}
