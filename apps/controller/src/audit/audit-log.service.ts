import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { AuditEvent as AuditEventRow, Prisma } from '../generated/prisma/client.js';
import { ApiError } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput } from '../graphql/validation.js';
import type { AuditEvent, AuditEventConnection, AuditEventFilter } from './audit-event.model.js';

const MAX_PAGE = 500;
const MAX_ACTIONS = 50;

const pageSchema = z.object({
  first: z.int().min(1).max(MAX_PAGE),
  filter: z.object({
    actions: z
      .array(z.string().regex(/^[a-z-]+\.[a-z-]*$/, 'must be such as "site.create" or "site."'))
      .max(MAX_ACTIONS)
      .nullish(),
    actorId: z.uuid('must be an id').nullish(),
    targetId: z.string().max(100).nullish(),
    since: z.date().nullish(),
    until: z.date().nullish(),
  }),
});

type Filter = z.output<typeof pageSchema>['filter'];

/** Where a page ended: the log is ordered by these two, the highest first. */
interface Position {
  readonly at: Date;
  readonly id: string;
}

/** Reads the audit log. */
@Injectable()
export class AuditLogService {
  async page(
    context: RequestContext,
    query: { filter: AuditEventFilter | null | undefined; first: number; after: string | null | undefined },
  ): Promise<AuditEventConnection> {
    const { first, filter } = parseInput(pageSchema, { first: query.first, filter: query.filter ?? {} });
    const after = query.after ? decodeCursor(query.after) : undefined;
    const { organizationId } = context;
    const found = await context.read((tx) =>
      tx.auditEvent.findMany({
        where: {
          organizationId,
          AND: [conditionsOf(filter), ...(after === undefined ? [] : [olderThan(after)])],
        },
        orderBy: [{ at: 'desc' }, { id: 'desc' }],
        // One more than asked for tells whether there is another page.
        take: first + 1,
      }),
    );
    const edges = found.slice(0, first).map((row) => ({ cursor: encodeCursor(row), node: toEvent(row) }));
    return {
      edges,
      pageInfo: { hasNextPage: found.length > first, endCursor: edges.at(-1)?.cursor ?? null },
    };
  }
}

const conditionsOf = ({ actions, actorId, targetId, since, until }: Filter): Prisma.AuditEventWhereInput => ({
  ...(actions ? { OR: actions.map(actionIs) } : {}),
  ...(actorId ? { actorId } : {}),
  ...(targetId ? { targetId } : {}),
  at: { ...(since ? { gte: since } : {}), ...(until ? { lt: until } : {}) },
});

const actionIs = (action: string): Prisma.AuditEventWhereInput => ({
  action: action.endsWith('.') ? { startsWith: action } : action,
});

const olderThan = ({ at, id }: Position): Prisma.AuditEventWhereInput => ({
  OR: [{ at: { lt: at } }, { at, id: { lt: id } }],
});

const toEvent = (row: AuditEventRow): AuditEvent => ({
  ...row,
  before: toText(row.before),
  after: toText(row.after),
});

const toText = (value: Prisma.JsonValue): string | null => (value === null ? null : JSON.stringify(value));

const encodeCursor = ({ at, id }: Position): string =>
  Buffer.from(`${String(at.getTime())} ${id}`).toString('base64url');

const cursorSchema = z.tuple([z.coerce.number().int(), z.uuid()]);

const decodeCursor = (cursor: string): Position => {
  const parsed = cursorSchema.safeParse(Buffer.from(cursor, 'base64url').toString().split(' '));
  if (parsed.success) return { at: new Date(parsed.data[0]), id: parsed.data[1] };
  throw new ApiError('BAD_INPUT', '"after" is not a cursor of this list: take endCursor of the page before.');
};
