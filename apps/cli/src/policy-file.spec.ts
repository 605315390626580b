import { describe, expect, it } from '@jest/globals';
import type { ApiRule } from './operations.js';
import {
  formatPolicyFile,
  parsePolicyFile,
  toApiForwards,
  toApiRules,
  toApiTarget,
  toApiTests,
} from './policy-file.js';
import { lineOfField } from './yaml-lines.js';

const sites = [
  { id: '11111111-1111-4111-8111-111111111111', name: 'New York' },
  { id: '22222222-2222-4222-8222-222222222222', name: 'Chicago' },
];
const [newYork, chicago] = sites.map(({ id }) => id);

const rule = (over: Partial<ApiRule> = {}): ApiRule => ({
  id: 'rule-1',
  name: 'Live migration',
  priority: 100,
  enabled: true,
  source: { siteIds: [newYork ?? ''], labels: [], prefixes: [] },
  destination: { siteIds: [chicago ?? ''], labels: ['eu'], prefixes: ['10.0.0.0/8'] },
  application: null,
  ports: [
    { from: 6600, to: 6600 },
    { from: 8000, to: 8010 },
  ],
  action: 'ACCELERATE',
  compression: 'AUTO',
  class: 'BULK',
  weight: 10,
  whenPeerDown: 'PASS',
  rateLimitMbps: null,
  ...over,
});
const policyOf = (rules: ApiRule[]) => ({ rules, forwards: [], tests: [] });
const apply = (text: string, inForce: readonly ApiRule[]) =>
  toApiRules(parsePolicyFile(text, 'policy.yaml'), sites, inForce);

describe('the policy as a file', () => {
  it('names sites, leaves defaults out, and is the same policy when it comes back', () => {
    const rules = [
      rule(),
      rule({
        id: 'rule-2',
        name: 'No backups',
        action: 'DENY',
        enabled: false,
        ports: [],
        application: 'nfs',
      }),
      rule({ id: 'rule-3', name: 'Replication', rateLimitMbps: 12.5 }),
    ];
    const text = formatPolicyFile(7, policyOf(rules), sites);
    expect(text).toContain('- New York');
    expect(text).toContain('- 8000-8010');
    expect(text).not.toContain('whenPeerDown');
    expect(text).not.toContain('rule-1');
    expect(text.match(/rateLimitMbps: .*/g)).toEqual(['rateLimitMbps: 12.5']);
    expect(parsePolicyFile(text, 'policy.yaml').revision).toBe(7);
    expect(apply(text, rules)).toEqual(rules);
  });

  it('is JSON as well', () => {
    const text = '{"rules": [{"name": "a", "priority": 1, "action": "pass", "ports": [22, "80-81"]}]}';
    expect(apply(text, [])).toMatchObject([
      {
        ports: [
          { from: 22, to: 22 },
          { from: 80, to: 81 },
        ],
        action: 'PASS',
        weight: 10,
      },
    ]);
  });

  it('keeps the identity of a rule by its name, and by its id where names are not unique', () => {
    const twins = [rule({ id: 'a' }), rule({ id: 'b', weight: 20 })];
    expect(apply(formatPolicyFile(1, policyOf(twins), sites), twins)).toEqual(twins);
    const renamed = apply('rules: [{name: Other, priority: 1, action: pass}]', [rule()]);
    expect(renamed[0]).not.toHaveProperty('id');
    const doubled =
      'rules: [{name: Live migration, priority: 1, action: pass}, {name: Live migration, priority: 2, action: pass}]';
    expect(apply(doubled, [rule()]).map((each) => 'id' in each)).toEqual([true, false]);
  });

  it('holds a target, forwards and tests, and is the same when it comes back', () => {
    const forwards = [
      {
        name: 'db',
        siteId: newYork ?? '',
        listenAddress: '127.0.0.1',
        listenPort: 15432,
        destinationSiteId: chicago ?? '',
        targetAddress: '10.2.0.9',
        targetPort: 5432,
        compression: 'AUTO',
        class: 'BULK',
        weight: 20,
        whenPeerDown: 'PASS',
        rateLimitMbps: 0.5,
      },
    ];
    const tests = [
      { name: 't', source: '10.1.0.1', destination: '10.2.0.1', port: 445, expect: 'NONE', rule: null },
    ];
    const target = { site: 'Chicago' };
    const text = formatPolicyFile(3, { rules: [], forwards, tests }, sites, target);
    const file = parsePolicyFile(text, 'policy.yaml');
    expect(text).not.toContain('whenPeerDown');
    expect(toApiTarget(file.target, sites)).toEqual({ siteId: chicago });
    expect(toApiForwards(file, sites)).toEqual(forwards);
    expect(toApiTests(file)).toEqual(tests);
    const without = parsePolicyFile('rules: []', 'policy.yaml');
    expect([toApiForwards(without, sites), toApiTests(without)]).toEqual([undefined, undefined]);
  });

  it('points at the line, for what it finds itself and for what the controller does', () => {
    const text = [
      'rules:',
      '  - name: a',
      '    priority: 1',
      '    action: pass',
      '    ports:',
      '      - 80',
      '      - 90-80',
      '    source:',
      '      sites: [Boston]',
    ].join('\n');
    expect(() => parsePolicyFile(text, 'policy.yaml')).toThrow('policy.yaml:7: rules[0].ports[1]: ');
    expect(lineOfField(text, 'rules[0].source.siteIds[0]')).toBe(9);
    expect(lineOfField(text, 'rules[0].weight')).toBe(2);
    expect(lineOfField(text, 'forwards[3].name')).toBe(1);
  });

  it.each([
    ['rules: [{name: x, priority: 1, action: fly}]', 'rules[0].action'],
    ['rules: [{name: x, priority: 1, action: pass, ports: [0]}]', 'rules[0].ports[0]'],
    ['rules: [{name: x, priority: 1, action: pass, ports: ["90-80"]}]', 'the lower one first'],
    ['rules: [{name: x, priority: 1, action: pass, sourse: {}}]', 'sourse'],
    ['rules: [{name: x, priority: 1, action: pass, source: {sites: [Boston]}}]', 'there is no site "Boston"'],
    ['rules: {', 'policy.yaml'],
    ['', 'the file'],
  ])('refuses %j and says where', (text, where) => {
    expect(() => apply(text, [])).toThrow(where);
  });
});
