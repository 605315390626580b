import { addressSchema, idSchema, portSchema } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Transaction } from '../database/prisma.js';
import { Prisma } from '../generated/prisma/client.js';
import { ApiError } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput } from '../graphql/validation.js';
import { policyRuleId } from '../policy/compile.js';
import type { Flow, FlowConnection, FlowFilter } from './flow.model.js';

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
  async page(
    context: RequestContext,
    query: { filter: FlowFilter | null | undefined; first: number; after: string | null | undefined },
  ): Promise<FlowConnection> {
    const { first, filter } = parseInput(flowsSchema, { first: query.first, filter: query.filter ?? {} });
    const after = query.after ? decodeCursor(query.after) : undefined;
    const { organizationId } = context;
    const conditions = [
      Prisma.sql`organization_id = ${organizationId}::uuid`,
      ...conditionsOf(filter, organizationId),
      ...(after === undefined ? [] : [olderThan(after)]),
    ];
    const found = await context.read((tx) => select(tx, Prisma.join(conditions, ' AND '), first + 1));
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

const select = async (tx: Transaction, where: Prisma.Sql, limit: number): Promise<Flow[]> => tx.$queryRaw`
  SELECT flow_id AS "flowId", agent_id AS "agentId", peer_agent_id AS "peerAgentId", source, destination,
    destination_port AS "destinationPort", rule_id AS "ruleId", handling, started_at AS "startedAt",
    last_seen_at AS "lastSeenAt", ended, reason, bytes_up::float8 AS "bytesUp", bytes_down::float8 AS "bytesDown",
    encoded_bytes_up::float8 AS "encodedBytesUp", encoded_bytes_down::float8 AS "encodedBytesDown"
  FROM telemetry.flows
  WHERE ${where}
  ORDER BY started_at DESC, flow_id DESC
  LIMIT ${limit}`;

const conditionsOf = (filter: Filter, organizationId: string): Prisma.Sql[] => {
  const { siteId, agentId, address, destinationPort, handling } = filter;
  return [
    ...(siteId
      ? [
          eitherEnd(
            Prisma.sql`(SELECT id FROM agents WHERE organization_id = ${organizationId}::uuid AND site_id = ${siteId}::uuid)`,
          ),
        ]
      : []),
    ...(agentId ? [eitherEnd(Prisma.sql`(${agentId}::uuid)`)] : []),
    ...(address ? [atAddress(address)] : []),
    ...(destinationPort ? [Prisma.sql`destination_port = ${destinationPort}`] : []),
    ...(handling ? [Prisma.sql`handling = ${handling}`] : []),
  ];
};

const eitherEnd = (agentIds: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`(agent_id IN ${agentIds} OR peer_agent_id IN ${agentIds})`;

/** A source is `address:port`, or `[address]:port` of IPv6. */
const atAddress = (address: string): Prisma.Sql => Prisma.sql`(destination = ${address} OR source = ${address}
  OR starts_with(source, ${`${address}:`}) OR starts_with(source, ${`[${address}]:`}))`;

const olderThan = ({ startedAtMs, flowId }: Position): Prisma.Sql =>
  Prisma.sql`(started_at, flow_id) < (${new Date(startedAtMs)}::timestamptz, ${flowId}::uuid)`;

const encodeCursor = ({ startedAtMs, flowId }: Position): string =>
  Buffer.from(`${String(startedAtMs)} ${flowId}`).toString('base64url');

const decodeCursor = (cursor: string): Position => {
  const [time, flowId] = Buffer.from(cursor, 'base64url').toString().split(' ');
  const startedAtMs = Number(time);
  const position = { startedAtMs, flowId: flowId ?? '' };
  if (Number.isFinite(startedAtMs) && idSchema.safeParse(flowId).success) return position;
  throw new ApiError('BAD_INPUT', '"after" is not a cursor of this list: take endCursor of the page before.');
};
