import { describe, expect, it } from 'vitest';
import type { EnrolAgent } from './enrol.documents.js';
import { arrivals } from './progress.js';
import { tokenStatus } from './token-status.js';

const MADE = '2026-01-01T12:00:00.000Z';
const token = { siteId: 'ny', createdAt: MADE };

function agent(change: Partial<EnrolAgent>): EnrolAgent {
  return {
    id: 'a',
    hostname: 'edge',
    state: 'APPROVED',
    version: null,
    online: false,
    lastSeenAt: null,
    desiredGeneration: 1,
    appliedGeneration: 0,
    outcome: null,
    error: null,
    enrolledAt: '2026-01-01T12:00:05.000Z',
    site: { id: 'ny', name: 'New York' },
    ...change,
  };
}

describe('agents that come with a token', () => {
  const steps = (given: EnrolAgent, known: string[] = []): string[] =>
    arrivals([given], token, new Set(known)).map(({ step }) => step);

  it('are none of another site, and none that were there before', () => {
    expect(steps(agent({ site: { id: 'sin', name: 'Singapore' } }))).toEqual([]);
    expect(steps(agent({ enrolledAt: '2025-12-31T00:00:00.000Z' }), ['a'])).toEqual([]);
  });

  it('are also those that enrol again', () => {
    expect(steps(agent({}), ['a'])).toEqual(['approved']);
  });

  it('go from pending to running', () => {
    expect(steps(agent({ state: 'PENDING' }))).toEqual(['pending']);
    expect(steps(agent({}))).toEqual(['approved']);
    expect(steps(agent({ online: true }))).toEqual(['online']);
    expect(steps(agent({ online: true, appliedGeneration: 1, outcome: 'APPLIED' }))).toEqual(['running']);
  });

  it('do not count as running before they were given anything', () => {
    expect(steps(agent({ online: true, desiredGeneration: 0, appliedGeneration: 0 }))).toEqual(['online']);
  });

  it('fail in sight', () => {
    expect(steps(agent({ online: true, outcome: 'REJECTED', error: 'no' }))).toEqual(['failed']);
    expect(steps(agent({ state: 'REVOKED' }))).toEqual(['failed']);
  });
});

describe('what a token is worth', () => {
  const now = Date.parse(MADE);
  const usable = { revokedAt: null, expiresAt: '2026-01-01T13:00:00.000Z', uses: 0, maxUses: 1 };

  it('is told by the clock, not by when the list was read', () => {
    expect(tokenStatus(usable, now)).toBe('usable');
    expect(tokenStatus(usable, now + 3_600_000)).toBe('expired');
  });

  it('ends with its uses and with its revocation', () => {
    expect(tokenStatus({ ...usable, uses: 1 }, now)).toBe('used up');
    expect(tokenStatus({ ...usable, uses: 1, revokedAt: MADE }, now)).toBe('revoked');
  });
});
