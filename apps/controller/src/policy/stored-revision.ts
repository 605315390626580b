import { defineLoader, indexBy } from '../graphql/loader.js';
import { policyDocumentSchema, type PolicyDocument } from './policy-document.js';
import type { PolicyRevision } from './policy.model.js';

/** A revision with its document. */
export interface StoredRevision extends PolicyRevision {
  readonly document: PolicyDocument;
}

/** As the database has it. */
export interface RevisionRow extends PolicyRevision {
  readonly document: unknown;
}

export const toRevision = (row: RevisionRow): StoredRevision => ({
  revision: row.revision,
  sha256: row.sha256,
  message: row.message,
  author: row.author,
  createdAt: row.createdAt,
  document: policyDocumentSchema.parse(row.document),
});

/** Revisions by their number. */
export const revisionLoader = defineLoader(async ({ tx, organizationId, keys }) => {
  const revisions = await tx.policyRevision.findMany({
    where: { organizationId, revision: { in: keys.map(Number) } },
  });
  return indexBy(revisions.map(toRevision), ({ revision }) => String(revision));
});
