import { describe, expect, it } from 'vitest';
import type { Link, LinkPoint } from '../api/schema.js';
import type { LiveFrame, LiveLink } from '../live/frame.js';
import { fromHistory } from '../live/series.js';
import type { FleetSite } from './fleet.documents.js';
import { fleetTotals, linkViews, siteViews } from './model.js';

const site = (id: string): { id: string; name: string } => ({ id, name: id.toUpperCase() });
const agent = (id: string): Link['ends'][number]['agent'] => ({
  id: `${id}-1`,
  hostname: id,
  site: site(id),
});

function latest(change: Partial<LinkPoint>): LinkPoint {
  const rates = { sentMbps: 10, receivedMbps: 5, wireSentMbps: 4, wireReceivedMbps: 2 };
  return {
    at: '2026-01-01T00:00:00Z',
    ...rates,
    rttMs: 20,
    minRttMs: 20,
    lossPct: 0,
    retransmitPct: 0,
    openStreams: 1,
    ...change,
  };
}

function link(from: string, to: string, state: string, change: Partial<LinkPoint> = {}): Link {
  const ends = [
    { agent: agent(from), peer: agent(to), state, latest: latest(change) },
    { agent: agent(to), peer: agent(from), state, latest: latest({}) },
  ];
  return {
    id: `${from}-${to}`,
    siteA: site(from),
    siteB: site(to),
    profile: 'FAIR',
    cipherSuite: 'AES_128_GCM',
    ends,
  };
}

function liveLink(from: string, to: string, change: Partial<LiveLink>): LiveLink {
  const ends = { linkId: 'a-b', agentId: `${from}-1`, peerAgentId: `${to}-1`, state: 'up' };
  return { ...ends, ...fromHistory(latest({})), ...change };
}

const frame = (change: Partial<LiveFrame>): LiveFrame => ({
  type: 'frame',
  atMs: 1,
  agents: [],
  links: [],
  flows: [],
  ...change,
});

const fleetSite = (id: string, state: 'APPROVED' | 'PENDING' = 'APPROVED', online = true): FleetSite => ({
  ...site(id),
  location: null,
  labels: [],
  lanPrefixes: [],
  bandwidthUpMbps: null,
  bandwidthDownMbps: null,
  agents: [
    {
      id: `${id}-1`,
      hostname: id,
      state,
      online,
      lastSeenAt: null,
      desiredGeneration: 2,
      appliedGeneration: 2,
      outcome: null,
      error: null,
    },
  ],
});

describe('links', () => {
  it('stand worst first: down, connecting, degraded by loss or by queueing, then by loss', () => {
    const links = [
      link('a', 'b', 'up'),
      link('a', 'c', 'up', { lossPct: 0.2 }),
      link('a', 'd', 'up', { rttMs: 200, minRttMs: 20 }),
      link('a', 'e', 'up', { lossPct: 2 }),
      link('a', 'f', 'connecting'),
      link('a', 'g', 'down'),
    ];
    const views = linkViews(links, undefined);
    expect(views.map(({ link: { id }, health }) => [id, health])).toEqual([
      ['a-g', 'down'],
      ['a-f', 'connecting'],
      ['a-e', 'degraded'],
      ['a-d', 'degraded'],
      ['a-c', 'up'],
      ['a-b', 'up'],
    ]);
  });

  it('take their numbers from the live frame, direction by direction, and else from the store', () => {
    const [view] = linkViews(
      [link('a', 'b', 'up')],
      frame({ links: [liveLink('a', 'b', { sentMbps: 700, state: 'down' })] }),
    );
    expect(view).toMatchObject({ health: 'down', sentMbps: 710 });
  });

  it('without agents are unknown, not up', () => {
    expect(linkViews([{ ...link('a', 'b', 'up'), ends: [] }], undefined)[0]?.health).toBe('unknown');
  });
});

describe('the big numbers', () => {
  const summary = { sites: 2, agentsOnline: 9, agents: 2, linksUp: 9, links: 1, drifted: 9, sentMbps: 9 };

  it('come from the frame once there is one', () => {
    const live = frame({
      agents: [
        {
          agentId: 'a-1',
          siteId: 'a',
          online: true,
          desiredGeneration: 3,
          appliedGeneration: 2,
          outcome: null,
        },
        {
          agentId: 'b-1',
          siteId: 'b',
          online: false,
          desiredGeneration: 2,
          appliedGeneration: 2,
          outcome: null,
        },
      ],
      links: [liveLink('a', 'b', { sentMbps: 30, wireSentMbps: 10 })],
    });
    const totals = fleetTotals(summary, linkViews([link('a', 'b', 'up')], live), live);
    expect(totals).toMatchObject({ agentsOnline: 1, linksUp: 1, drifted: 1, sentMbps: 30, wireSentMbps: 10 });
  });

  it('do not count a link that waits for its agents as one that is down', () => {
    const links = [link('a', 'b', 'up'), { ...link('a', 'c', 'up'), ends: [] }];
    const live = frame({});
    expect(fleetTotals(summary, linkViews(links, live), live)).toMatchObject({ links: 1, linksUp: 1 });
  });

  it('come from the store before the first frame', () => {
    expect(fleetTotals(summary, [], undefined)).toMatchObject({ agentsOnline: 9, wireSentMbps: undefined });
  });
});

describe('sites', () => {
  it('stand those that need a person first, and tell why', () => {
    const links = linkViews([link('a', 'b', 'up'), link('b', 'c', 'down')], undefined);
    const sites = [
      fleetSite('a'),
      fleetSite('b'),
      fleetSite('d', 'PENDING'),
      fleetSite('e', 'APPROVED', false),
    ];
    expect(siteViews(sites, links, undefined).map((view) => [view.site.id, view.health])).toEqual([
      ['e', 'offline'],
      ['b', 'degraded'],
      ['d', 'pending'],
      ['a', 'healthy'],
    ]);
  });

  it('count what their own agents send, not what comes back', () => {
    const links = linkViews([link('a', 'b', 'up', { sentMbps: 100, receivedMbps: 1 })], undefined);
    expect(siteViews([fleetSite('a')], links, undefined)[0]).toMatchObject({
      sentMbps: 100,
      receivedMbps: 1,
    });
  });
});
