import type { FleetSummary, Link, LinkEnd } from '../api/schema.js';
import type { LiveAgent, LiveFrame, LiveLink } from '../live/frame.js';
import { fromHistory, fromLive, type LinkEndPoint } from '../live/series.js';
import type { Tone } from '../ui/classes.js';
import type { FleetSite } from './fleet.documents.js';

export type LinkHealth = 'down' | 'connecting' | 'degraded' | 'up' | 'unknown';

/** From this random loss on, in percent, a link is shown as degraded. */
export const DEGRADED_LOSS_PCT = 1;
/** From this much queueing on top of the least round trip, in milliseconds, a link is shown as degraded. */
export const DEGRADED_QUEUE_MS = 100;

export const HEALTH: Record<LinkHealth, { tone: Tone; word: string; rank: number }> = {
  down: { tone: 'bad', word: 'Down', rank: 0 },
  connecting: { tone: 'warn', word: 'Connecting', rank: 1 },
  degraded: { tone: 'warn', word: 'Degraded', rank: 2 },
  up: { tone: 'good', word: 'Up', rank: 3 },
  unknown: { tone: 'neutral', word: 'No agents yet', rank: 4 },
};

/** One direction of a link: what its sending agent says of it. */
export interface Direction {
  agentId: string;
  peerId: string;
  from: string;
  to: string;
  hostname: string;
  state: string;
  point: LinkEndPoint | undefined;
}

export interface LinkView {
  link: Link;
  title: string;
  health: LinkHealth;
  directions: Direction[];
  lossPct: number;
  rttMs: number | undefined;
  minRttMs: number | undefined;
  /** Both directions together, before compression and on the wire. */
  sentMbps: number;
  wireSentMbps: number;
}

const endKey = (linkId: string, agentId: string, peerId: string): string => `${linkId}/${agentId}/${peerId}`;

function liveByEnd(frame: LiveFrame | undefined): Map<string, LiveLink> {
  return new Map(frame?.links.map((live) => [endKey(live.linkId, live.agentId, live.peerAgentId), live]));
}

function toDirection(end: LinkEnd, live: LiveLink | undefined): Direction {
  const stored = end.latest === null ? undefined : fromHistory(end.latest);
  return {
    agentId: end.agent.id,
    peerId: end.peer.id,
    from: end.agent.site.name,
    to: end.peer.site.name,
    hostname: end.agent.hostname,
    state: live?.state ?? end.state,
    point: live === undefined ? stored : fromLive(live),
  };
}

function healthOf(directions: readonly Direction[]): LinkHealth {
  if (directions.length === 0) return 'unknown';
  if (directions.some(({ state }) => state === 'down')) return 'down';
  if (directions.some(({ state }) => state !== 'up')) return 'connecting';
  const suffers = directions.some(({ point }) => {
    if (point === undefined) return false;
    const queueMs = (point.rttMs ?? 0) - (point.minRttMs ?? point.rttMs ?? 0);
    return point.lossPct >= DEGRADED_LOSS_PCT || queueMs >= DEGRADED_QUEUE_MS;
  });
  return suffers ? 'degraded' : 'up';
}

