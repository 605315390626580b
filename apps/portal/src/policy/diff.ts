import type { Rule } from './draft.js';
import {
  ACTIONS,
  CLASSES,
  COMPRESSIONS,
  describeSelector,
  describeTraffic,
  type PolicyNames,
  WHEN_PEER_DOWN,
} from './describe.js';

export interface FieldChange {
  field: string;
  before: string;
  after: string;
}

/** What happened to one rule; places count from 1. */
export type RuleChange =
  | { kind: 'added'; rule: Rule; place: number }
  | { kind: 'removed'; rule: Rule; place: number }
  | { kind: 'changed'; rule: Rule; place: number; fields: FieldChange[]; movedFrom: number | undefined };

type Reader = (rule: Rule, names: PolicyNames) => string;

const FIELDS: readonly [field: string, read: Reader][] = [
  ['Name', ({ name }) => name.trim()],
  ['Enabled', ({ enabled }) => (enabled ? 'yes' : 'no')],
  ['From', ({ source }, names) => describeSelector(source, names)],
  ['To', ({ destination }, names) => describeSelector(destination, names)],
  ['Traffic', (rule, names) => rule.unreadPorts ?? describeTraffic(rule, names)],
  ['Action', ({ action }) => ACTIONS[action]],
  ['Compression', ({ compression }) => COMPRESSIONS[compression]],
  ['Class', (rule) => CLASSES[rule.class]],
  ['Weight', ({ weight }) => String(weight)],
  ['When the peer is down', ({ whenPeerDown }) => WHEN_PEER_DOWN[whenPeerDown]],
  [
    'Rate limit',
    ({ rateLimitMbps }) => (rateLimitMbps === null ? 'none' : `${String(rateLimitMbps)} Mbit/s`),
  ],
];

function fieldChanges(before: Rule, after: Rule, names: PolicyNames): FieldChange[] {
  return FIELDS.map(([field, read]) => ({
    field,
    before: read(before, names),
    after: read(after, names),
  })).filter((change) => change.before !== change.after);
}

/** The longest run of rules that keep their order; `places` are where they stood before, in the order of now. */
function longestIncreasing(places: readonly number[]): Set<number> {
  // lengths[i]: the longest increasing run that ends at i; previous[i]: the one before i in it.
  const lengths: number[] = [];
  const previous: number[] = [];
  let best = -1;
  places.forEach((place, index) => {
    let length = 1;
    let from = -1;
    for (let each = 0; each < index; each += 1) {
      const candidate = (lengths[each] ?? 0) + 1;
      if ((places[each] ?? 0) < place && candidate > length) {
        length = candidate;
        from = each;
      }
    }
    lengths.push(length);
    previous.push(from);
    if (best < 0 || length > (lengths[best] ?? 0)) best = index;
  });
  const kept = new Set<number>();
  for (let index = best; index >= 0; index = previous[index] ?? -1) kept.add(places[index] ?? -1);
  return kept;
}

/**
 * What leads from one list of rules to another, in the order of the new list, removals last. Of the rules that changed
 * their order only the fewest count as moved: taking the first rule away moves nothing.
 */
export function diffRules(before: readonly Rule[], after: readonly Rule[], names: PolicyNames): RuleChange[] {
  const placeBefore = new Map(before.map(({ key }, index) => [key, index]));
  const keysAfter = new Set(after.map(({ key }) => key));
  const common = after.flatMap(({ key }) => placeBefore.get(key) ?? []);
  const inOrder = longestIncreasing(common);
  const changes: RuleChange[] = [];
  after.forEach((rule, index) => {
    const was = placeBefore.get(rule.key);
    const ruleBefore = was === undefined ? undefined : before[was];
    if (was === undefined || ruleBefore === undefined) {
      changes.push({ kind: 'added', rule, place: index + 1 });
      return;
    }
    const fields = fieldChanges(ruleBefore, rule, names);
    const movedFrom = inOrder.has(was) ? undefined : was + 1;
    if (fields.length > 0 || movedFrom !== undefined) {
      changes.push({ kind: 'changed', rule, place: index + 1, fields, movedFrom });
    }
  });
  before.forEach((rule, index) => {
    if (!keysAfter.has(rule.key)) changes.push({ kind: 'removed', rule, place: index + 1 });
  });
  return changes;
}
