import type { Page, PagedList, PageVariables } from '../api/all-pages.js';
import { document } from '../api/document.js';
import type { Alert, AlertKind, AlertRule, AlertSeverity, Delivery, Webhook } from '../api/schema.js';

const PAGE_INFO = /* GraphQL */ `
  fragment WhetherMore on PageInfo {
    hasNextPage
    endCursor
  }
`;

const ALERT = /* GraphQL */ `
  fragment AlertFields on Alert {
    id
    ruleName
    kind
    severity
    state
    summary
    pendingSince
    firingSince
    clearingSince
    missingSince
    resolvedAt
    resolution
    acknowledgedAt
    acknowledgedBy
    silencedUntil
  }
`;

const RULE = /* GraphQL */ `
  fragment RuleFields on AlertRule {
    id
    name
    kind
    enabled
    severity
    siteLabel
    site {
      id
      name
    }
    threshold
    clearThreshold
    unit
    forSeconds
    clearForSeconds
    repeatSeconds
    emails
    webhooks {
      id
      name
      enabled
    }
    silencedUntil
  }
`;

const WEBHOOK = /* GraphQL */ `
  fragment WebhookFields on Webhook {
    id
    name
    url
    enabled
    rotationEndsAt
  }
`;

const DELIVERY = /* GraphQL */ `
  fragment DeliveryFields on Delivery {
    id
    event
    webhook {
      id
      name
      enabled
    }
    email
    state
    attempts
    createdAt
    dueAt
    log {
      number
      at
      durationMs
      status
      error
      response
    }
  }
`;

export const FiringAlertsPageQuery = document<{ alerts: Page<Alert> }, PageVariables>(/* GraphQL */ `
  query FiringAlerts($first: Int!, $after: String) {
    alerts(first: $first, after: $after, filter: { state: FIRING }) {
      nodes {
        ...AlertFields
      }
      pageInfo {
        ...WhetherMore
      }
    }
  }
  ${ALERT}
  ${PAGE_INFO}
`);

export const FIRING_ALERTS: PagedList<Alert, { alerts: Page<Alert> }> = {
  document: FiringAlertsPageQuery,
  pageOf: ({ alerts }) => alerts,
};

/** The newest of those that are over. */
export const PastAlertsQuery = document<{ alerts: { nodes: Alert[] } }, { first: number }>(/* GraphQL */ `
  query PastAlerts($first: Int!) {
    alerts(first: $first, filter: { state: RESOLVED }) {
      nodes {
        ...AlertFields
      }
    }
  }
  ${ALERT}
`);

/** What the head of the fleet says of alerts. */
export const OpenAlertsQuery = document<{
  alerts: { totalCount: number; nodes: Pick<Alert, 'id' | 'severity' | 'summary'>[] };
}>(/* GraphQL */ `
  query OpenAlerts {
    alerts(first: 3, filter: { state: FIRING }) {
      totalCount
      nodes {
        id
        severity
        summary
      }
    }
  }
`);

export const AlertRulesPageQuery = document<{ alertRules: Page<AlertRule> }, PageVariables>(/* GraphQL */ `
  query AlertRules($first: Int!, $after: String) {
    alertRules(first: $first, after: $after) {
      nodes {
        ...RuleFields
      }
      pageInfo {
        ...WhetherMore
      }
    }
  }
  ${RULE}
  ${PAGE_INFO}
`);

export const ALERT_RULES: PagedList<AlertRule, { alertRules: Page<AlertRule> }> = {
  document: AlertRulesPageQuery,
  pageOf: ({ alertRules }) => alertRules,
};

export const WebhooksPageQuery = document<{ webhooks: Page<Webhook> }, PageVariables>(/* GraphQL */ `
  query Webhooks($first: Int!, $after: String) {
    webhooks(first: $first, after: $after) {
      nodes {
        ...WebhookFields
      }
      pageInfo {
        ...WhetherMore
      }
    }
  }
  ${WEBHOOK}
  ${PAGE_INFO}
`);

export const WEBHOOKS: PagedList<Webhook, { webhooks: Page<Webhook> }> = {
  document: WebhooksPageQuery,
  pageOf: ({ webhooks }) => webhooks,
};

/** The newest notifications. */
export const DeliveriesQuery = document<{ deliveries: { nodes: Delivery[] } }, { first: number }>(
  /* GraphQL */ `
    query Deliveries($first: Int!) {
      deliveries(first: $first) {
        nodes {
          ...DeliveryFields
        }
      }
    }
    ${DELIVERY}
  `,
);

