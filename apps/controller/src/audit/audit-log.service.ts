import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { AuditEvent as AuditEventRow, Prisma } from '../generated/prisma/client.js';
import { descending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput } from '../graphql/validation.js';
import type { AuditEvent, AuditEventConnection, AuditEventFilter } from './audit-event.model.js';

const MAX_ACTIONS = 50;

const filterSchema = z.object({
  actions: z
    .array(z.string().regex(/^[a-z-]+(?:\.[a-z-]+)*\.[a-z-]*$/, 'must be such as "site.create" or "site."'))
    .max(MAX_ACTIONS)
    .nullish(),
  actorId: z.uuid('must be an id').nullish(),
  targetId: z.string().max(100).nullish(),
  since: z.date().nullish(),
  until: z.date().nullish(),
});

type Filter = z.output<typeof filterSchema>;

const NEWEST_FIRST = new Keyset('auditEvents', [descending('at', 'time'), descending('id', 'id')]);

/** Reads the audit log. */
@Injectable()
export class AuditLogService {
  async page(
    context: RequestContext,
    page: PageArgs,
    filter: AuditEventFilter | null | undefined,
  ): Promise<AuditEventConnection> {
    const { organizationId } = context;
    const where = { organizationId, ...conditionsOf(parseInput(filterSchema, filter ?? {})) };
    return readPage(NEWEST_FIRST, page, {
      where,
      find: (query: PageQuery<Prisma.AuditEventWhereInput, Prisma.AuditEventOrderByWithRelationInput>) =>
        context.read((tx) => tx.auditEvent.findMany(query)),
      toNode: toEvent,
    });
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

const toEvent = (row: AuditEventRow): AuditEvent => ({
  ...row,
  before: toText(row.before),
  after: toText(row.after),
});

const toText = (value: Prisma.JsonValue): string | null => (value === null ? null : JSON.stringify(value));
