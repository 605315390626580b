import { isPrefix } from '../lib/address.js';
import type { Rule } from './draft.js';

export interface Problem {
  key: string;
  field: 'name' | 'weight' | 'source' | 'destination';
  message: string;
}

function problemsOf(rule: Rule): Omit<Problem, 'key'>[] {
  const problems: Omit<Problem, 'key'>[] = [];
  const name = rule.name.trim();
  if (name === '') problems.push({ field: 'name', message: 'Give the rule a name.' });
  if (name.length > 200) problems.push({ field: 'name', message: 'A name has at most 200 characters.' });
  if (!Number.isInteger(rule.weight) || rule.weight < 1 || rule.weight > 100) {
    problems.push({ field: 'weight', message: 'A whole number from 1 to 100.' });
  }
  for (const field of ['source', 'destination'] as const) {
    const wrong = rule[field].prefixes.find((prefix) => !isPrefix(prefix));
    if (wrong !== undefined)
      problems.push({ field, message: `“${wrong}” is not an address block such as 10.1.0.0/16.` });
  }
  return problems;
}

/** What has to be put right before a save. The controller checks again, and more. */
export const problemsIn = (rules: readonly Rule[]): Problem[] =>
  rules.flatMap((rule) => problemsOf(rule).map((problem) => ({ key: rule.key, ...problem })));