export const AcknowledgeAlertMutation = document<{ acknowledgeAlert: Alert }, { id: string }>(/* GraphQL */ `
  mutation AcknowledgeAlert($id: ID!) {
    acknowledgeAlert(id: $id) {
      ...AlertFields
    }
  }
  ${ALERT}
`);

export const SilenceAlertMutation = document<{ silenceAlert: Alert }, { id: string; until: string | null }>(
  /* GraphQL */ `
    mutation SilenceAlert($id: ID!, $until: DateTime) {
      silenceAlert(id: $id, until: $until) {
        ...AlertFields
      }
    }
    ${ALERT}
  `,
);

export interface AlertRuleSettings {
  severity: AlertSeverity;
  siteLabel: string | null;
  siteId: string | null;
  threshold?: number;
  clearThreshold?: number;
  forSeconds: number;
  clearForSeconds: number;
  repeatSeconds: number | null;
  webhookIds: string[];
  emails: string[];
}

export const CreateAlertRuleMutation = document<
  { createAlertRule: AlertRule },
  { input: AlertRuleSettings & { name: string; kind: AlertKind } }
>(/* GraphQL */ `
  mutation CreateAlertRule($input: CreateAlertRuleInput!) {
    createAlertRule(input: $input) {
      ...RuleFields
    }
  }
  ${RULE}
`);

export const UpdateAlertRuleMutation = document<
  { updateAlertRule: AlertRule },
  { id: string; input: Partial<AlertRuleSettings> & { name?: string; enabled?: boolean } }
>(/* GraphQL */ `
  mutation UpdateAlertRule($id: ID!, $input: UpdateAlertRuleInput!) {
    updateAlertRule(id: $id, input: $input) {
      ...RuleFields
    }
  }
  ${RULE}
`);

export const SilenceAlertRuleMutation = document<
  { silenceAlertRule: AlertRule },
  { id: string; until: string | null }
>(/* GraphQL */ `
  mutation SilenceAlertRule($id: ID!, $until: DateTime) {
    silenceAlertRule(id: $id, until: $until) {
      ...RuleFields
    }
  }
  ${RULE}
`);

export const DeleteAlertRuleMutation = document<{ deleteAlertRule: boolean }, { id: string }>(/* GraphQL */ `
  mutation DeleteAlertRule($id: ID!) {
    deleteAlertRule(id: $id)
  }
`);

export interface WebhookWithSecret {
  webhook: Webhook;
  secret: string;
}

export const CreateWebhookMutation = document<
  { createWebhook: WebhookWithSecret },
  { input: { name: string; url: string } }
>(/* GraphQL */ `
  mutation CreateWebhook($input: CreateWebhookInput!) {
    createWebhook(input: $input) {
      secret
      webhook {
        ...WebhookFields
      }
    }
  }
  ${WEBHOOK}
`);

export const UpdateWebhookMutation = document<
  { updateWebhook: Webhook },
  { id: string; input: { enabled: boolean } }
>(/* GraphQL */ `
  mutation UpdateWebhook($id: ID!, $input: UpdateWebhookInput!) {
    updateWebhook(id: $id, input: $input) {
      ...WebhookFields
    }
  }
  ${WEBHOOK}
`);

export const RotateWebhookSecretMutation = document<
  { rotateWebhookSecret: WebhookWithSecret },
  { id: string }
>(/* GraphQL */ `
  mutation RotateWebhookSecret($id: ID!) {
    rotateWebhookSecret(id: $id) {
      secret
      webhook {
        ...WebhookFields
      }
    }
  }
  ${WEBHOOK}
`);

export const TestWebhookMutation = document<{ testWebhook: Delivery }, { id: string }>(/* GraphQL */ `
  mutation TestWebhook($id: ID!) {
    testWebhook(id: $id) {
      ...DeliveryFields
    }
  }
  ${DELIVERY}
`);

export const DeleteWebhookMutation = document<{ deleteWebhook: boolean }, { id: string }>(/* GraphQL */ `
  mutation DeleteWebhook($id: ID!) {
    deleteWebhook(id: $id)
  }
`);

export const RedeliverMutation = document<{ redeliver: Delivery }, { id: string }>(/* GraphQL */ `
  mutation Redeliver($id: ID!) {
    redeliver(id: $id) {
      ...DeliveryFields
    }
  }
  ${DELIVERY}
`);
