import { idSchema } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { noteChange } from '../changes/change.js';
import type { Prisma } from '../generated/prisma/client.js';
import { AlertKind, AlertSeverity, AlertState } from '../generated/prisma/enums.js';
import { ApiError, notFound } from '../graphql/errors.js';
import { descending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput, requireId } from '../graphql/validation.js';
import type { Alert, AlertConnection, AlertFilter } from './alert.model.js';
import { silenceSchema } from './silence.js';

const filterSchema = z.object({
  state: z.enum(AlertState).nullish(),
  severity: z.enum(AlertSeverity).nullish(),
  kind: z.enum(AlertKind).nullish(),
  siteId: idSchema.nullish(),
});

const NEWEST_FIRST = new Keyset('alerts', [descending('pendingSince', 'time'), descending('id', 'id')]);

type AlertsQuery = PageQuery<Prisma.AlertWhereInput, Prisma.AlertOrderByWithRelationInput>;

@Injectable()
export class AlertsService {
  async list(
    context: RequestContext,
    page: PageArgs,
    filter: AlertFilter | null | undefined,
  ): Promise<AlertConnection> {
    const { organizationId } = context;
    const { state, severity, kind, siteId } = parseInput(filterSchema, filter ?? {});
    return readCountedPage(NEWEST_FIRST, page, {
      where: {
        organizationId,
        // The index knows what is open.
        ...(state ? { state, open: state === 'RESOLVED' ? null : true } : {}),
        ...(severity ? { severity } : {}),
        ...(kind ? { kind } : {}),
        ...(siteId ? { siteIds: { has: siteId } } : {}),
      },
      find: (query: AlertsQuery) => context.read((tx) => tx.alert.findMany(query)),
      count: (query) => context.read((tx) => tx.alert.count(query)),
      toNode: (alert): Alert => alert,
    });
  }

  /** Acknowledging again changes nothing: whoever came first has it. */
  async acknowledge(context: RequestContext, id: string): Promise<Alert> {
    const { name } = context.principal;
    return this.change(context, id, 'alert.acknowledge', (alert) =>
      alert.acknowledgedAt === null ? { acknowledgedAt: new Date(), acknowledgedBy: name } : {},
    );
  }

  /** @param until null ends the silence */
  async silence(context: RequestContext, id: string, until: Date | null | undefined): Promise<Alert> {
    const { until: silencedUntil } = parseInput(silenceSchema, { until });
    return this.change(context, id, 'alert.silence', () => ({ silencedUntil }));
  }

  private async change(
    context: RequestContext,
    idGiven: string,
    action: string,
    decide: (alert: Alert) => Prisma.AlertUpdateInput,
  ): Promise<Alert> {
    const id = requireId('alert', idGiven);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      const where = { organizationId_id: { organizationId, id } };
      await tx.$queryRaw`SELECT 1 FROM alerts WHERE organization_id = ${organizationId}::uuid AND id = ${id}::uuid FOR UPDATE`;
      const before = await tx.alert.findUnique({ where });
      if (before === null) throw notFound('alert', id);
      if (before.state === 'RESOLVED') {
        throw new ApiError('CONFLICT', 'The alert is over: there is nothing to acknowledge or to silence.');
      }
      const data = decide(before);
      const after = await tx.alert.update({ where, data });
      await noteChange(tx, organizationId, 'alert', id);
      await audit(tx, organizationId, principal, {
        action,
        targetId: id,
        after: { summary: after.summary, ...data },
      });
      return after;
    });
  }
}
