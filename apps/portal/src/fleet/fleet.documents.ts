import type { Page, PagedList, PageVariables } from '../api/all-pages.js';
import { document } from '../api/document.js';
import type {
  Agent,
  FleetSummary,
  Flow,
  Link,
  LinkPoint,
  PolicyRule,
  Site,
  RankedLink,
  TelemetrySeries,
} from '../api/schema.js';

export type FleetAgent = Pick<
  Agent,
  | 'id'
  | 'hostname'
  | 'state'
  | 'online'
  | 'lastSeenAt'
  | 'desiredGeneration'
  | 'appliedGeneration'
  | 'outcome'
  | 'error'
>;
export type FleetSite = Site & { agents: FleetAgent[] };

export const FleetQuery = document<{ fleet: FleetSummary }>(/* GraphQL */ `
  query Fleet {
    fleet {
      sites
      agentsOnline
      agents
      linksUp
      links
      drifted
      sentMbps
    }
  }
`);

export const SitesPageQuery = document<{ sites: Page<FleetSite> }, PageVariables>(/* GraphQL */ `
  query Sites($first: Int!, $after: String) {
    sites(first: $first, after: $after) {
      nodes {
        id
        name
        location
        labels
        lanPrefixes
        bandwidthUpMbps
        bandwidthDownMbps
        agents {
          id
          hostname
          state
          online
          lastSeenAt
          desiredGeneration
          appliedGeneration
          outcome
          error
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const LinksPageQuery = document<{ links: Page<Link> }, PageVariables>(/* GraphQL */ `
  query Links($first: Int!, $after: String) {
    links(first: $first, after: $after) {
      nodes {
        id
        siteA {
          id
          name
        }
        siteB {
          id
          name
        }
        profile
        cipherSuite
        ends {
          state
          agent {
            ...EndAgent
          }
          peer {
            ...EndAgent
          }
          latest {
            at
            sentMbps
            receivedMbps
            wireSentMbps
            wireReceivedMbps
            rttMs
            minRttMs
            lossPct
            retransmitPct
            openStreams
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
  fragment EndAgent on Agent {
    id
    hostname
    site {
      id
      name
    }
  }
`);

export const SITES: PagedList<FleetSite, { sites: Page<FleetSite> }> = {
  document: SitesPageQuery,
  pageOf: ({ sites }) => sites,
};

export const LINKS: PagedList<Link, { links: Page<Link> }> = {
  document: LinksPageQuery,
  pageOf: ({ links }) => links,
};

export const LinkSeriesQuery = document<
  { linkSeries: LinkPoint[] },
  { linkId: string; agentId: string; minutes: number }
>(/* GraphQL */ `
  query LinkSeries($linkId: ID!, $agentId: ID!, $minutes: Int!) {
    linkSeries(linkId: $linkId, agentId: $agentId, minutes: $minutes) {
      at
      sentMbps
      receivedMbps
      wireSentMbps
      wireReceivedMbps
      rttMs
      minRttMs
      lossPct
      retransmitPct
      openStreams
    }
  }
`);

export interface FlowFilter {
  siteId?: string;
  address?: string;
  destinationPort?: number;
  handling?: string;
}

export const FlowsQuery = document<
  { flows: Page<Flow> },
  { filter: FlowFilter | null; first: number; after: string | null }
>(/* GraphQL */ `
  query Flows($filter: FlowFilter, $first: Int!, $after: String) {
    flows(filter: $filter, first: $first, after: $after) {
      nodes {
        flowId
        agentId
        peerAgentId
        source
        destination
        destinationPort
        ruleId
        handling
        startedAt
        lastSeenAt
        ended
        reason
        bytesUp
        bytesDown
        encodedBytesUp
        encodedBytesDown
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** What gives a flow its names: of its rule, and of the application behind its port. */
export const FlowNamesQuery = document<{
  policy: { document: { rules: Pick<PolicyRule, 'id' | 'name'>[] } };
  applications: { name: string; title: string; ports: { from: number; to: number }[] }[];
}>(/* GraphQL */ `
  query FlowNames {
    policy {
      document {
        rules {
          id
          name
        }
      }
    }
    applications {
      name
      title
      ports {
        from
        to
      }
    }
  }
`);

export const TelemetryQuery = document<
  { telemetry: TelemetrySeries },
  { from: string; siteId: string | null; linkId: string | null }
>(/* GraphQL */ `
  query Telemetry($from: DateTime!, $siteId: ID, $linkId: ID) {
    telemetry(from: $from, siteId: $siteId, linkId: $linkId) {
      resolutionSeconds
      points {
        at
        sentMbps
        receivedMbps
        wireSentMbps
        wireReceivedMbps
        rttMs
        minRttMs
        lossPct
        retransmitPct
        openStreams
      }
      total {
        bytesSent
        bytesReceived
        bytesSaved
        acceleratedBytes
        timeSavedSeconds
        flowsAccelerated
        flowsPassed
        flowsRefused
      }
    }
  }
`);

export const WorstLinksQuery = document<{ worstLinks: RankedLink[] }, { from: string }>(/* GraphQL */ `
  query WorstLinks($from: DateTime!) {
    worstLinks(from: $from, first: 10) {
      link {
        id
        siteA {
          id
          name
        }
        siteB {
          id
          name
        }
      }
      lossPct
      retransmitPct
      rttMs
    }
  }
`);
