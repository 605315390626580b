import { Inject, Injectable } from '@nestjs/common';
import { audit } from '../audit/audit.js';
import type { Transaction } from '../database/prisma.js';
import type { Agent as AgentRow, Prisma } from '../generated/prisma/client.js';
import { ApiError, notFound } from '../graphql/errors.js';
import { ascending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput, requireId } from '../graphql/validation.js';
import { OUTBOX_TOPICS } from '../outbox/topics.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';
import { agentFilterSchema, agentsThat } from './agent-filter.js';
import type { Agent, AgentConnection, AgentFilter } from './agent.model.js';
import { ONLINE_AGENTS, type OnlineAgents } from './online.js';

const BY_HOSTNAME = new Keyset('agents', [ascending('hostname', 'text'), ascending('id', 'id')]);

type AgentsQuery = PageQuery<Prisma.AgentWhereInput, Prisma.AgentOrderByWithRelationInput>;

@Injectable()
export class AgentsService {
  constructor(
    private readonly compiler: DesiredStateCompiler,
    @Inject(ONLINE_AGENTS) private readonly presence: OnlineAgents,
  ) {}

  async list(
    context: RequestContext,
    page: PageArgs,
    filter: AgentFilter | null | undefined,
  ): Promise<AgentConnection> {
    const { organizationId } = context;
    const wanted = parseInput(agentFilterSchema, filter ?? {});
    return readCountedPage(BY_HOSTNAME, page, {
      where: await context.read((tx) => agentsThat(tx, organizationId, wanted, this.presence)),
      find: (query: AgentsQuery) => context.read((tx) => tx.agent.findMany(query)),
      count: (query) => context.read((tx) => tx.agent.count(query)),
      toNode: (agent): Agent => agent,
    });
  }

  /** Approving again changes nothing. */
  async approve(context: RequestContext, idGiven: string): Promise<Agent> {
    return this.change(context, idGiven, async (tx, agent) => {
      if (agent.state === 'REVOKED') {
        throw new ApiError(
          'CONFLICT',
          'The agent was revoked, which is for good: enrol it anew with a new key.',
        );
      }
      if (agent.state === 'APPROVED') return undefined;
      await announce(tx, OUTBOX_TOPICS.approved, agent);
      return { state: 'APPROVED', approvedAt: new Date() };
    });
  }

  /** Revoking again changes nothing. */
  async revoke(context: RequestContext, idGiven: string): Promise<Agent> {
    const { organizationId } = context;
    return this.change(context, idGiven, async (tx, agent) => {
      if (agent.state === 'REVOKED') return undefined;
      const agentId = agent.id;
      await tx.peerKey.deleteMany({
        where: { organizationId, OR: [{ agentAId: agentId }, { agentBId: agentId }] },
      });
      await tx.agentDesiredState.deleteMany({ where: { organizationId, agentId } });
      await announce(tx, OUTBOX_TOPICS.revoked, agent);
      return { state: 'REVOKED', revokedAt: new Date() };
    });
  }

  /** @param decide returns what to write, or undefined if the agent is so already */
  private async change(
    context: RequestContext,
    idGiven: string,
    decide: (tx: Transaction, agent: AgentRow) => Promise<{ state: 'APPROVED' | 'REVOKED' } | undefined>,
  ): Promise<Agent> {
    const id = requireId('agent', idGiven);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await this.compiler.lock(tx, organizationId);
      const where = { organizationId_id: { organizationId, id } };
      const before = await tx.agent.findUnique({ where });
      if (before === null) throw notFound('agent', id);
      const data = await decide(tx, before);
      if (data === undefined) return before;
      const after = await tx.agent.update({ where, data });
      const action = data.state === 'APPROVED' ? 'agent.approve' : 'agent.revoke';
      await audit(tx, organizationId, principal, {
        action,
        targetId: id,
        before: { state: before.state },
        after: { state: after.state },
      });
      await this.compiler.recompile(tx, organizationId);
      return after;
    });
  }
}

/** The key goes along: the agent's row may be deleted before the delivery. */
const announce = async (
  tx: Transaction,
  topic: string,
  { organizationId, id: subjectId, natsPublicKey }: AgentRow,
): Promise<void> => {
  await tx.outbox.create({
    data: { organizationId, topic, subjectId, payload: { natsPublicKey } },
    select: { id: true },
  });
};
