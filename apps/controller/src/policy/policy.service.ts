import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import type { Transaction } from '../database/prisma.js';
import { ApiError, badInput, type InputProblem } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput } from '../graphql/validation.js';
import { DesiredStateCompiler } from './desired-state-compiler.js';
import { canonicalSha256, policyDocumentSchema, type PolicyDocument } from './policy-document.js';
import type { Policy, PolicyRevision, PolicyRuleInput, SavePolicyInput } from './policy.model.js';

/** `revisions` shows no more than these; older ones are asked for by number. */
const MAX_REVISIONS = 200;

const savePolicySchema = z.object({
  expectedRevision: z.int().min(1).nullish(),
  message: z.string().trim().max(500, 'must have at most 500 characters'),
});

/** A revision with its document. */
export interface StoredRevision extends PolicyRevision {
  readonly document: PolicyDocument;
}

@Injectable()
export class PolicyService {
  constructor(private readonly compiler: DesiredStateCompiler) {}

  async find(context: RequestContext): Promise<Policy> {
    const { organizationId } = context;
    const policy = await context.read((tx) => tx.policy.findUnique({ where: { organizationId } }));
    return policy ?? { id: '', revision: null };
  }

  async revision(context: RequestContext, revision: number): Promise<StoredRevision | null> {
    const { organizationId } = context;
    const row = await context.read((tx) =>
      tx.policyRevision.findFirst({ where: { organizationId, revision } }),
    );
    return row && toRevision(row);
  }

  async revisions(context: RequestContext): Promise<StoredRevision[]> {
    const { organizationId } = context;
    const rows = await context.read((tx) =>
      tx.policyRevision.findMany({
        where: { organizationId },
        orderBy: { revision: 'desc' },
        take: MAX_REVISIONS,
      }),
    );
    return rows.map(toRevision);
  }

  /**
   * Saves a revision: with it, in one transaction, the desired states that follow from it, the audit event and what has
   * to be delivered. A document that is in force already makes no new revision.
   *
   * @throws ApiError BAD_INPUT, CONFLICT
   */
  async save(context: RequestContext, input: SavePolicyInput): Promise<StoredRevision> {
    const { expectedRevision, message } = parseInput(savePolicySchema, input);
    const document = parseInput(policyDocumentSchema, { rules: input.rules.map(withDefaults) });
    const sha256 = canonicalSha256(document);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await this.compiler.lock(tx, organizationId);
      const policy = await tx.policy.upsert({
        where: { organizationId },
        create: { organizationId },
        update: {},
      });
      assertExpected(policy.revision, expectedRevision ?? null);
      await assertSitesExist(tx, organizationId, document);
      const current = await findRevision(tx, policy);
      if (current?.sha256 === sha256) return toRevision(current);
      const revision = (policy.revision ?? 0) + 1;
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
      await tx.policy.update({
        where: { organizationId_id: { organizationId, id: policy.id } },
        data: { revision },
      });
      await audit(tx, organizationId, principal, {
        action: 'policy.save',
        targetId: policy.id,
        before: current && { revision: current.revision, sha256: current.sha256 },
        after: { revision, sha256, message },
      });
      await this.compiler.recompile(tx, organizationId);
      return toRevision(saved);
    });
  }
}

/** What a client left out or set to null takes its default; the rest is checked as it is. */
const withDefaults = (rule: PolicyRuleInput): Record<string, unknown> => {
  const given = Object.fromEntries(
    Object.entries(rule).filter(([, value]) => value !== null && value !== undefined),
  );
  return {
    ...given,
    id: rule.id ?? randomUUID(),
    source: withoutNulls(rule.source ?? {}),
    destination: withoutNulls(rule.destination ?? {}),
  };
};

const withoutNulls = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));

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

const assertSitesExist = async (
  tx: Transaction,
  organizationId: string,
  { rules }: PolicyDocument,
): Promise<void> => {
  const sites = await tx.site.findMany({ where: { organizationId }, select: { id: true } });
  const known = new Set(sites.map(({ id }) => id));
  const problems = rules.flatMap(({ source, destination }, index) =>
    Object.entries({ source, destination }).flatMap(([side, { siteIds }]) =>
      siteIds.flatMap((id, position): InputProblem[] =>
        known.has(id)
          ? []
          : [
              {
                path: `rules[${String(index)}].${side}.siteIds[${String(position)}]`,
                message: `is no site: ${id}`,
              },
            ],
      ),
    ),
  );
  if (problems.length > 0) throw badInput(problems);
};

interface RevisionRow extends PolicyRevision {
  readonly document: unknown;
}

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

const toRevision = (row: RevisionRow): StoredRevision => ({
  revision: row.revision,
  sha256: row.sha256,
  message: row.message,
  author: row.author,
  createdAt: row.createdAt,
  document: policyDocumentSchema.parse(row.document),
});
