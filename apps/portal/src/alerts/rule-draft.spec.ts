import { describe, expect, it } from 'vitest';
import type { AlertRule } from '../api/schema.js';
import { describeTerms, wholeDuration, worstFirst } from './kinds.js';
import { draftOf, emailProblem, newDraft, problemsOf, settingsOf, withKind } from './rule-draft.js';

const rule: AlertRule = {
  id: 'r',
  name: 'Lossy',
  kind: 'LINK_LOSS',
  enabled: true,
  severity: 'WARNING',
  siteLabel: null,
  site: { id: 's', name: 'Ghent' },
  threshold: 2,
  clearThreshold: 1,
  unit: '%',
  forSeconds: 90,
  clearForSeconds: 0,
  repeatSeconds: 3600,
  emails: ['noc@example.com'],
  webhooks: [{ id: 'w', name: 'On call', enabled: true }],
  silencedUntil: null,
};

describe('a rule that is edited', () => {
  it('is saved as it was when nothing was changed', () => {
    expect(settingsOf(draftOf(rule))).toEqual({
      severity: 'WARNING',
      siteLabel: null,
      siteId: 's',
      threshold: 2,
      clearThreshold: 1,
      forSeconds: 90,
      clearForSeconds: 0,
      repeatSeconds: 3600,
      webhookIds: ['w'],
      emails: ['noc@example.com'],
    });
    expect(problemsOf(draftOf(rule))).toEqual({});
  });

  it('has no thresholds where it holds or does not', () => {
    const settings = settingsOf(withKind({ ...newDraft(), name: 'Down' }, 'AGENT_DOWN'));
    expect(settings).not.toHaveProperty('threshold');
    expect(settings).toMatchObject({ severity: 'CRITICAL', forSeconds: 120 });
  });

  it('takes the usual terms of another kind, and keeps what was said besides', () => {
    const draft = withKind({ ...newDraft(), name: 'Mine', emails: ['a@b.example'] }, 'LINK_RTT');
    expect(draft).toMatchObject({ name: 'Mine', threshold: 500, emails: ['a@b.example'] });
  });

  it.each([
    [{ name: ' ' }, 'name'],
    [{ threshold: NaN }, 'threshold'],
    [{ threshold: 0 }, 'threshold'],
    [{ threshold: 101 }, 'threshold'],
    [{ clearThreshold: 3 }, 'clearThreshold'],
    [{ clearThreshold: NaN }, 'clearThreshold'],
    [{ forMinutes: -1 }, 'forMinutes'],
    [{ clearForMinutes: 1441 }, 'clearForMinutes'],
    [{ repeatHours: 0 }, 'repeatHours'],
    [{ emails: ['nobody'] }, 'emails'],
  ])('%j is not saved', (change, field) => {
    expect(Object.keys(problemsOf({ ...draftOf(rule), ...change }))).toEqual([field]);
  });
});

it('says its terms in words', () => {
  expect(describeTerms(rule)).toBe('2 % or more for 90 s; over at 1 % at once');
  expect(describeTerms({ ...rule, kind: 'DRIFT', forSeconds: 300, clearForSeconds: 60 })).toBe(
    'for 5 min; over when away for 1 min',
  );
  expect([0, 60, 3600, 86_400, 5400].map(wholeDuration)).toEqual(['0 s', '1 min', '1 h', '1 d', '90 min']);
});

it('shows the worst first, and equals as they came', () => {
  const alerts = (['INFO', 'CRITICAL', 'WARNING', 'CRITICAL'] as const).map((severity, id) => ({
    severity,
    id,
  }));
  expect(worstFirst(alerts).map(({ id }) => id)).toEqual([1, 3, 2, 0]);
});

it('knows an address when it sees one', () => {
  expect(emailProblem('noc@example.com')).toBeUndefined();
  for (const text of ['noc', 'noc@example', '@example.com', 'a b@example.com'])
    expect(emailProblem(text)).toBeDefined();
});
