import type { Principal } from '../auth/principal.js';
import type { Transaction } from '../database/prisma.js';
import type { Prisma } from '../generated/prisma/client.js';

/** Who did it; agents and the controller itself act too. */
export type Actor =
  | (Pick<Principal, 'kind' | 'id' | 'name' | 'origin'> & Partial<Pick<Principal, 'sessionId'>>)
  | {
      readonly kind: 'agent';
      readonly id: string;
      readonly name: string;
      readonly origin: string | undefined;
    }
  | { readonly kind: 'system'; readonly id?: undefined; readonly name: string; readonly origin?: undefined };

export interface AuditedChange {
  /** `site.create`, `policy.save`, … */
  readonly action: string;
  readonly targetId?: string;
  /** What it was and what it is; never a secret. */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Writes down a change, in the transaction that makes it. */
export const audit = async (
  tx: Transaction,
  organizationId: string,
  actor: Actor,
  { action, targetId, before, after }: AuditedChange,
): Promise<void> => {
  await tx.auditEvent.create({
    data: {
      organizationId,
      actorKind: actor.kind,
      actorId: actor.id ?? null,
      actorName: actor.name,
      origin: actor.origin ?? null,
      sessionId: 'sessionId' in actor ? (actor.sessionId ?? null) : null,
      action,
      targetId: targetId ?? null,
      ...(before === undefined ? {} : { before: toJson(before) }),
      ...(after === undefined ? {} : { after: toJson(after) }),
    },
  });
};

const toJson = (value: unknown): Prisma.InputJsonValue =>
  JSON.parse(JSON.stringify(value)) as Prisma.InputJsonValue;
