import { idSchema } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import type { Prisma } from '../generated/prisma/client.js';
import { DeliveryState } from '../generated/prisma/enums.js';
import { notFound } from '../graphql/errors.js';
import { descending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput, requireId } from '../graphql/validation.js';
import type { Delivery, DeliveryConnection, DeliveryFilter } from './delivery.model.js';
import { DELIVERY_LIFE_MS } from './new-delivery.js';

const filterSchema = z.object({
  webhookId: idSchema.nullish(),
  alertId: idSchema.nullish(),
  state: z.enum(DeliveryState).nullish(),
});

const NEWEST_FIRST = new Keyset('deliveries', [descending('createdAt', 'time'), descending('id', 'id')]);

type DeliveriesQuery = PageQuery<Prisma.DeliveryWhereInput, Prisma.DeliveryOrderByWithRelationInput>;

@Injectable()
export class DeliveriesService {
  async list(
    context: RequestContext,
    page: PageArgs,
    filter: DeliveryFilter | null | undefined,
  ): Promise<DeliveryConnection> {
    const { organizationId } = context;
    const { webhookId, alertId, state } = parseInput(filterSchema, filter ?? {});
    return readCountedPage(NEWEST_FIRST, page, {
      where: {
        organizationId,
        ...(webhookId ? { webhookId } : {}),
        ...(alertId ? { alertIds: { has: alertId } } : {}),
        ...(state ? { state } : {}),
      },
      find: (query: DeliveriesQuery) => context.read((tx) => tx.delivery.findMany(query)),
      count: (query) => context.read((tx) => tx.delivery.count(query)),
      toNode: (delivery): Delivery => delivery,
    });
  }

  /** Begins it anew, with the same id and content, for another day. */
  async redeliver(context: RequestContext, idGiven: string): Promise<Delivery> {
    const id = requireId('delivery', idGiven);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      const where = { organizationId_id: { organizationId, id } };
      const before = await tx.delivery.findUnique({ where });
      if (before === null) throw notFound('delivery', id);
      const now = new Date();
      const after = await tx.delivery.update({
        where,
        data: {
          state: 'PENDING',
          retries: 0,
          dueAt: now,
          expiresAt: new Date(now.getTime() + DELIVERY_LIFE_MS),
          finishedAt: null,
        },
      });
      await audit(tx, organizationId, principal, {
        action: 'delivery.redeliver',
        targetId: id,
        before: { state: before.state, attempts: before.attempts },
        after: { event: after.event, webhookId: after.webhookId, email: after.email },
      });
      return after;
    });
  }
}
