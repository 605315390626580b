import type { Transaction } from '../database/prisma.js';
import { OUTBOX_TOPICS } from '../outbox/topics.js';

/** What clients may watch; `access`: somebody's session, token or role. */
export const CHANGE_KINDS = ['agent', 'rollout', 'policy', 'access', 'alert'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** Things of one kind that were changed, or came, or went. It says nothing of what they are now. */
export interface Change {
  readonly kind: ChangeKind;
  readonly ids: readonly string[];
}

/** Has a change told to every replica once, and only if, the transaction is committed. */
export const noteChange = async (
  tx: Transaction,
  organizationId: string,
  kind: ChangeKind,
  subjectId: string,
): Promise<void> => noteChanges(tx, organizationId, kind, [subjectId]);

/** As {@link noteChange}, for many things at once. */
export const noteChanges = async (
  tx: Transaction,
  organizationId: string,
  kind: ChangeKind,
  subjectIds: readonly string[],
): Promise<void> => {
  if (subjectIds.length === 0) return;
  await tx.$executeRaw`
    INSERT INTO outbox (organization_id, topic, subject_id, payload)
    SELECT ${organizationId}::uuid, ${OUTBOX_TOPICS.changed}, id, jsonb_build_object('kind', ${kind}::text)
    FROM unnest(${[...subjectIds]}::uuid[]) AS changed(id)`;
};

/** Injects the {@link ChangeFeed}. */
export const CHANGE_FEED = Symbol('change feed');

/** Tells what was changed, wherever that was. */
export interface ChangeFeed {
  /** Calls `listener` for every change of the organization; returns how to stop that. */
  listen(organizationId: string, listener: (change: Change) => void): () => void;
}
