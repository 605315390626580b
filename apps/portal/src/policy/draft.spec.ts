import { describe, expect, it } from 'vitest';
import { type Draft, type DraftAction, draftReducer, toInput, toRules } from './draft.js';
import { draftOf, storedDocument, storedRule } from './testing.js';

const after = (draft: Draft, ...actions: DraftAction[]): Draft => actions.reduce(draftReducer, draft);
const keys = ({ rules }: Draft): string[] => rules.map(({ key }) => key);

describe('editing the policy', () => {
  const draft = draftOf(storedDocument('a', 'b', 'c'), 4);

  it('puts rules in the order in which they are tried, whatever the order of the document', () => {
    const rules = [storedRule('late', 20), storedRule('first', 10), storedRule('later', 20)];
    expect(toRules({ rules }).map(({ key }) => key)).toEqual(['first', 'late', 'later']);
  });

  it('moves a rule by one, and not beyond the ends', () => {
    expect(keys(after(draft, { type: 'move', key: 'a', by: 1 }))).toEqual(['b', 'a', 'c']);
    expect(keys(after(draft, { type: 'move', key: 'a', by: -1 }))).toEqual(['a', 'b', 'c']);
    expect(keys(after(draft, { type: 'move', key: 'c', by: 1 }))).toEqual(['a', 'b', 'c']);
  });

  it('adds a rule at the end, open, under a key that no other has', () => {
    const added = after(draft, { type: 'add' }, { type: 'add' });
    expect(new Set(keys(added)).size).toBe(5);
    expect(added.openKey).toBe(keys(added).at(-1));
    expect(added.rules.at(-1)).toMatchObject({ saved: false, action: 'ACCELERATE', enabled: true });
  });

  it('puts a copy below its original, and does not give it the original’s id', () => {
    const copied = after(draft, { type: 'duplicate', key: 'a' });
    expect(copied.rules.map(({ name }) => name)).toEqual(['Rule a', 'Rule a (copy)', 'Rule b', 'Rule c']);
    expect(toInput(copied.rules)[1]).not.toHaveProperty('id');
  });

  it('edits one rule and leaves the others as they are', () => {
    const edited = after(draft, { type: 'edit', key: 'b', change: { enabled: false, weight: 50 } });
    expect(edited.rules[1]).toMatchObject({ enabled: false, weight: 50, name: 'Rule b' });
    expect(edited.rules[0]).toBe(draft.rules[0]);
  });

  it('discards every edit at once', () => {
    const edited = after(draft, { type: 'remove', key: 'a' }, { type: 'add' }, { type: 'discard' });
    expect(keys(edited)).toEqual(['a', 'b', 'c']);
  });

  it('goes on with the edits on top of what somebody else saved', () => {
    const rebased = after(
      draft,
      { type: 'remove', key: 'a' },
      { type: 'rebase', revision: 5, document: storedDocument('a', 'b', 'c', 'd') },
    );
    expect(rebased.baseRevision).toBe(5);
    expect(rebased.base).toHaveLength(4);
    expect(keys(rebased)).toEqual(['b', 'c']);
  });

  it('restores an older revision as an edit of the present one', () => {
    const restored = after(draft, { type: 'restore', revision: 2, document: storedDocument('a') });
    expect(restored).toMatchObject({ baseRevision: 4, message: 'Restore revision 2' });
    expect(keys(restored)).toEqual(['a']);
    expect(restored.base).toHaveLength(3);
  });

  it('sends places as priorities, ids of known rules only, and nothing that the controller does not take', () => {
    const sent = toInput(after(draft, { type: 'add' }, { type: 'move', key: 'c', by: -1 }).rules);
    expect(sent.map(({ id, priority }) => [id, priority])).toEqual([
      ['a', 10],
      ['c', 20],
      ['b', 30],
      [undefined, 40],
    ]);
    const stored = Object.keys(storedRule('x', 1));
    for (const rule of sent) expect(stored).toEqual(expect.arrayContaining(Object.keys(rule)));
  });
});
