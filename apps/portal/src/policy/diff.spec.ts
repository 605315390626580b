import { describe, expect, it } from 'vitest';
import { diffRules, type RuleChange } from './diff.js';
import { draftReducer, toRules } from './draft.js';
import { draftOf, NAMES, storedDocument } from './testing.js';

const diff = (before: string[], now: string[]): RuleChange[] =>
  diffRules(toRules(storedDocument(...before)), toRules(storedDocument(...now)), NAMES);

const short = (changes: RuleChange[]): string[] =>
  changes.map((change) => {
    const moved =
      change.kind === 'changed' && change.movedFrom !== undefined ? ` from ${String(change.movedFrom)}` : '';
    return `${change.kind} ${change.rule.key} ${String(change.place)}${moved}`;
  });

describe('what changed in a policy', () => {
  it('is nothing when nothing did', () => {
    expect(diff(['a', 'b'], ['a', 'b'])).toEqual([]);
  });

  it('is one removal when the first of many rules is taken away', () => {
    expect(short(diff(['a', 'b', 'c', 'd'], ['b', 'c', 'd']))).toEqual(['removed a 1']);
  });

  it('is one move when one rule goes from the end to the front', () => {
    expect(short(diff(['a', 'b', 'c', 'd'], ['d', 'a', 'b', 'c']))).toEqual(['changed d 1 from 4']);
  });

  it('is one addition when a rule comes between others', () => {
    expect(short(diff(['a', 'b'], ['a', 'x', 'b']))).toEqual(['added x 2']);
  });

  it('takes all of it apart at once', () => {
    expect(short(diff(['a', 'b', 'c', 'd'], ['d', 'x', 'a', 'c']))).toEqual([
      'changed d 1 from 4',
      'added x 2',
      'removed b 2',
    ]);
  });

  it('names each field with what it was and what it becomes, in words', () => {
    const draft = draftOf(storedDocument('a'));
    const edited = draftReducer(draft, {
      type: 'edit',
      key: 'a',
      change: {
        application: 'smb',
        source: { siteIds: ['ny'], labels: ['dc'], prefixes: ['10.0.0.0/8'] },
        whenPeerDown: 'REFUSE',
      },
    });
    expect(diffRules(draft.base, edited.rules, NAMES)).toMatchObject([
      {
        kind: 'changed',
        fields: [
          { field: 'From', before: 'anywhere', after: 'New York, label dc, 10.0.0.0/8' },
          { field: 'Traffic', before: 'all TCP', after: 'Windows file sharing' },
          { field: 'When the peer is down', before: 'Go straight', after: 'Refuse' },
        ],
      },
    ]);
  });

  it('does not count a space at the end of a name', () => {
    const draft = draftOf(storedDocument('a'));
    const edited = draftReducer(draft, { type: 'edit', key: 'a', change: { name: 'Rule a ' } });
    expect(diffRules(draft.base, edited.rules, NAMES)).toEqual([]);
  });
});
