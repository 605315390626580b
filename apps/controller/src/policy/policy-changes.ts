import { canonicalJson, type PolicyDocument, type PolicyRule } from './policy-document.js';

/** What becomes of one rule. */
export interface RuleChange {
  readonly kind: 'ADDED' | 'REMOVED' | 'CHANGED' | 'MOVED';
  readonly ruleId: string;
  readonly name: string;
  /** Of a changed rule: which fields differ. */
  readonly fields: string[];
}

/** What saving `next` over `present` changes, rule by rule: those of `next` in their order, then what is gone. */
export const ruleChanges = (present: PolicyDocument, next: PolicyDocument): RuleChange[] => {
  const before = new Map(present.rules.map((rule) => [rule.id, rule]));
  const after = new Set(next.rules.map(({ id }) => id));
  const moved = movedIds(
    present.rules.map(({ id }) => id).filter((id) => after.has(id)),
    next.rules.map(({ id }) => id).filter((id) => before.has(id)),
  );
  const kept = next.rules.flatMap((rule) => changeOf(before.get(rule.id), rule, moved.has(rule.id)));
  const removed = present.rules.filter(({ id }) => !after.has(id)).map((rule) => change('REMOVED', rule));
  return [...kept, ...removed];
};

const change = (kind: RuleChange['kind'], rule: PolicyRule, fields: string[] = []): RuleChange => ({
  kind,
  ruleId: rule.id,
  name: rule.name,
  fields,
});

const changeOf = (old: PolicyRule | undefined, rule: PolicyRule, moved: boolean): RuleChange[] => {
  if (old === undefined) return [change('ADDED', rule)];
  const fields = (Object.keys(rule) as (keyof PolicyRule)[]).filter(
    (field) => canonicalJson(old[field]) !== canonicalJson(rule[field]),
  );
  if (fields.length > 0) return [change('CHANGED', rule, fields)];
  return moved ? [change('MOVED', rule)] : [];
};

/** Those that stand at another place among the rules that are in both. */
const movedIds = (before: readonly string[], after: readonly string[]): Set<string> =>
  new Set(after.filter((id, index) => before[index] !== id));
