import type { ReactNode } from 'react';
import type { PolicyNames } from './describe.js';
import type { Rule } from './draft.js';
import { RuleSummary } from './rule-list.js';

/** Rules to be read, not edited. */
export function RolledOut({ rules, names }: { rules: readonly Rule[]; names: PolicyNames }): ReactNode {
  if (rules.length === 0)
    return <p className="text-sm text-ink-2">This revision has no rule: nothing is accelerated.</p>;
  return (
    <ol className="rounded-md border border-line">
      {rules.map((rule, index) => (
        <li key={rule.key} className="flex gap-3 border-b border-line px-3 py-2.5 last:border-b-0">
          <span aria-hidden className="num w-5 pt-0.5 text-right text-xs text-ink-3">
            {index + 1}
          </span>
          <RuleSummary rule={rule} names={names} />
        </li>
      ))}
    </ol>
  );
}
