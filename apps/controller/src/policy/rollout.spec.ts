import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { eventually } from '../testing/eventually.js';
import { ConnectedPasses } from './connected-passes.js';
import { assessStage, LOST_AFTER_MS, type RolloutAgent } from './rollout-assessment.js';
import { isReached, planStages } from './rollout-stages.js';

const startedAt = new Date('2026-01-01T00:00:00Z');
const terms = { startedAt, soakMs: 60_000, confirmMs: 120_000, maxFailures: 0 };
const after = (milliseconds: number): Date => new Date(startedAt.getTime() + milliseconds);

const agent = (changes: Partial<RolloutAgent> = {}): RolloutAgent => ({
  id: 'a',
  hostname: 'edge',
  online: true,
  lastSeenAt: after(1000),
  desired: { epoch: 1, generation: 2, revision: 2 },
  applied: { ...answered(2, 'APPLIED'), policyRevision: 2 },
  ...changes,
});
const answered = (generation: number, outcome: 'APPLIED' | 'REJECTED' | 'REVERTED') => ({
  epoch: 1,
  generation,
  policyRevision: 1,
  outcome,
  error: outcome === 'APPLIED' ? null : 'no such interface',
  appliedAt: after(500),
});

test('a stage lasts its time, and until every connected agent has confirmed', () => {
  expect(assessStage([agent()], terms, after(59_000)).kind).toBe('wait');
  expect(assessStage([agent()], terms, after(60_000)).kind).toBe('advance');
  const old = agent({ applied: answered(1, 'APPLIED') });
  expect(assessStage([agent(), old], terms, after(61_000)).kind).toBe('wait');
  expect(assessStage([agent(), old], terms, after(121_000))).toEqual({
    kind: 'halt',
    reason: 'edge did not confirm within 120 s',
  });
});

test.each(['REJECTED', 'REVERTED'] as const)('one that %s its state halts it at once', (outcome) => {
  const verdict = assessStage([agent({ applied: answered(2, outcome) })], terms, after(1));
  expect(verdict).toEqual({ kind: 'halt', reason: `edge ${outcome.toLowerCase()} it (no such interface)` });
  expect(assessStage([agent({ applied: answered(1, outcome) })], terms, after(1)).kind).toBe('wait');
});

test('one that goes away afterwards is lost; one that was away before is not waited for', () => {
  const gone = agent({ online: false, lastSeenAt: after(5000) });
  expect(assessStage([gone], terms, after(6000)).kind).toBe('wait');
  expect(assessStage([gone], terms, after(5001 + LOST_AFTER_MS)).kind).toBe('halt');
  const away = agent({ online: false, lastSeenAt: after(-1), applied: answered(1, 'APPLIED') });
  expect(assessStage([away], terms, after(61_000)).kind).toBe('advance');
});

test('one that lost tunnels fails, and says to whom', () => {
  const lonely = agent({ lostLinks: ['hub', 'spare'] });
  expect(assessStage([agent(), lonely], terms, after(21_000))).toEqual({
    kind: 'halt',
    reason: 'edge lost its tunnel to hub, spare after it got it',
  });
  expect(assessStage([agent({ lostLinks: [] })], terms, after(61_000)).kind).toBe('advance');
});

test('as many may fail as it bears', () => {
  const failing = agent({ applied: answered(2, 'REJECTED') });
  expect(assessStage([failing, agent()], { ...terms, maxFailures: 1 }, after(61_000)).kind).toBe('advance');
  expect(assessStage([failing, failing], { ...terms, maxFailures: 1 }, after(61_000)).kind).toBe('halt');
});

test('stages only ever add sites, in about their share, and end with all', () => {
  const sites = Array.from({ length: 1000 }, (_, i) => ({
    id: `site ${String(i)}`,
    labels: i < 3 ? ['canary'] : [],
  }));
  const stages = planStages('canary', [10, 50]);
  const reached = stages.map((_, stage) =>
    sites.filter((site) => isReached({ id: 'r', stages, stage }, site)),
  );
  expect(reached[0]).toEqual(sites.slice(0, 3));
  for (const [index, set] of reached.entries()) {
    expect(set).toEqual(expect.arrayContaining(reached[index - 1] ?? []));
  }
  expect(reached[1]?.length).toBeGreaterThan(70);
  expect(reached[1]?.length).toBeLessThan(130);
  expect(reached[3]).toEqual(sites);
});

test('an organization that cannot be moved on holds up no other, and is logged once and not at each pass', async () => {
  const logged = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
  const moved: string[] = [];
  const passes = new ConnectedPasses('rollouts', { isUp: true }, 1, {
    list: () => Promise.resolve(['broken', 'sound'].map((organizationId) => ({ organizationId, id: '' }))),
    step: ({ organizationId }) => {
      if (organizationId === 'broken') return Promise.reject(new Error('no such row'));
      moved.push(organizationId);
      return Promise.resolve();
    },
  });
  passes.start();
  await eventually(() => moved.length >= 3);
  await passes.stop();
  expect(logged.mock.calls).toEqual([['rollouts of broken could not be moved on: Error: no such row']]);
  logged.mockRestore();
});
