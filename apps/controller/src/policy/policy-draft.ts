import { randomUUID } from 'node:crypto';
import { idSchema } from '@longhaul/contracts';
import { z } from 'zod';
import type { Transaction } from '../database/prisma.js';
import type { PolicyScope } from '../generated/prisma/enums.js';
import { ApiError, badInput, notFound, type InputProblem } from '../graphql/errors.js';
import { parseInput, requireId } from '../graphql/validation.js';
import { policiesInForce } from './policies-in-force.js';
import { labelSchema, policyDocumentSchema, type PolicyDocument } from './policy-document.js';
import { runPolicyTests, type TestedFleet, type TestOutcome } from './policy-tests.js';
import type { PolicyRuleInput, SavePolicyInput } from './policy.model.js';
import type { PolicyTargetInput } from './policy-scope.model.js';
import type { ScopedPolicy } from './scoped-policy.js';

/** Whose policy it is. */
export interface PolicyTarget {
  readonly scope: PolicyScope;
  /** The label of the site group, or the id of the site; empty for the organization. */
  readonly target: string;
}

/** A checked document, and the fleet as it is and as it would be. */
export interface PolicyDraft extends PolicyTarget {
  readonly document: PolicyDocument;
  /** In force, of the same scope; undefined when there is none. */
  readonly current: ScopedPolicy | undefined;
  readonly present: TestedFleet;
  readonly next: TestedFleet;
}

/** Of a policy that was never saved. */
export const EMPTY_DOCUMENT: PolicyDocument = { rules: [], forwards: [], tests: [] };

/** Stands for the number that a draft gets when it is saved. */
const UNSAVED = 0;

const targetSchema = z
  .object({ label: labelSchema.nullish(), siteId: idSchema.nullish() })
  .refine(({ label, siteId }) => !label || !siteId, 'give either a label or a site');

/** @throws ApiError BAD_INPUT */
export const parseTarget = (input: PolicyTargetInput | null | undefined): PolicyTarget => {
  const { label, siteId } = parseInput(targetSchema, input ?? {});
  if (label) return { scope: 'SITE_GROUP', target: label };
  return siteId ? { scope: 'SITE', target: siteId.toLowerCase() } : { scope: 'ORGANIZATION', target: '' };
};

/** What the target is called in the API. */
export const describeTarget = ({ scope, target }: PolicyTarget) => ({
  scope,
  label: scope === 'SITE_GROUP' ? target : null,
  siteId: scope === 'SITE' ? target : null,
});

/**
 * What an input would make of a policy, checked against the rest of the organization. Policy tests are not run yet.
 *
 * @throws ApiError BAD_INPUT with the path of every problem, NOT_FOUND
 */
export const draftPolicy = async (
  tx: Transaction,
  organizationId: string,
  input: Pick<SavePolicyInput, 'target' | 'rules' | 'forwards' | 'tests'>,
): Promise<PolicyDraft> => {
  const target = parseTarget(input.target);
  const policies = await policiesInForce(tx, organizationId);
  const isSame = (policy: PolicyTarget): boolean =>
    policy.scope === target.scope && policy.target === target.target;
  const current = policies.find(isSame);
  const document = parseInput(policyDocumentSchema, {
    rules: input.rules.map(withDefaults),
    forwards: input.forwards?.map(withoutNulls) ?? (current?.document ?? EMPTY_DOCUMENT).forwards,
    tests: input.tests?.map(withoutNulls) ?? (current?.document ?? EMPTY_DOCUMENT).tests,
  });
  const others = policies.filter((policy) => !isSame(policy));
  const present = { organizationId, policies, ...(await loadSitesAndAgents(tx, organizationId)) };
  if (target.scope === 'SITE' && !present.sites.some(({ id }) => id === target.target)) {
    throw notFound('site', requireId('site', target.target));
  }
  assertReferences(document, present, others);
  const drafted = { ...target, id: current?.id ?? '', revision: UNSAVED, document };
  return { ...target, document, current, present, next: { ...present, policies: [...others, drafted] } };
};

/** @throws ApiError POLICY_TEST_FAILED that names every test that does not hold */
export const assertTestsPass = ({ next }: PolicyDraft): void => {
  const failures = runPolicyTests(next).filter(({ passed }) => !passed);
  if (failures.length === 0) return;
  throw new ApiError(
    'POLICY_TEST_FAILED',
    `${failures.map(describeFailure).join('; ')}. Change the rules, or the test if it is out of date.`,
    {
      failures: failures.map(({ policy, index, test, actual }) => ({
        ...describeTarget(policy),
        path: `tests[${String(index)}]`,
        name: test.name,
        expected: test.expect,
        rule: test.rule,
        actual,
      })),
    },
  );
};

const describeFailure = ({ test, actual }: TestOutcome): string => {
  const by = test.rule === null ? '' : ` by the rule "${test.rule}"`;
  return `the policy test "${test.name}" fails: ${test.source} to ${test.destination}:${String(test.port)} must be "${test.expect}"${by}, but ${actual}`;
};

const loadSitesAndAgents = async (tx: Transaction, organizationId: string) => ({
  sites: await tx.site.findMany({ where: { organizationId }, orderBy: { id: 'asc' } }),
  agents: await tx.agent.findMany({
    where: { organizationId, state: 'APPROVED' },
    orderBy: [{ enrolledAt: 'asc' }, { id: 'asc' }],
  }),
});

/** What a client left out or set to null takes its default; the rest is checked as it is. */
const withDefaults = (rule: PolicyRuleInput): Record<string, unknown> => ({
  ...withoutNulls(rule),
  id: rule.id ?? randomUUID(),
  source: withoutNulls(rule.source ?? {}),
  destination: withoutNulls(rule.destination ?? {}),
});

const withoutNulls = (value: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null && member !== undefined));

/** Sites have to exist, and an id belongs to one rule of the whole organization, or flows would not say which. */
const assertReferences = (
  { rules, forwards }: PolicyDocument,
  { sites }: TestedFleet,
  others: readonly ScopedPolicy[],
): void => {
  const known = new Set(sites.map(({ id }) => id));
  const unknown = (path: string, id: string): InputProblem[] =>
    known.has(id)
      ? []
      : [{ path, code: 'UNKNOWN_SITE', message: `is no site: ${id}; "sites" lists what there is` }];
  const taken = new Set(others.flatMap(({ document }) => document.rules.map(({ id }) => id)));
  const problems = [
    ...rules.flatMap(({ id, source, destination }, index) => [
      ...Object.entries({ source, destination }).flatMap(([side, { siteIds }]) =>
        siteIds.flatMap((siteId, position) =>
          unknown(`rules[${String(index)}].${side}.siteIds[${String(position)}]`, siteId),
        ),
      ),
      ...(taken.has(id)
        ? [
            {
              path: `rules[${String(index)}].id`,
              code: 'DUPLICATE',
              message: `"${id}" is a rule of another policy: leave the id out, or choose another`,
            },
          ]
        : []),
    ]),
    ...forwards.flatMap(({ siteId, destinationSiteId }, index) => [
      ...unknown(`forwards[${String(index)}].siteId`, siteId),
      ...unknown(`forwards[${String(index)}].destinationSiteId`, destinationSiteId),
    ]),
  ];
  if (problems.length > 0) throw badInput(problems);
};
