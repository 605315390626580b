import type { PolicyScope } from '../generated/prisma/enums.js';
import type { PolicyDocument, PolicyForward, PolicyRule } from './policy-document.js';

/** A policy as it is in force, and for whom. */
export interface ScopedPolicy {
  readonly id: string;
  readonly scope: PolicyScope;
  /** The label of the site group, or the id of the site; empty for the organization. */
  readonly target: string;
  readonly revision: number;
  readonly document: PolicyDocument;
}

/** What a policy's scope is compared with. */
export interface ScopedSite {
  readonly id: string;
  readonly labels: { includes(label: string): boolean };
}

/** A rule as one site has it, and where it comes from. */
export interface EffectiveRule {
  readonly rule: PolicyRule;
  readonly policy: ScopedPolicy;
}

/** The nearer a policy is to a site, the earlier its rules are asked there. */
const DISTANCE: Record<PolicyScope, number> = { SITE: 0, SITE_GROUP: 1, ORGANIZATION: 2 };

export const isInScope = ({ scope, target }: ScopedPolicy, site: ScopedSite): boolean => {
  if (scope === 'ORGANIZATION') return true;
  return scope === 'SITE' ? target === site.id : site.labels.includes(target);
};

/**
 * The enabled rules that are in force at a site, in the order in which they are asked: those of the site's own policy, then
 * those of its groups, then the organization's. Within each, by priority; of equals, as written, groups by their label.
 * The first that matches a connection decides, so what is nearer overrides what is inherited.
 */
export const effectiveRules = (policies: readonly ScopedPolicy[], site: ScopedSite): EffectiveRule[] =>
  [...policies]
    .filter((policy) => isInScope(policy, site))
    .sort((a, b) => (a.target < b.target ? -1 : 1))
    .flatMap((policy) => policy.document.rules.map((rule) => ({ rule, policy })))
    .filter(({ rule }) => rule.enabled)
    .sort((a, b) => distance(a) - distance(b) || a.rule.priority - b.rule.priority);

const distance = ({ policy }: EffectiveRule): number => DISTANCE[policy.scope];

/** The forwards that the agents of a site listen for. */
export const effectiveForwards = (policies: readonly ScopedPolicy[], site: ScopedSite): PolicyForward[] =>
  policies
    .filter((policy) => isInScope(policy, site))
    .flatMap(({ document }) => document.forwards)
    .filter(({ siteId }) => siteId === site.id);

/** The newest of the given revisions; null when there is none. */
export const newestRevision = (policies: readonly ScopedPolicy[]): number | null =>
  policies.reduce<number | null>((newest, { revision }) => Math.max(newest ?? 0, revision), null);
