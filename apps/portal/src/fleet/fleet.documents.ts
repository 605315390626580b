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

export const FleetQuery = document<{ fleet: FleetSummary; sites: FleetSite[]; links: Link[] }>(/* GraphQL */ `
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
    sites {
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
    links {
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

interface FlowPage {
  edges: { cursor: string; node: Flow }[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

export const FlowsQuery = document<
  { flows: FlowPage },
  { filter: FlowFilter | null; first: number; after: string | null }
>(/* GraphQL */ `
  query Flows($filter: FlowFilter, $first: Int!, $after: String) {
    flows(filter: $filter, first: $first, after: $after) {
      edges {
        cursor
        node {
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
