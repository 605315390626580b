import type { Page, PagedList, PageVariables } from '../api/all-pages.js';
import { document } from '../api/document.js';
import type { Agent, EnrollmentToken, Site, SiteName } from '../api/schema.js';

export type EnrolAgent = Agent & { site: SiteName };

const PAGE_INFO = /* GraphQL */ `
  fragment WhetherMore on PageInfo {
    hasNextPage
    endCursor
  }
`;

export const SiteNamesPageQuery = document<{ sites: Page<SiteName> }, PageVariables>(/* GraphQL */ `
  query SiteNames($first: Int!, $after: String) {
    sites(first: $first, after: $after) {
      nodes {
        id
        name
      }
      pageInfo {
        ...WhetherMore
      }
    }
  }
  ${PAGE_INFO}
`);

export const AgentsPageQuery = document<{ agents: Page<EnrolAgent> }, PageVariables>(/* GraphQL */ `
  query Agents($first: Int!, $after: String) {
    agents(first: $first, after: $after) {
      nodes {
        id
        hostname
        state
        version
        online
        lastSeenAt
        desiredGeneration
        appliedGeneration
        outcome
        error
        enrolledAt
        site {
          id
          name
        }
      }
      pageInfo {
        ...WhetherMore
      }
    }
  }
  ${PAGE_INFO}
`);

export const TokensPageQuery = document<{ enrollmentTokens: Page<EnrollmentToken> }, PageVariables>(
  /* GraphQL */ `
    query EnrollmentTokens($first: Int!, $after: String) {
      enrollmentTokens(first: $first, after: $after) {
        nodes {
          id
          name
          site {
            id
            name
          }
          maxUses
          uses
          expiresAt
          revokedAt
          needsApproval
          createdAt
          lastUsedAt
          status
        }
        pageInfo {
          ...WhetherMore
        }
      }
    }
    ${PAGE_INFO}
  `,
);

export const SITE_NAMES: PagedList<SiteName, { sites: Page<SiteName> }> = {
  document: SiteNamesPageQuery,
  pageOf: ({ sites }) => sites,
};

export const AGENTS: PagedList<EnrolAgent, { agents: Page<EnrolAgent> }> = {
  document: AgentsPageQuery,
  pageOf: ({ agents }) => agents,
};

export const TOKENS: PagedList<EnrollmentToken, { enrollmentTokens: Page<EnrollmentToken> }> = {
  document: TokensPageQuery,
  pageOf: ({ enrollmentTokens }) => enrollmentTokens,
};

export interface SiteInput {
  name: string;
  location: string | null;
  labels: string[];
  lanPrefixes: string[];
  bandwidthUpMbps: number | null;
  bandwidthDownMbps: number | null;
}

export const CreateSiteMutation = document<{ createSite: Site }, { input: SiteInput }>(/* GraphQL */ `
  mutation CreateSite($input: SiteInput!) {
    createSite(input: $input) {
      id
      name
      location
      labels
      lanPrefixes
      bandwidthUpMbps
      bandwidthDownMbps
    }
  }
`);

export interface EnrollmentTokenInput {
  name: string;
  siteId: string;
  maxUses: number;
  expiresAt: string;
  needsApproval: boolean;
}

export interface CreatedToken {
  token: string;
  command: string;
  enrollmentToken: EnrollmentToken;
}

export const CreateTokenMutation = document<
  { createEnrollmentToken: CreatedToken },
  { input: EnrollmentTokenInput }
>(/* GraphQL */ `
  mutation CreateToken($input: EnrollmentTokenInput!) {
    createEnrollmentToken(input: $input) {
      token
      command
      enrollmentToken {
        id
        name
        site {
          id
          name
        }
        maxUses
        uses
        expiresAt
        revokedAt
        needsApproval
        createdAt
        lastUsedAt
        status
      }
    }
  }
`);

export const RevokeTokenMutation = document<
  { revokeEnrollmentToken: Pick<EnrollmentToken, 'id' | 'revokedAt' | 'status'> },
  { id: string }
>(/* GraphQL */ `
  mutation RevokeToken($id: ID!) {
    revokeEnrollmentToken(id: $id) {
      id
      revokedAt
      status
    }
  }
`);

export const ApproveAgentMutation = document<{ approveAgent: Pick<Agent, 'id' | 'state'> }, { id: string }>(
  /* GraphQL */ `
    mutation ApproveAgent($id: ID!) {
      approveAgent(id: $id) {
        id
        state
      }
    }
  `,
);

export const RevokeAgentMutation = document<{ revokeAgent: Pick<Agent, 'id' | 'state'> }, { id: string }>(
  /* GraphQL */ `
    mutation RevokeAgent($id: ID!) {
      revokeAgent(id: $id) {
        id
        state
      }
    }
  `,
);
