import { policyRuleId } from '@longhaul/contracts';
import { compileRules } from './compile.js';
import { decide } from './decide.js';
import type { Fleet, FleetAgent, FleetSite } from './fleet.js';
import type { PolicyTest } from './policy-document.js';
import { hostPrefix, Prefix } from './prefix.js';
import type { ScopedPolicy } from './scoped-policy.js';

/** What policy tests are run against. */
export type TestedFleet = Pick<Fleet, 'organizationId' | 'sites' | 'agents' | 'policies'>;

/** What became of one test. */
export interface TestOutcome {
  /** That it is stored with. */
  readonly policy: ScopedPolicy;
  /** Its place among the policy's tests. */
  readonly index: number;
  readonly test: PolicyTest;
  readonly passed: boolean;
  /** In words, for people. */
  readonly actual: string;
}

/**
 * Runs the tests of all policies. Sites that have no agent yet are taken as if they had one: a test is about the policy,
 * not about who is there already.
 */
export const runPolicyTests = (fleet: TestedFleet): TestOutcome[] => {
  const tests = fleet.policies.flatMap((policy) =>
    policy.document.tests.map((test, index) => ({ policy, index, test })),
  );
  if (tests.length === 0) return [];
  const rules = compileRules({
    ...fleet,
    agents: [...fleet.agents, ...standIns(fleet)],
    links: [],
    presharedKeys: new Map(),
  });
  return tests.map((item) => ({ ...item, ...run(item.test, fleet.sites, rules) }));
};

const standIns = ({ sites, agents }: TestedFleet): FleetAgent[] => {
  const staffed = new Set(agents.map(({ siteId }) => siteId));
  return sites
    .filter(({ id }) => !staffed.has(id))
    .map(({ id }) => ({
      id,
      siteId: id,
      hostname: 'stand-in',
      tunnelPublicKey: '',
      tunnelPort: 1,
      endpoints: [],
    }));
};

const run = (
  test: PolicyTest,
  sites: readonly FleetSite[],
  rules: ReturnType<typeof compileRules>,
): { passed: boolean; actual: string } => {
  const site = siteOf(test.source, sites);
  if (site === undefined) return { passed: false, actual: `${test.source} is in no site's LAN prefixes` };
  const rule = decide(rules.get(site.id) ?? [], test);
  const action = rule?.action ?? 'none';
  const id = rule && policyRuleId(rule.id);
  const named = test.rule === null || test.rule === id || test.rule === rule?.name;
  return {
    passed: action === test.expect && named,
    actual: rule === undefined ? 'no rule matches' : `rule "${rule.name}" (${String(id)}) says ${action}`,
  };
};

const siteOf = (address: string, sites: readonly FleetSite[]): FleetSite | undefined => {
  const host = hostPrefix(address);
  return sites.find(({ lanPrefixes }) => lanPrefixes.some((text) => Prefix.parse(text).covers(host)));
};
