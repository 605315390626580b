import type { Transaction } from '../database/prisma.js';
import type { PolicyScope } from '../generated/prisma/enums.js';
import { policyDocumentSchema } from './policy-document.js';
import type { ScopedPolicy } from './scoped-policy.js';

interface Row {
  readonly id: string;
  readonly scope: PolicyScope;
  readonly target: string;
  readonly revision: number;
  readonly document: unknown;
}

/** Every policy of the organization that has a revision in force, with that revision. */
export const policiesInForce = async (tx: Transaction, organizationId: string): Promise<ScopedPolicy[]> => {
  const rows = await tx.$queryRaw<Row[]>`
    SELECT p.id, p.scope::text AS scope, p.target, r.revision, r.document
    FROM policies p
    JOIN policy_revisions r
      ON r.organization_id = p.organization_id AND r.policy_id = p.id AND r.revision = p.revision
    WHERE p.organization_id = ${organizationId}::uuid
    ORDER BY p.scope, p.target`;
  return rows.map((row) => ({ ...row, document: policyDocumentSchema.parse(row.document) }));
};
