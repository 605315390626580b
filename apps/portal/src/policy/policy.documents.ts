import type { Page, PagedList, PageVariables } from '../api/all-pages.js';
import { document } from '../api/document.js';
import type {
  AgentApplication,
  Application,
  PolicyDocument,
  PolicyRevision,
  PolicyRevisionHead,
  PolicyRule,
  SiteName,
} from '../api/schema.js';

const RULE_FIELDS = /* GraphQL */ `
  fragment RuleFields on PolicyRule {
    id
    name
    priority
    enabled
    source {
      ...SelectorFields
    }
    destination {
      ...SelectorFields
    }
    application
    ports {
      from
      to
    }
    action
    compression
    class
    weight
    whenPeerDown
    rateLimitMbps
  }
  fragment SelectorFields on Selector {
    siteIds
    labels
    prefixes
  }
`;

export interface PolicyHead {
  revision: number | null;
  document: PolicyDocument;
}

export type LabelledSite = SiteName & { labels: string[] };

export const PolicyQuery = document<{ policy: PolicyHead; applications: Application[] }>(/* GraphQL */ `
  query Policy {
    policy {
      revision
      document {
        rules {
          ...RuleFields
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
  ${RULE_FIELDS}
`);

export const LabelledSitesPageQuery = document<{ sites: Page<LabelledSite> }, PageVariables>(/* GraphQL */ `
  query LabelledSites($first: Int!, $after: String) {
    sites(first: $first, after: $after) {
      nodes {
        id
        name
        labels
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const RevisionsPageQuery = document<
  { policy: { revisions: Page<PolicyRevisionHead> } },
  PageVariables
>(/* GraphQL */ `
  query PolicyRevisions($first: Int!, $after: String) {
    policy {
      revisions(first: $first, after: $after) {
        nodes {
          revision
          sha256
          message
          author
          createdAt
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

export const ApplicationPageQuery = document<
  { policy: { application: Page<AgentApplication> } },
  PageVariables
>(/* GraphQL */ `
  query PolicyApplication($first: Int!, $after: String) {
    policy {
      application(first: $first, after: $after) {
        nodes {
          agent {
            id
            hostname
            online
            site {
              id
              name
            }
          }
          desiredRevision
          appliedRevision
          outcome
          error
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

export const LABELLED_SITES: PagedList<LabelledSite, { sites: Page<LabelledSite> }> = {
  document: LabelledSitesPageQuery,
  pageOf: ({ sites }) => sites,
};

export const REVISIONS: PagedList<PolicyRevisionHead, { policy: { revisions: Page<PolicyRevisionHead> } }> = {
  document: RevisionsPageQuery,
  pageOf: ({ policy }) => policy.revisions,
};

export const APPLICATION: PagedList<AgentApplication, { policy: { application: Page<AgentApplication> } }> = {
  document: ApplicationPageQuery,
  pageOf: ({ policy }) => policy.application,
};

export const RevisionQuery = document<{ policyRevision: PolicyRevision | null }, { revision: number }>(
  /* GraphQL */ `
    query PolicyRevision($revision: Int!) {
      policyRevision(revision: $revision) {
        revision
        sha256
        message
        author
        createdAt
        document {
          rules {
            ...RuleFields
          }
        }
      }
    }
    ${RULE_FIELDS}
  `,
);

export type PolicyRuleInput = Omit<PolicyRule, 'id'> & { id?: string };

export interface SavePolicyInput {
  expectedRevision: number | null;
  message: string;
  rules: PolicyRuleInput[];
}

export const SavePolicyMutation = document<{ savePolicy: PolicyRevision }, { input: SavePolicyInput }>(
  /* GraphQL */ `
    mutation SavePolicy($input: SavePolicyInput!) {
      savePolicy(input: $input) {
        revision
        sha256
        message
        author
        createdAt
        document {
          rules {
            ...RuleFields
          }
        }
      }
    }
    ${RULE_FIELDS}
  `,
);
