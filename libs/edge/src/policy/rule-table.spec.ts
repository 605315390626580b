import { RuleTable } from './rule-table.js';

const TREATMENT = {
  peerId: 'peer',
  class: 'bulk',
  weight: 1,
  compression: 'auto',
  whenPeerDown: 'pass',
} as const;

const TABLE = new RuleTable([
  { id: 'backup', action: 'pass', sources: ['10.0.9.0/24'], destinations: [], ports: [] },
  {
    id: 'database',
    action: 'deny',
    sources: [],
    destinations: ['10.1.5.0/24'],
    ports: [{ from: 5432, to: 5432 }],
  },
  {
    id: 'site',
    action: 'accelerate',
    sources: [],
    destinations: ['10.1.0.0/16', 'fd00::/16'],
    ports: [],
    treatment: TREATMENT,
  },
]);

it.each([
  ['10.0.9.7', '10.1.5.1', 5432, 'backup'],
  ['10.0.1.1', '10.1.5.1', 5432, 'database'],
  ['10.0.1.1', '10.1.5.1', 5433, 'site'],
  ['::ffff:10.0.1.1', '10.1.5.1', 5432, 'database'],
  ['fd00:5::1', 'fd00:7::1', 80, 'site'],
  ['10.0.1.1', '10.2.0.1', 80, undefined],
])('the first rule that selects %s to %s port %d decides: %s', (source, address, port, expected) => {
  expect(TABLE.decide(source, { address, port })?.id).toBe(expected);
});
