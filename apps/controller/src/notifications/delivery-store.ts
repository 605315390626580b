import type { WorkerDatabase } from '../database/worker-database.js';
import type { AttemptResult } from './attempt.js';
import { pauseAfter } from './backoff.js';

/** Longer than any attempt takes: what was claimed so long ago was claimed by a replica that is gone. In seconds. */
const LEASE_S = 120;
/** Of one organization, a replica has so many in hand at once: what hangs there keeps nobody else's waiting. */
export const MAX_PER_ORGANIZATION = 8;

/** A delivery whose attempt is in hand. */
export interface ClaimedDelivery {
  readonly organizationId: string;
  readonly id: string;
  readonly event: string;
  readonly webhookId: string | null;
  readonly email: string | null;
  readonly payload: unknown;
  /** That of this attempt: 1 or more. */
  readonly number: number;
  /** Since it was begun (anew), this one included. */
  readonly retries: number;
  readonly expiresAt: Date;
}

/** To whom a delivery goes. */
const targetOf = ({
  webhookId,
  email,
  organizationId,
}: Pick<ClaimedDelivery, 'webhookId' | 'email' | 'organizationId'>): string =>
  webhookId ?? `${organizationId} ${email ?? ''}`;

/**
 * Takes deliveries that are due, the oldest first, one for each target and no more than {@link MAX_PER_ORGANIZATION} for each
 * organization: a target that is slow keeps nobody else's waiting. Until the lease is over no other replica takes them;
 * what it began and did not finish is tried again then.
 *
 * @param inHand those that this replica tries already
 */
export const claimDeliveries = async (
  { prisma }: WorkerDatabase,
  limit: number,
  inHand: readonly ClaimedDelivery[],
): Promise<ClaimedDelivery[]> =>
  prisma.$queryRaw<ClaimedDelivery[]>`
    WITH due AS (
      SELECT DISTINCT ON (target) organization_id, id, due_at
      FROM (
        SELECT organization_id, id, due_at, coalesce(webhook_id::text, organization_id::text || ' ' || coalesce(email, '')) AS target
        FROM deliveries WHERE due_at <= now()
      ) AS waiting
      WHERE target <> ALL (${inHand.map(targetOf)}::text[])
      ORDER BY target, due_at
    ), placed AS (
      SELECT organization_id, id, due_at, row_number() OVER (PARTITION BY organization_id ORDER BY due_at)
        + (SELECT count(*) FROM unnest(${inHand.map(({ organizationId }) => organizationId)}::uuid[]) AS busy(id)
           WHERE busy.id = organization_id) AS place
      FROM due
    ), locked AS (
      SELECT d.organization_id, d.id FROM deliveries d
      JOIN (
        SELECT organization_id, id FROM placed
        WHERE place <= ${MAX_PER_ORGANIZATION}::int ORDER BY due_at LIMIT ${limit}::int
      ) AS first USING (organization_id, id)
      WHERE d.due_at <= now()
      FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE deliveries d
    SET attempts = d.attempts + 1, retries = d.retries + 1, due_at = now() + make_interval(secs => ${LEASE_S}::int)
    FROM locked l WHERE d.organization_id = l.organization_id AND d.id = l.id
    RETURNING d.organization_id AS "organizationId", d.id, d.event, d.webhook_id AS "webhookId", d.email, d.payload,
              d.attempts AS number, d.retries, d.expires_at AS "expiresAt"`;

/** Of what was answered and of what went wrong, so many characters are kept. */
const MAX_TEXT = 1000;

const cut = (text: string | null): string | null => text?.slice(0, MAX_TEXT) ?? null;

/** How an attempt ends a delivery, or when it is tried again. */
export const outcomeOf = (
  { retries, expiresAt }: Pick<ClaimedDelivery, 'retries' | 'expiresAt'>,
  { error, isFinal }: AttemptResult,
  now: Date,
  pauseMs = pauseAfter(retries),
): { state: 'PENDING' | 'DELIVERED' | 'FAILED'; dueAt: Date | null } => {
  if (error === null) return { state: 'DELIVERED', dueAt: null };
  const dueAt = new Date(now.getTime() + pauseMs);
  return isFinal || dueAt > expiresAt ? { state: 'FAILED', dueAt: null } : { state: 'PENDING', dueAt };
};

/** Writes an attempt down, and what follows from it. */
export const recordAttempt = async (
  database: WorkerDatabase,
  delivery: ClaimedDelivery,
  result: AttemptResult,
  { startedAt, now }: { startedAt: Date; now: Date },
): Promise<void> => {
  const { organizationId, id, number, retries } = delivery;
  const { state, dueAt } = outcomeOf(delivery, result, now);
  await database.transaction(async (tx) => {
    await tx.deliveryAttempt.create({
      data: {
        organizationId,
        deliveryId: id,
        number,
        at: startedAt,
        durationMs: now.getTime() - startedAt.getTime(),
        status: result.status,
        error: cut(result.error),
        response: cut(result.response),
      },
    });
    // One that was begun anew meanwhile goes on: it was claimed again, or has no retries yet.
    await tx.delivery.updateMany({
      where: { organizationId, id, attempts: number, retries },
      data: { state, dueAt, finishedAt: dueAt === null ? now : null },
    });
  });
};
