import type {
  Application,
  Compression,
  RuleAction,
  Selector,
  SiteName,
  TrafficClass,
  WhenPeerDown,
} from '../api/schema.js';
import { formatPorts } from '../lib/address.js';
import type { Rule } from './draft.js';

/** What gives ids their names. */
export interface PolicyNames {
  sites: readonly (SiteName & { labels: string[] })[];
  applications: readonly Application[];
}

export const ACTIONS: Record<RuleAction, string> = {
  ACCELERATE: 'Accelerate',
  PASS: 'Pass through',
  DENY: 'Deny',
};

export const COMPRESSIONS: Record<Compression, string> = {
  AUTO: 'Automatic, where it pays',
  OFF: 'Off',
  STRONGEST: 'Strongest',
};

export const CLASSES: Record<TrafficClass, string> = {
  INTERACTIVE: 'Interactive',
  BULK: 'Bulk',
  SCAVENGER: 'Scavenger',
};

export const WHEN_PEER_DOWN: Record<WhenPeerDown, string> = {
  PASS: 'Go straight',
  REFUSE: 'Refuse',
};

/** The choices of a list of names, for a select. */
export const choicesOf = <Value extends string>(
  names: Record<Value, string>,
): { value: Value; label: string }[] =>
  (Object.entries(names) as [Value, string][]).map(([value, label]) => ({ value, label }));

export function describeSelector(selector: Selector, names: PolicyNames): string {
  const sites = selector.siteIds.map(
    (id) => names.sites.find((site) => site.id === id)?.name ?? 'a deleted site',
  );
  const labels = selector.labels.map((label) => `label ${label}`);
  return [...sites, ...labels, ...selector.prefixes].join(', ') || 'anywhere';
}

export function describeTraffic(
  { application, ports }: Pick<Rule, 'application' | 'ports'>,
  names: PolicyNames,
): string {
  if (application !== null) {
    return names.applications.find(({ name }) => name === application)?.title ?? application;
  }
  if (ports.length === 0) return 'all TCP';
  return `port ${formatPorts(ports)}`;
}

const LOWER_FIRST = (text: string): string => text.slice(0, 1).toLowerCase() + text.slice(1);

/** How the traffic of a rule is treated, beyond the action: only what matters for that action. */
export function describeTreatment(rule: Rule): string {
  if (rule.action !== 'ACCELERATE') return '';
  const compression = {
    AUTO: 'compressed where it pays',
    OFF: 'not compressed',
    STRONGEST: 'compressed hard',
  }[rule.compression];
  const down =
    rule.whenPeerDown === 'PASS' ? 'straight when the peer is down' : 'refused when the peer is down';
  const limit = rule.rateLimitMbps === null ? '' : `, at most ${String(rule.rateLimitMbps)} Mbit/s each way`;
  return `${LOWER_FIRST(CLASSES[rule.class])}, weight ${String(rule.weight)}${limit}, ${compression}, ${down}`;
}
