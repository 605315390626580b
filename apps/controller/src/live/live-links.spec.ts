import { linkRecord } from '../testing/telemetry-records.js';
import { LiveLinks, MAX_TUNNELS, type LinkIdOf } from './live-links.js';

const NOW_MS = Date.UTC(2026, 0, 1);
const known: LinkIdOf = (agentId, peerAgentId) => (peerAgentId.startsWith('peer') ? agentId : undefined);

test('peers that the model has no link to are not kept, however many an agent names', () => {
  const links = new LiveLinks();
  for (let i = 0; i < 10_000; i += 1) links.observe('a', linkRecord(`made up ${String(i)}`), NOW_MS, known);
  links.observe('a', linkRecord('peer'), NOW_MS, known);
  expect(links.size).toBe(1);
  expect(links.take(NOW_MS, known)).toMatchObject([{ linkId: 'a', peerAgentId: 'peer', state: 'up' }]);
});

test('a tunnel is down while nothing is heard of it, and forgotten with its link', () => {
  const links = new LiveLinks();
  links.observe('a', linkRecord('peer'), NOW_MS, known);
  expect(links.take(NOW_MS + 3_600_000, known)).toMatchObject([{ state: 'down', sentMbps: 0 }]);
  expect(links.take(NOW_MS + 3_600_000, () => undefined)).toEqual([]);
  expect(links.size).toBe(0);
});

test('there is a limit, and who was not heard of for longest gives way', () => {
  const links = new LiveLinks();
  for (let i = 0; i < MAX_TUNNELS; i += 1) links.observe('a', linkRecord(`peer ${String(i)}`), NOW_MS, known);
  links.observe('a', linkRecord('peer 0'), NOW_MS, known);
  links.observe('a', linkRecord('peer new'), NOW_MS, known);
  expect(links.size).toBe(MAX_TUNNELS);
  const peers = new Set(links.take(NOW_MS, known).map(({ peerAgentId }) => peerAgentId));
  expect(['peer 0', 'peer 1', 'peer new'].map((peer) => peers.has(peer))).toEqual([true, false, true]);
});
