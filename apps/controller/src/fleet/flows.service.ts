import { addressSchema, idSchema, policyRuleId, portSchema } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Transaction } from '../database/prisma.js';
import { descending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput } from '../graphql/validation.js';
import { TelemetryQueries } from '../telemetry/telemetry-queries.js';
import type { FlowConnection, FlowFilter } from './flow.model.js';

const filterSchema = z.object({
  siteId: idSchema.nullish(),
  agentId: idSchema.nullish(),
  address: addressSchema.nullish(),
  destinationPort: portSchema.nullish(),
  handling: z.enum(['accelerated', 'passed', 'refused']).nullish(),
});

type Filter = z.output<typeof filterSchema>;

const NEWEST_FIRST = new Keyset('flows', [descending('startedAt', 'time'), descending('flowId', 'id')]);

@Injectable()
export class FlowsService {
  private readonly telemetry = new TelemetryQueries();

  async page(
    context: RequestContext,
    page: PageArgs,
    filterGiven: FlowFilter | null | undefined,
  ): Promise<FlowConnection> {
    const { first, after } = NEWEST_FIRST.parse(page);
    const filter = parseInput(filterSchema, filterGiven ?? {});
    const [startedAt, flowId] = after ?? [];
    const { organizationId } = context;
    const found = await context.read(async (tx) =>
      this.telemetry.flows(tx, {
        organizationId,
        filter: {
          agentIds: await agentIdsOf(tx, organizationId, filter),
          address: filter.address ?? undefined,
          destinationPort: filter.destinationPort ?? undefined,
          handling: filter.handling ?? undefined,
        },
        first: first + 1,
        after: startedAt instanceof Date ? { startedAt, flowId: String(flowId) } : undefined,
      }),
    );
    return NEWEST_FIRST.connect(found, first, (flow) => ({
      ...flow,
      ruleId: flow.ruleId && policyRuleId(flow.ruleId),
    }));
  }
}

/** The agents that a filter means; undefined: all. */
export const agentIdsOf = async (
  tx: Transaction,
  organizationId: string,
  { siteId, agentId }: Pick<Filter, 'siteId' | 'agentId'>,
): Promise<string[] | undefined> => {
  if (!siteId) return agentId ? [agentId] : undefined;
  const agents = await tx.agent.findMany({ where: { organizationId, siteId }, select: { id: true } });
  return agents.map(({ id }) => id).filter((id) => !agentId || id === agentId);
};
