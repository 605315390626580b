/** A hub's desired state names every spoke of it: so many make some hundred kilobytes. */
export const SPOKES_PER_HUB = 500;

/** How many sites of a fleet are hubs: the first ones. */
export function hubCount(sites: number): number {
  return Math.ceil(sites / (SPOKES_PER_HUB + 1));
}

/** The hub of a site, both by their numbers from 0; undefined for a hub, which is linked to all other hubs. */
export function hubOf(site: number, sites: number): number | undefined {
  const hubs = hubCount(sites);
  return site < hubs ? undefined : site % hubs;
}

/** Whom a site's connections go to: its hub; from a hub, to one of its spokes. @param sites at least 2 */
export function counterpartOf(site: number, sites: number): number {
  return hubOf(site, sites) ?? site + hubCount(sites);
}

/** Address block of a site's LAN: no two overlap. @param site below 65,536 */
export function lanPrefixOf(site: number): string {
  return `10.${String(site >> 8)}.${String(site & 255)}.0/24`;
}
