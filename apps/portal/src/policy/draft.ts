import type { PolicyDocument, PolicyRule, Selector } from '../api/schema.js';
import type { PolicyRuleInput } from './policy.documents.js';

/** A rule as it is edited: its place in the list is its priority, its key is its id or, before it was saved, made here. */
export interface Rule extends Omit<PolicyRule, 'id' | 'priority'> {
  key: string;
  /** False until the controller gave it an id. */
  saved: boolean;
  /** What was typed as ports, while it cannot be read as such. */
  unreadPorts: string | undefined;
}

export interface Draft {
  /** The revision that the edits began from; null before the first. */
  baseRevision: number | null;
  base: readonly Rule[];
  rules: readonly Rule[];
  /** The rule whose form is open. */
  openKey: string | undefined;
  /** Numbers new rules. */
  nextKey: number;
  /** Offered as the message of the next save. */
  message: string;
}

export type DraftAction =
  | { type: 'load'; revision: number | null; document: PolicyDocument }
  | { type: 'rebase'; revision: number; document: PolicyDocument }
  | { type: 'restore'; revision: number; document: PolicyDocument }
  | { type: 'discard' }
  | { type: 'add' }
  | { type: 'duplicate'; key: string }
  | { type: 'remove'; key: string }
  | { type: 'move'; key: string; by: -1 | 1 }
  | { type: 'edit'; key: string; change: Partial<Omit<Rule, 'key' | 'saved'>> }
  | { type: 'open'; key: string | undefined };

const ANY: Selector = { siteIds: [], labels: [], prefixes: [] };

const NEW_RULE: Omit<Rule, 'key'> = {
  saved: false,
  name: '',
  enabled: true,
  source: ANY,
  destination: ANY,
  application: null,
  ports: [],
  unreadPorts: undefined,
  action: 'ACCELERATE',
  compression: 'AUTO',
  class: 'BULK',
  weight: 10,
  whenPeerDown: 'PASS',
  rateLimitMbps: null,
};

const selector = ({ siteIds, labels, prefixes }: Selector): Selector => ({ siteIds, labels, prefixes });

/** Rules of a document in the order in which they are tried. */
export function toRules(document: PolicyDocument): Rule[] {
  return document.rules
    .toSorted((a, b) => a.priority - b.priority)
    .map(
      ({
        id,
        name,
        enabled,
        source,
        destination,
        application,
        ports,
        action,
        compression,
        weight,
        whenPeerDown,
        rateLimitMbps,
        class: trafficClass,
      }) => ({
        key: id,
        saved: true,
        name,
        enabled,
        source: selector(source),
        destination: selector(destination),
        application,
        ports: ports.map(({ from, to }) => ({ from, to })),
        unreadPorts: undefined,
        action,
        compression,
        class: trafficClass,
        weight,
        whenPeerDown,
        rateLimitMbps,
      }),
    );
}

/** Priorities are handed out in steps of this, from the first rule on. */
const PRIORITY_STEP = 10;

/** Rules as the controller takes them. */
export function toInput(rules: readonly Rule[]): PolicyRuleInput[] {
  return rules.map((rule, index) => ({
    ...(rule.saved && { id: rule.key }),
    name: rule.name.trim(),
    priority: (index + 1) * PRIORITY_STEP,
    enabled: rule.enabled,
    source: rule.source,
    destination: rule.destination,
    application: rule.application,
    ports: rule.ports,
    action: rule.action,
    compression: rule.compression,
    class: rule.class,
    weight: rule.weight,
    whenPeerDown: rule.whenPeerDown,
    rateLimitMbps: rule.action === 'ACCELERATE' ? rule.rateLimitMbps : null,
  }));
}

export function emptyDraft(): Draft {
  return { baseRevision: null, base: [], rules: [], openKey: undefined, nextKey: 1, message: '' };
}

function load(draft: Draft, revision: number | null, document: PolicyDocument): Draft {
  const rules = toRules(document);
  return { ...emptyDraft(), nextKey: draft.nextKey, baseRevision: revision, base: rules, rules };
}

/**
 * The rules of an older revision over the present base. A rule that has since been removed keeps its id: the controller
 * knows it from that revision.
 */
function restore(draft: Draft, revision: number, document: PolicyDocument): Draft {
  const rules = toRules(document);
  return { ...draft, rules, openKey: undefined, message: `Restore revision ${String(revision)}` };
}

function insertAfter(draft: Draft, key: string | undefined, rule: Omit<Rule, 'key'>): Draft {
  const made: Rule = { ...rule, saved: false, key: `new-${String(draft.nextKey)}` };
  const at = key === undefined ? draft.rules.length : draft.rules.findIndex((each) => each.key === key) + 1;
  return {
    ...draft,
    rules: draft.rules.toSpliced(at, 0, made),
    openKey: made.key,
    nextKey: draft.nextKey + 1,
  };
}

function move(draft: Draft, key: string, by: -1 | 1): Draft {
  const from = draft.rules.findIndex((rule) => rule.key === key);
  const rule = draft.rules[from];
  const to = from + by;
  if (rule === undefined || to < 0 || to >= draft.rules.length) return draft;
  return { ...draft, rules: draft.rules.toSpliced(from, 1).toSpliced(to, 0, rule) };
}

function duplicate(draft: Draft, key: string): Draft {
  const original = draft.rules.find((rule) => rule.key === key);
  return original === undefined
    ? draft
    : insertAfter(draft, key, { ...original, name: `${original.name} (copy)` });
}

/** Every edit of the policy goes through here; nothing reaches the controller before a save. */
export function draftReducer(draft: Draft, action: DraftAction): Draft {
  switch (action.type) {
    case 'load':
      return load(draft, action.revision, action.document);
    case 'rebase':
      return { ...draft, baseRevision: action.revision, base: toRules(action.document) };
    case 'restore':
      return restore(draft, action.revision, action.document);
    case 'discard':
      return { ...draft, rules: draft.base, openKey: undefined, message: '' };
    case 'add':
      return insertAfter(draft, undefined, NEW_RULE);
    case 'duplicate':
      return duplicate(draft, action.key);
    case 'remove':
      return { ...draft, rules: draft.rules.filter(({ key }) => key !== action.key) };
    case 'move':
      return move(draft, action.key, action.by);
    case 'edit':
      return {
        ...draft,
        rules: draft.rules.map((rule) => (rule.key === action.key ? { ...rule, ...action.change } : rule)),
      };
    case 'open':
      return { ...draft, openKey: action.key };
  }
}
