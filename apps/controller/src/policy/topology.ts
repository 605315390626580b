import type { FleetSite } from './fleet.js';

/**
 * Which sites of a fleet have a tunnel between them. Sites that name no hubs make a full mesh; one that names hubs is linked to
 * these, and to sites that name it. What is asked of one site takes as long as it has neighbours, not as there are sites.
 */
export class Topology<Site extends Pick<FleetSite, 'id' | 'hubSiteIds'>> {
  private readonly places: ReadonlyMap<string, number>;
  private readonly mesh: readonly Site[];
  /** By the id of their hub. */
  private readonly spokes = new Map<string, Site[]>();

  constructor(private readonly sites: readonly Site[]) {
    this.places = new Map(sites.map(({ id }, place) => [id, place]));
    this.mesh = sites.filter((site) => hubsOf(site).length === 0);
    for (const site of sites) {
      for (const hub of hubsOf(site)) {
        const spokes = this.spokes.get(hub) ?? [];
        spokes.push(site);
        this.spokes.set(hub, spokes);
      }
    }
  }

  /** In the order of the fleet's sites. */
  neighboursOf(site: Site): readonly Site[] {
    const spokes = this.spokes.get(site.id) ?? [];
    const hubs = hubsOf(site);
    if (hubs.length === 0 && spokes.length === 0) return this.mesh.filter(({ id }) => id !== site.id);
    const others = hubs.length === 0 ? this.mesh : hubs.flatMap((id) => this.sites[this.placeOf(id)] ?? []);
    const neighbours = new Set([...others, ...spokes]);
    neighbours.delete(site);
    return [...neighbours].sort((a, b) => this.placeOf(a.id) - this.placeOf(b.id));
  }

  /** Each pair once, the site that stands first in the fleet first. */
  *pairs(): Iterable<readonly [Site, Site]> {
    for (const site of this.sites) {
      const place = this.placeOf(site.id);
      for (const other of this.neighboursOf(site)) if (this.placeOf(other.id) > place) yield [site, other];
    }
  }

  private placeOf(id: string): number {
    return this.places.get(id) ?? -1;
  }
}

const hubsOf = ({ hubSiteIds = [] }: Pick<FleetSite, 'hubSiteIds'>): readonly string[] => hubSiteIds;
