import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { conforms } from '../agents/agent-status.js';
import { ONLINE_AGENTS, type OnlineAgents } from '../agents/online.js';
import { audit } from '../audit/audit.js';
import type { Transaction } from '../database/prisma.js';
import type { Prisma } from '../generated/prisma/client.js';
import { RolloutState } from '../generated/prisma/enums.js';
import { ApiError, badInput, notFound } from '../graphql/errors.js';
import { descending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput, requireId } from '../graphql/validation.js';
import { DesiredStateCompiler } from './desired-state-compiler.js';
import { labelSchema } from './policy-document.js';
import { rolloutAgents } from './rollout-agents.js';
import { failedAgents } from './rollout-assessment.js';
import type { RolloutConnection, RolloutFilter, RolloutInput, RolloutProgress } from './rollout.model.js';
import { planStages } from './rollout-stages.js';
import { activeRollout, toRollout, type StoredRollout } from './rollout-store.js';

const filterSchema = z.object({ state: z.enum(RolloutState).nullish(), revision: z.int().nullish() });

const NEWEST_FIRST = new Keyset('rollouts', [descending('createdAt', 'time'), descending('id', 'id')]);

type RolloutsQuery = PageQuery<Prisma.RolloutWhereInput, Prisma.RolloutOrderByWithRelationInput>;

const rolloutSchema = z.object({
  canaryLabel: labelSchema.nullish(),
  percentages: z
    .array(z.int().min(1).max(99))
    .max(10)
    .refine((shares) => shares.every((share, i) => i === 0 || share > (shares[i - 1] ?? 0)), 'must ascend')
    .nullish(),
  soakSeconds: z.int().min(0).max(86_400).nullish(),
  confirmSeconds: z.int().min(10).max(3600).nullish(),
  maxFailures: z.int().min(0).max(10_000).nullish(),
});

/** A revision that was just saved, to be rolled out. */
export interface NewRollout {
  readonly organizationId: string;
  readonly policyId: string;
  readonly revision: number;
  readonly baseRevision: number | null;
  readonly author: string;
}

@Injectable()
export class RolloutService {
  constructor(
    private readonly compiler: DesiredStateCompiler,
    @Inject(ONLINE_AGENTS) private readonly presence: OnlineAgents,
  ) {}

  /** The newest first. */
  async list(
    context: RequestContext,
    page: PageArgs,
    filter: RolloutFilter | null | undefined,
  ): Promise<RolloutConnection> {
    const { organizationId } = context;
    const { state, revision } = parseInput(filterSchema, filter ?? {});
    return readCountedPage(NEWEST_FIRST, page, {
      where: { organizationId, ...(state ? { state } : {}), ...(revision == null ? {} : { revision }) },
      find: (query: RolloutsQuery) => context.read((tx) => tx.rollout.findMany(query)),
      count: (query) => context.read((tx) => tx.rollout.count(query)),
      toNode: toRollout,
    });
  }

  async find(context: RequestContext, idGiven: string): Promise<StoredRollout | null> {
    const id = requireId('rollout', idGiven);
    const { organizationId } = context;
    const row = await context.read((tx) =>
      tx.rollout.findUnique({ where: { organizationId_id: { organizationId, id } } }),
    );
    return row && toRollout(row);
  }

  async progress(context: RequestContext, rollout: StoredRollout): Promise<RolloutProgress> {
    const agents = await context.read((tx) => rolloutAgents(tx, rollout, this.presence));
    const applied = agents.filter((agent) => conforms(agent.desired, agent.applied)).length;
    const failed = failedAgents(agents).length;
    return { agents: agents.length, applied, failed, pending: agents.length - applied - failed };
  }

  /** Begins one, in the transaction that saves its revision. @throws ApiError BAD_INPUT */
  async begin(tx: Transaction, given: NewRollout, input: RolloutInput): Promise<void> {
    const settings = parseInput(rolloutSchema, input);
    const { organizationId } = given;
    const canaryLabel = settings.canaryLabel ?? null;
    if (canaryLabel !== null) {
      const canaries = await tx.site.count({ where: { organizationId, labels: { has: canaryLabel } } });
      if (canaries === 0) {
        throw badInput([
          {
            path: 'rollout.canaryLabel',
            code: 'UNKNOWN_LABEL',
            message: `no site has the label "${canaryLabel}": give it to one first`,
          },
        ]);
      }
    }
    await tx.rollout.create({
      data: {
        ...given,
        stages: planStages(canaryLabel, settings.percentages ?? []),
        soakSeconds: settings.soakSeconds ?? 60,
        confirmSeconds: settings.confirmSeconds ?? 120,
        maxFailures: settings.maxFailures ?? 0,
      },
    });
  }

  /** @throws ApiError CONFLICT while a rollout is not at its end */
  async assertNoneActive(tx: Transaction, organizationId: string): Promise<void> {
    const active = await activeRollout(tx, organizationId);
    if (active === undefined) return;
    throw new ApiError(
      'CONFLICT',
      `Revision ${String(active.revision)} is being rolled out (${active.state.toLowerCase()}): wait for its end, or abort it.`,
      { rolloutId: active.id },
    );
  }

  /** Its stage begins anew; agents that failed get their state once more. @throws ApiError NOT_FOUND, CONFLICT */
  async resume(context: RequestContext, id: string): Promise<StoredRollout> {
    return this.change(context, id, ['HALTED'], 'policy.rollout.resume', async (tx, rollout) => {
      const failed = failedAgents(await rolloutAgents(tx, rollout, this.presence));
      await this.compiler.retry(
        tx,
        rollout.organizationId,
        failed.map((agent) => agent.id),
      );
      return { state: 'RUNNING', reason: null, stageStartedAt: new Date() };
    });
  }

  /** All sites get what was in force before. @throws ApiError NOT_FOUND, CONFLICT */
  async abort(context: RequestContext, id: string): Promise<StoredRollout> {
    return this.change(context, id, ['RUNNING', 'HALTED'], 'policy.rollout.abort', () =>
      Promise.resolve({ state: 'ABORTED', finishedAt: new Date() }),
    );
  }

  private async change(
    context: RequestContext,
    idGiven: string,
    from: readonly StoredRollout['state'][],
    action: string,
    decide: (tx: Transaction, rollout: StoredRollout) => Promise<Partial<Omit<StoredRollout, 'stages'>>>,
  ): Promise<StoredRollout> {
    const id = requireId('rollout', idGiven);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await this.compiler.lock(tx, organizationId);
      const where = { organizationId_id: { organizationId, id } };
      const row = await tx.rollout.findUnique({ where });
      if (row === null) throw notFound('rollout', id);
      if (!from.includes(row.state)) {
        throw new ApiError(
          'CONFLICT',
          `The rollout is ${row.state.toLowerCase()}: this is for one that is ${from.join(' or ').toLowerCase()}.`,
        );
      }
      const data = await decide(tx, toRollout(row));
      const after = await tx.rollout.update({ where, data });
      await audit(tx, organizationId, principal, {
        action,
        targetId: id,
        before: { state: row.state, stage: row.stage, reason: row.reason },
        after: { state: after.state, stage: after.stage },
      });
      await this.compiler.recompile(tx, organizationId);
      return toRollout(after);
    });
  }
}
