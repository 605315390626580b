import { describe, expect, it } from 'vitest';
import type { AgentApplication } from '../api/schema.js';
import { applicationState } from './application-state.js';

function application(change: Partial<AgentApplication>, online = true): AgentApplication {
  const agent = { id: 'a', hostname: 'edge', online, site: { id: 's', name: 'Site' } };
  return { agent, desiredRevision: 3, appliedRevision: 3, outcome: 'APPLIED', error: null, ...change };
}

describe('where an agent stands with the saved revision', () => {
  it.each<[string, AgentApplication]>([
    ['applied', application({})],
    ['applied', application({}, false)],
    ['waiting', application({ appliedRevision: 2 })],
    ['waiting', application({ desiredRevision: 2, appliedRevision: 2 })],
    ['waiting', application({ appliedRevision: null, outcome: null })],
    ['offline', application({ appliedRevision: 2 }, false)],
    ['rejected', application({ appliedRevision: 2, outcome: 'REJECTED' })],
    ['reverted', application({ appliedRevision: 2, outcome: 'REVERTED' })],
  ])('is “%s”', (state, given) => {
    expect(applicationState(given, 3)).toBe(state);
  });
});
