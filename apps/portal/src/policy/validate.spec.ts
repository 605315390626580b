import { describe, expect, it } from 'vitest';
import { draftReducer, type Rule } from './draft.js';
import { draftOf, NAMES, storedDocument } from './testing.js';
import { problemsIn } from './validate.js';

function problemsAfter(change: Partial<Rule>): string[] {
  const draft = draftReducer(draftOf(storedDocument('a')), { type: 'edit', key: 'a', change });
  return problemsIn(draft.rules, NAMES).map(({ field }) => field);
}

const any = { siteIds: [], labels: [], prefixes: [] };

describe('what keeps a policy from being saved', () => {
  it('is nothing in a plain rule', () => {
    expect(problemsAfter({})).toEqual([]);
  });

  it.each<[string, Partial<Rule>]>([
    ['name', { name: '  ' }],
    ['name', { name: 'x'.repeat(101) }],
    ['weight', { weight: Number.NaN }],
    ['weight', { weight: 0 }],
    ['weight', { weight: 101 }],
    ['weight', { weight: 1.5 }],
    ['rateLimitMbps', { rateLimitMbps: 0 }],
    ['rateLimitMbps', { rateLimitMbps: 100_001 }],
    ['ports', { unreadPorts: '80-' }],
    ['source', { source: { ...any, prefixes: ['10.0.0.0/99'] } }],
    ['destination', { destination: { ...any, siteIds: ['Nowhere'] } }],
  ])('is a wrong %s: %o', (field, change) => {
    expect(problemsAfter(change)).toEqual([field]);
  });
});
