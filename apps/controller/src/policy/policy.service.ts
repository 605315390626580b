import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { noteChange } from '../changes/change.js';
import type { Transaction } from '../database/prisma.js';
import { ApiError, notFound } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput, requireId } from '../graphql/validation.js';
import { siteLoader } from '../sites/site.loader.js';
import { DesiredStateCompiler } from './desired-state-compiler.js';
import { policiesInForce } from './policies-in-force.js';
import { canonicalSha256, policyDocumentSchema } from './policy-document.js';
import { assertTestsPass, describeTarget, draftPolicy, parseTarget } from './policy-draft.js';
import type { PolicyTargetInput } from './policy-scope.model.js';
import { RolloutService } from './rollout.service.js';
import type { EffectivePolicy, Policy, RollbackPolicyInput, SavePolicyInput } from './policy.model.js';
import { revisionLoader, toRevision, type RevisionRow, type StoredRevision } from './stored-revision.js';
import { effectiveForwards, effectiveRules, isInScope, newestRevision } from './scoped-policy.js';
import { assertFleetFits } from './state-limits.js';

const savePolicySchema = z.object({
  expectedRevision: z.int().min(1).nullish(),
  message: z.string().trim().max(500, 'must have at most 500 characters'),
});

@Injectable()
export class PolicyService {
  constructor(
    private readonly compiler: DesiredStateCompiler,
    private readonly rollouts: RolloutService,
  ) {}

  /** The policy of one target, as it is in force; one that was never saved has no revision. */
  async find(context: RequestContext, input: PolicyTargetInput | null | undefined): Promise<Policy> {
    const { organizationId } = context;
    const target = parseTarget(input);
    const where = { organizationId_scope_target: { organizationId, ...target } };
    const policy = await context.read((tx) => tx.policy.findUnique({ where }));
    return { id: policy?.id ?? '', revision: policy?.revision ?? null, ...describeTarget(target) };
  }

  /** @throws ApiError NOT_FOUND */
  async effective(context: RequestContext, siteId: string): Promise<EffectivePolicy> {
    const site = await context.loader(siteLoader).load(requireId('site', siteId));
    if (site === undefined) throw notFound('site', siteId);
    const policies = await context.read((tx) => policiesInForce(tx, context.organizationId));
    return {
      revision: newestRevision(policies.filter((policy) => isInScope(policy, site))),
      rules: effectiveRules(policies, site).map(({ rule, policy }) => ({
        rule,
        revision: policy.revision,
        ...describeTarget(policy),
      })),
      forwards: effectiveForwards(policies, site),
    };
  }

  async revision(context: RequestContext, revision: number): Promise<StoredRevision | null> {
    return (await context.loader(revisionLoader).load(String(revision))) ?? null;
  }

  /**
   * Saves a revision: with it, in one transaction, the desired states that follow from it, the audit event and what has
   * to be delivered. A document that is in force already makes no new revision.
   *
   * @throws ApiError BAD_INPUT, CONFLICT
   */
  async save(context: RequestContext, input: SavePolicyInput): Promise<StoredRevision> {
    return context.write((tx) => this.saveWithin(tx, context, input));
  }

  /** Saves what an earlier revision says as a new one. @throws ApiError as {@link save}, NOT_FOUND */
  async rollback(context: RequestContext, input: RollbackPolicyInput): Promise<StoredRevision> {
    const { organizationId } = context;
    return context.write(async (tx) => {
      const row = await tx.policyRevision.findFirst({
        where: { organizationId, revision: input.revision },
        include: { policy: true },
      });
      if (row === null) throw notFound('policy revision', String(input.revision));
      const { label, siteId } = describeTarget(row.policy);
      const { message, expectedRevision, rollout } = input;
      const document = policyDocumentSchema.parse(row.document);
      return this.saveWithin(tx, context, {
        target: { label, siteId },
        message,
        expectedRevision,
        rollout,
        ...document,
      });
    });
  }

  private async saveWithin(
    tx: Transaction,
    context: RequestContext,
    input: SavePolicyInput,
  ): Promise<StoredRevision> {
    const { expectedRevision, message } = parseInput(savePolicySchema, input);
    const { organizationId, principal } = context;
    await this.compiler.lock(tx, organizationId);
    await this.rollouts.assertNoneActive(tx, organizationId);
    const target = parseTarget(input.target);
    const policy = await tx.policy.upsert({
      where: { organizationId_scope_target: { organizationId, ...target } },
      create: { organizationId, ...target },
      update: {},
    });
    assertExpected(policy.revision, expectedRevision ?? null);
    const draft = await draftPolicy(tx, organizationId, input);
    assertTestsPass(draft);
    // Those that its first stage does not reach would be refused later.
    if (input.rollout) assertFleetFits(draft.next);
    const { document } = draft;
    const sha256 = canonicalSha256(document);
    const current = await findRevision(tx, policy);
    if (current?.sha256 === sha256) return toRevision(current);
    const revision = await nextRevision(tx, organizationId);
    const saved = await tx.policyRevision.create({
      data: {
        organizationId,
        policyId: policy.id,
        revision,
        document,
        sha256,
        message,
        author: principal.name,
        authorId: principal.userId,
      },
    });
    const where = { organizationId_id: { organizationId, id: policy.id } };
    if (input.rollout) {
      const baseRevision = policy.revision;
      await this.rollouts.begin(
        tx,
        { organizationId, policyId: policy.id, revision, baseRevision, author: principal.name },
        input.rollout,
      );
    } else {
      await tx.policy.update({ where, data: { revision } });
      await noteChange(tx, organizationId, 'policy', policy.id);
    }
    await audit(tx, organizationId, principal, {
      action: 'policy.save',
      targetId: policy.id,
      before: current && { revision: current.revision, sha256: current.sha256 },
      after: { ...target, revision, sha256, message },
    });
    await this.compiler.recompile(tx, organizationId);
    return toRevision(saved);
  }
}

const assertExpected = (current: number | null, expected: number | null): void => {
  if (current === expected) return;
  const [inForce, basis] = [current, expected].map((revision) =>
    revision === null ? 'no revision' : `revision ${String(revision)}`,
  );
  throw new ApiError(
    'CONFLICT',
    `Somebody else saved the policy: ${String(inForce)} is in force, this edit began with ${String(basis)}. Load the policy again and repeat the edit.`,
    { currentRevision: current },
  );
};

const nextRevision = async (tx: Transaction, organizationId: string): Promise<number> => {
  const { _max } = await tx.policyRevision.aggregate({ where: { organizationId }, _max: { revision: true } });
  return (_max.revision ?? 0) + 1;
};

const findRevision = async (
  tx: Transaction,
  policy: { organizationId: string; id: string; revision: number | null },
): Promise<RevisionRow | null> => {
  const { organizationId, id: policyId, revision } = policy;
  if (revision === null) return null;
  return tx.policyRevision.findUnique({
    where: { organizationId_policyId_revision: { organizationId, policyId, revision } },
  });
};