function largest(values: readonly (number | null | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function toView(link: Link, live: Map<string, LiveLink>): LinkView {
  const directions = link.ends.map((end) =>
    toDirection(end, live.get(endKey(link.id, end.agent.id, end.peer.id))),
  );
  const points = directions.map(({ point }) => point);
  return {
    link,
    title: `${link.siteA.name} – ${link.siteB.name}`,
    health: healthOf(directions),
    directions,
    lossPct: largest(points.map((point) => point?.lossPct)) ?? 0,
    rttMs: largest(points.map((point) => point?.rttMs)),
    minRttMs: largest(points.map((point) => point?.minRttMs)),
    sentMbps: points.reduce((sum, point) => sum + (point?.sentMbps ?? 0), 0),
    wireSentMbps: points.reduce((sum, point) => sum + (point?.wireSentMbps ?? 0), 0),
  };
}

/** Every link with its newest numbers, the worst first: by state, then by loss, then by queueing. */
export function linkViews(links: readonly Link[], frame: LiveFrame | undefined): LinkView[] {
  const live = liveByEnd(frame);
  const queueMs = ({ rttMs = 0, minRttMs = 0 }: LinkView): number => rttMs - minRttMs;
  return links
    .map((link) => toView(link, live))
    .sort(
      (a, b) =>
        HEALTH[a.health].rank - HEALTH[b.health].rank ||
        b.lossPct - a.lossPct ||
        queueMs(b) - queueMs(a) ||
        a.title.localeCompare(b.title),
    );
}

export interface Totals {
  sites: number;
  agents: number;
  agentsOnline: number;
  links: number;
  linksUp: number;
  drifted: number;
  sentMbps: number;
  /** What the same traffic takes on the links, in Mbit/s; unknown before the first live frame. */
  wireSentMbps: number | undefined;
}

/** The big numbers: from the live frame where there is one, else as the store has them. */
export function fleetTotals(
  summary: FleetSummary,
  views: readonly LinkView[],
  frame: LiveFrame | undefined,
): Totals {
  // A link between sites that have no agents yet is not one that is down.
  const links = views.filter(({ health }) => health !== 'unknown').length;
  if (frame === undefined) return { ...summary, links, wireSentMbps: undefined };
  return {
    sites: summary.sites,
    agents: summary.agents,
    agentsOnline: frame.agents.filter(({ online }) => online).length,
    links,
    linksUp: views.filter(({ health }) => health === 'up' || health === 'degraded').length,
    drifted: frame.agents.filter((agent) => agent.appliedGeneration !== agent.desiredGeneration).length,
    sentMbps: frame.links.reduce((sum, { sentMbps }) => sum + sentMbps, 0),
    wireSentMbps: frame.links.reduce((sum, { wireSentMbps }) => sum + wireSentMbps, 0),
  };
}

export type SiteHealth = 'offline' | 'degraded' | 'healthy' | 'pending' | 'empty';

export const SITE_HEALTH: Record<SiteHealth, { tone: Tone; word: string; rank: number }> = {
  offline: { tone: 'bad', word: 'Offline', rank: 0 },
  degraded: { tone: 'warn', word: 'Degraded', rank: 1 },
  pending: { tone: 'warn', word: 'Waits for approval', rank: 2 },
  empty: { tone: 'neutral', word: 'No agent yet', rank: 3 },
  healthy: { tone: 'good', word: 'Healthy', rank: 4 },
};

export interface SiteView {
  site: FleetSite;
  health: SiteHealth;
  agents: number;
  agentsOnline: number;
  links: number;
  linksUp: number;
  drifted: number;
  sentMbps: number;
  receivedMbps: number;
}

function siteHealth(view: Omit<SiteView, 'health'>, pending: boolean): SiteHealth {
  if (view.agents === 0) return pending ? 'pending' : 'empty';
  if (view.agentsOnline === 0) return 'offline';
  const whole = view.agentsOnline === view.agents && view.linksUp === view.links && view.drifted === 0;
  return whole ? 'healthy' : 'degraded';
}

/** @param links those of the site */
function toSiteView(
  site: FleetSite,
  links: readonly LinkView[],
  live: ReadonlyMap<string, LiveAgent>,
): SiteView {
  const agents = site.agents
    .filter(({ state }) => state === 'APPROVED')
    .map((agent) => ({ ...agent, ...live.get(agent.id) }));
  const own = new Set(agents.map(({ id }) => id));
  const points = links.flatMap(({ directions }) =>
    directions.flatMap(({ agentId, point }) => (point && own.has(agentId) ? [point] : [])),
  );
  const view = {
    site,
    agents: agents.length,
    agentsOnline: agents.filter(({ online }) => online).length,
    links: links.filter(({ health }) => health !== 'unknown').length,
    linksUp: links.filter(({ health }) => health === 'up' || health === 'degraded').length,
    drifted: agents.filter((agent) => agent.appliedGeneration !== agent.desiredGeneration).length,
    sentMbps: points.reduce((sum, { sentMbps }) => sum + sentMbps, 0),
    receivedMbps: points.reduce((sum, { receivedMbps }) => sum + receivedMbps, 0),
  };
  const pending = site.agents.some(({ state }) => state === 'PENDING');
  return { ...view, health: siteHealth(view, pending) };
}

function linksBySite(views: readonly LinkView[]): Map<string, LinkView[]> {
  const bySite = new Map<string, LinkView[]>();
  for (const view of views) {
    for (const { id } of [view.link.siteA, view.link.siteB]) {
      const own = bySite.get(id);
      if (own === undefined) bySite.set(id, [view]);
      else own.push(view);
    }
  }
  return bySite;
}

/** Every site with its newest numbers, those that need a person first. */
export function siteViews(
  sites: readonly FleetSite[],
  views: readonly LinkView[],
  frame: LiveFrame | undefined,
): SiteView[] {
  const live = new Map(frame?.agents.map((agent) => [agent.agentId, agent]));
  const links = linksBySite(views);
  return sites
    .map((site) => toSiteView(site, links.get(site.id) ?? [], live))
    .sort(
      (a, b) =>
        SITE_HEALTH[a.health].rank - SITE_HEALTH[b.health].rank || a.site.name.localeCompare(b.site.name),
    );
}
