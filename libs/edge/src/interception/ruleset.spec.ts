import { spawnSync } from 'node:child_process';
import type { FlowRule } from '../policy/state.js';
import { redirectRuleset } from './ruleset.js';

const TREATMENT = {
  peerId: 'peer',
  class: 'bulk',
  weight: 1,
  compression: 'auto',
  whenPeerDown: 'pass',
} as const;

const RULES: readonly FlowRule[] = [
  {
    id: 'overlapping',
    action: 'accelerate',
    sources: ['10.0.0.0/8', '10.1.0.0/16', 'fd00::/8'],
    destinations: ['10.2.0.0/16', '10.2.3.4/32', 'fd00:2::/32'],
    ports: [
      { from: 80, to: 90 },
      { from: 85, to: 100 },
      { from: 22, to: 22 },
      { from: 101, to: 101 },
    ],
    treatment: TREATMENT,
  },
  { id: 'everything', action: 'pass', sources: [], destinations: [], ports: [] },
  { id: 'one family', action: 'deny', sources: ['10.0.0.1/32'], destinations: ['fd00::1/128'], ports: [] },
];

function selectRules(): string[] {
  const ruleset = redirectRuleset('longhaul_test', RULES, () => 4711, [{ address: 'fd00::99', port: 8443 }]);
  return ruleset
    .split('\n')
    .filter((line) => line.startsWith('add rule inet longhaul_test select'))
    .map((line) => line.replace('add rule inet longhaul_test select ', ''));
}

it('what overlaps is joined, and each family has its own rule, in the order of the policy', () => {
  expect(selectRules().slice(-4)).toEqual([
    'ip saddr { 10.0.0.0/8 } ip daddr { 10.2.0.0/16 } tcp dport { 22, 80-101 } redirect to :4711',
    'ip6 saddr { fd00:0:0:0:0:0:0:0/8 } ip6 daddr { fd00:2:0:0:0:0:0:0/32 } tcp dport { 22, 80-101 } redirect to :4711',
    'ip saddr 0.0.0.0/0 ip daddr 0.0.0.0/0 tcp dport 1-65535 accept',
    'ip6 saddr ::/0 ip6 daddr ::/0 tcp dport 1-65535 accept',
  ]);
});

it('each peer’s connections go to its port, those that are denied to the port of none', () => {
  const to = (peerId: string): FlowRule => ({
    ...RULES[0],
    id: peerId,
    action: 'accelerate',
    treatment: { ...TREATMENT, peerId },
  });
  const ports: Record<string, number> = { b: 5001, c: 5002, none: 5000 };
  const rules = [to('b'), to('c'), { ...RULES[2], sources: [] }];
  const ruleset = redirectRuleset('t', rules, (peerId) => ports[peerId ?? 'none'], []);
  expect(
    [...ruleset.matchAll(/^add rule inet t select (ip6?) .* redirect to :(\d+)$/gm)].map((m) => m.slice(1)),
  ).toEqual([
    ['ip', '5001'],
    ['ip6', '5001'],
    ['ip', '5002'],
    ['ip6', '5002'],
    ['ip6', '5000'],
  ]);
});

it('the agent’s own connections, this machine and the controller come first', () => {
  expect(selectRules().slice(0, 5)).toEqual([
    'meta mark 19528 return',
    'fib daddr type { local, broadcast, multicast } return',
    'ip daddr 127.0.0.0/8 return',
    'ip6 daddr ::1 return',
    'ip6 daddr fd00::99 tcp dport 8443 return',
  ]);
});

const namespaces = spawnSync('unshare', ['-Urn', 'nft', 'list', 'tables']).status === 0;

(namespaces ? it : it.skip)('nftables takes it', () => {
  const many = Array.from({ length: 50 }, (_, index): FlowRule => ({ ...RULES[0], id: `rule ${index}` }));
  const input = redirectRuleset('longhaul_test', [...RULES, ...many], () => 4711, []);
  const { status, stderr } = spawnSync('unshare', ['-Urn', 'nft', '--check', '--file', '-'], {
    input,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
