import { addressSchema, idSchema, policyRuleId, portSchema } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Transaction } from '../database/prisma.js';
import { ApiError } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput } from '../graphql/validation.js';
import { TelemetryQueries } from '../telemetry/telemetry-queries.js';
import type { FlowConnection, FlowFilter } from './flow.model.js';

const MAX_PAGE = 500;

const flowsSchema = z.object({
  first: z.int().min(1).max(MAX_PAGE),
  filter: z.object({
    siteId: idSchema.nullish(),
    agentId: idSchema.nullish(),
    address: addressSchema.nullish(),
    destinationPort: portSchema.nullish(),
    handling: z.enum(['accelerated', 'passed', 'refused']).nullish(),
  }),
});

type Filter = z.output<typeof flowsSchema>['filter'];

/** Where a page ended: the list is ordered by these two, the highest first. */
interface Position {
  readonly startedAtMs: number;
  readonly flowId: string;
}

@Injectable()
export class FlowsService {
  private readonly telemetry = new TelemetryQueries();

  async page(
    context: RequestContext,
    query: { filter: FlowFilter | null | undefined; first: number; after: string | null | undefined },
  ): Promise<FlowConnection> {
    const { first, filter } = parseInput(flowsSchema, { first: query.first, filter: query.filter ?? {} });
    const after = query.after ? decodeCursor(query.after) : undefined;
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
        // One more than asked for tells whether there is another page.
        first: first + 1,
        after: after && { startedAt: new Date(after.startedAtMs), flowId: after.flowId },
      }),
    );
    const edges = found.slice(0, first).map((flow) => ({
      cursor: encodeCursor({ startedAtMs: flow.startedAt.getTime(), flowId: flow.flowId }),
      node: { ...flow, ruleId: flow.ruleId && policyRuleId(flow.ruleId) },
    }));
    return {
      edges,
      pageInfo: { hasNextPage: found.length > first, endCursor: edges.at(-1)?.cursor ?? null },
    };
  }
}

/** The agents that a filter means; undefined: all. */
const agentIdsOf = async (
  tx: Transaction,
  organizationId: string,
  { siteId, agentId }: Filter,
): Promise<string[] | undefined> => {
  if (!siteId) return agentId ? [agentId] : undefined;
  const agents = await tx.agent.findMany({ where: { organizationId, siteId }, select: { id: true } });
  return agents.map(({ id }) => id).filter((id) => !agentId || id === agentId);
};

const encodeCursor = ({ startedAtMs, flowId }: Position): string =>
  Buffer.from(`${String(startedAtMs)} ${flowId}`).toString('base64url');

const decodeCursor = (cursor: string): Position => {
  const [time, flowId] = Buffer.from(cursor, 'base64url').toString().split(' ');
  const startedAtMs = Number(time);
  const position = { startedAtMs, flowId: flowId ?? '' };
  if (Number.isFinite(startedAtMs) && idSchema.safeParse(flowId).success) return position;
  throw new ApiError('BAD_INPUT', '"after" is not a cursor of this list: take endCursor of the page before.');
};
