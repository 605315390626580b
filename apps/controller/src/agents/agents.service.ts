import { Injectable } from '@nestjs/common';
import { audit } from '../audit/audit.js';
import type { Transaction } from '../database/prisma.js';
import type { Agent as AgentRow } from '../generated/prisma/client.js';
import { ApiError, notFound } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { requireId } from '../graphql/validation.js';
import { OUTBOX_TOPICS } from '../outbox/topics.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';
import type { Agent } from './agent.model.js';

@Injectable()
export class AgentsService {
  constructor(private readonly compiler: DesiredStateCompiler) {}

  async list(context: RequestContext): Promise<Agent[]> {
    const { organizationId } = context;
    return context.read((tx) =>
      tx.agent.findMany({ where: { organizationId }, orderBy: [{ hostname: 'asc' }, { id: 'asc' }] }),
    );
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
