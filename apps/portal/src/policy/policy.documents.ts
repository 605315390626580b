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
  revisions: PolicyRevisionHead[];
}

export const PolicyQuery = document<{
  policy: PolicyHead;
  sites: (SiteName & { labels: string[] })[];
  applications: Application[];
}>(/* GraphQL */ `
  query Policy {
    policy {
      revision
      document {
        rules {
          ...RuleFields
        }
      }
      revisions {
        revision
        sha256
        message
        author
        createdAt
      }
    }
    sites {
      id
      name
      labels
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

export const ApplicationQuery = document<{
  policy: { revision: number | null; application: AgentApplication[] };
}>(/* GraphQL */ `
  query PolicyApplication {
    policy {
      revision
      application {
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
    }
  }
`);

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
