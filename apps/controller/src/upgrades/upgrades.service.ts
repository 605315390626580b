import { Inject, Injectable } from '@nestjs/common';
import { releaseVersionSchema } from '@longhaul/contracts';
import { z } from 'zod';
import { conforms } from '../agents/agent-status.js';
import { ONLINE_AGENTS, type OnlineAgents } from '../agents/online.js';
import { audit } from '../audit/audit.js';
import { noteChange } from '../changes/change.js';
import type { Transaction } from '../database/prisma.js';
import type { Prisma } from '../generated/prisma/client.js';
import { ApiError, badInput, notFound } from '../graphql/errors.js';
import { descending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput, requireId } from '../graphql/validation.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';
import { labelSchema } from '../policy/policy-document.js';
import { failedAgents } from '../policy/rollout-assessment.js';
import { planStages, type RolloutStage } from '../policy/rollout-stages.js';
import { readReport, upgradeAgents } from './upgrade-agents.js';
import type { UpgradeConnection, UpgradeInput, UpgradePlan, UpgradeProgress } from './upgrade.model.js';
import { activeUpgrade, toUpgrade, type StoredUpgrade } from './wanted-releases.js';

const NEWEST_FIRST = new Keyset('upgrades', [descending('createdAt', 'time'), descending('id', 'id')]);

type UpgradesQuery = PageQuery<Prisma.UpgradeWhereInput, Prisma.UpgradeOrderByWithRelationInput>;

const upgradeSchema = z.object({
  version: releaseVersionSchema,
  canaryLabel: labelSchema.nullish(),
  percentages: z
    .array(z.int().min(1).max(99))
    .max(10)
    .refine((shares) => shares.every((share, i) => i === 0 || share > (shares[i - 1] ?? 0)), 'must ascend')
    .nullish(),
  soakSeconds: z.int().min(0).max(604_800).nullish(),
  confirmSeconds: z.int().min(30).max(86_400).nullish(),
  maxFailures: z.int().min(0).max(10_000).nullish(),
  drainSeconds: z.int().min(0).max(86_400).nullish(),
});

@Injectable()
export class UpgradesService {
  constructor(
    private readonly compiler: DesiredStateCompiler,
    @Inject(ONLINE_AGENTS) private readonly presence: OnlineAgents,
  ) {}

  /** The newest first. */
  async list(context: RequestContext, page: PageArgs): Promise<UpgradeConnection> {
    const { organizationId } = context;
    return readCountedPage(NEWEST_FIRST, page, {
      where: { organizationId },
      find: (query: UpgradesQuery) => context.read((tx) => tx.upgrade.findMany(query)),
      count: (query) => context.read((tx) => tx.upgrade.count(query)),
      toNode: toUpgrade,
    });
  }

  async find(context: RequestContext, idGiven: string): Promise<StoredUpgrade | null> {
    const id = requireId('upgrade', idGiven);
    const { organizationId } = context;
    const row = await context.read((tx) =>
      tx.upgrade.findUnique({ where: { organizationId_id: { organizationId, id } } }),
    );
    return row && toUpgrade(row);
  }

  async progress(context: RequestContext, upgrade: StoredUpgrade): Promise<UpgradeProgress> {
    const all = await context.read((tx) => upgradeAgents(tx, upgrade, this.presence));
    const agents = all.filter(({ supervised }) => supervised);
    const isUpgraded = ({ desired, applied }: (typeof all)[number]): boolean => conforms(desired, applied);
    const upgraded = agents.filter(isUpgraded).length;
    const failed = failedAgents(agents).length;
    const byHand = all.filter((agent) => !agent.supervised && !isUpgraded(agent)).length;
    return { agents: agents.length, upgraded, failed, pending: agents.length - upgraded - failed, byHand };
  }

  /** What {@link start} would do. @throws ApiError BAD_INPUT, NOT_FOUND */
  async plan(context: RequestContext, input: UpgradeInput): Promise<UpgradePlan> {
    const settings = parseInput(upgradeSchema, input);
    const { organizationId } = context;
    const { version, canaryLabel = null } = settings;
    return context.read(async (tx) => {
      await assertStartable(tx, organizationId, version, canaryLabel);
      const sites = await tx.site.findMany({ where: { organizationId } });
      const agents = await tx.agent.findMany({
        where: { organizationId, state: 'APPROVED' },
        include: { site: true },
      });
      const concerned = agents.filter(({ site }) => site.agentVersion === null);
      const reached = (stages: readonly RolloutStage[]): number => {
        const canaries = sites.filter(
          ({ labels }) => canaryLabel !== null && labels.includes(canaryLabel),
        ).length;
        const share = Math.max(0, ...stages.map((stage) => ('percent' in stage ? stage.percent : 0)));
        return Math.round(canaries + ((sites.length - canaries) * share) / 100);
      };
      const stages = planStages(canaryLabel, settings.percentages ?? []);
      return {
        version,
        stages: stages.map((stage, index) => ({
          ...labelOrPercent(stage),
          sites: reached(stages.slice(0, index + 1)),
        })),
        upgraded: concerned.filter((agent) => agent.version === version).length,
        byHand: concerned.filter(
          (agent) => agent.version !== version && readReport(agent.upgrade) === undefined,
        ).length,
        leftAlone: agents.length - concerned.length,
      };
    });
  }

  /** Begins one. @throws ApiError BAD_INPUT, NOT_FOUND, CONFLICT while another is not at its end */
  async start(context: RequestContext, input: UpgradeInput): Promise<StoredUpgrade> {
    const settings = parseInput(upgradeSchema, input);
    const { version, canaryLabel = null } = settings;
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await this.compiler.lock(tx, organizationId);
      await assertStartable(tx, organizationId, version, canaryLabel);
      const active = await activeUpgrade(tx, organizationId);
      if (active !== undefined) {
        throw new ApiError(
          'CONFLICT',
          `Version ${active.version} is being rolled out (${active.state.toLowerCase()}): wait for its end, or abort it.`,
          { upgradeId: active.id },
        );
      }
      const organization = await tx.organization.findUniqueOrThrow({ where: { id: organizationId } });
      await tx.agentRelease.update({
        where: { organizationId_version: { organizationId, version } },
        // Agents that have refused it before may try again: somebody wants them to.
        data: { drainSeconds: settings.drainSeconds ?? 300, attempt: { increment: 1 } },
      });
      const row = await tx.upgrade.create({
        data: {
          organizationId,
          version,
          baseVersion: organization.agentVersion,
          stages: planStages(canaryLabel, settings.percentages ?? []),
          soakSeconds: settings.soakSeconds ?? 600,
          confirmSeconds: settings.confirmSeconds ?? 900,
          maxFailures: settings.maxFailures ?? 0,
          author: principal.name,
        },
      });
      await noteChange(tx, organizationId, 'rollout', row.id);
      await audit(tx, organizationId, principal, {
        action: 'agent.upgrade.start',
        targetId: row.id,
        after: row,
      });
      await this.compiler.recompile(tx, organizationId);
      return toUpgrade(row);
    });
  }

  /** Its stage begins anew; agents that refused the version try it once more. @throws ApiError NOT_FOUND, CONFLICT */
  async resume(context: RequestContext, id: string): Promise<StoredUpgrade> {
    return this.change(
      context,
      id,
      ['HALTED'],
      'agent.upgrade.resume',
      async (tx, { organizationId, version }) => {
        await tx.agentRelease.update({
          where: { organizationId_version: { organizationId, version } },
          data: { attempt: { increment: 1 } },
        });
        return { state: 'RUNNING', reason: null, stageStartedAt: new Date() };
      },
    );
  }

  /** Sites are to run what they were to run before. @throws ApiError NOT_FOUND, CONFLICT */
  async abort(context: RequestContext, id: string): Promise<StoredUpgrade> {
    return this.change(context, id, ['RUNNING', 'HALTED'], 'agent.upgrade.abort', () =>
      Promise.resolve({ state: 'ABORTED', finishedAt: new Date() }),
    );
  }

  private async change(
    context: RequestContext,
    idGiven: string,
    from: readonly StoredUpgrade['state'][],
    action: string,
    decide: (tx: Transaction, upgrade: StoredUpgrade) => Promise<Partial<Omit<StoredUpgrade, 'stages'>>>,
  ): Promise<StoredUpgrade> {
    const id = requireId('upgrade', idGiven);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await this.compiler.lock(tx, organizationId);
      const where = { organizationId_id: { organizationId, id } };
      const row = await tx.upgrade.findUnique({ where });
      if (row === null) throw notFound('upgrade', id);
      if (!from.includes(row.state)) {
        throw new ApiError(
          'CONFLICT',
          `The upgrade is ${row.state.toLowerCase()}: this is for one that is ${from.join(' or ').toLowerCase()}.`,
        );
      }
      const data = await decide(tx, toUpgrade(row));
      const after = await tx.upgrade.update({ where, data });
      await noteChange(tx, organizationId, 'rollout', id);
      await audit(tx, organizationId, principal, {
        action,
        targetId: id,
        before: { state: row.state, stage: row.stage, reason: row.reason },
        after: { state: after.state, stage: after.stage },
      });
      await this.compiler.recompile(tx, organizationId);
      return toUpgrade(after);
    });
  }

  /** What the agents of one site, or of all that do not say, are to run at once. @throws ApiError NOT_FOUND, CONFLICT */
  async want(
    context: RequestContext,
    siteIdGiven: string | null | undefined,
    version: string | null | undefined,
  ): Promise<void> {
    const { organizationId, principal } = context;
    const siteId = siteIdGiven == null ? undefined : requireId('site', siteIdGiven);
    const agentVersion = version ?? null;
    await context.write(async (tx) => {
      await this.compiler.lock(tx, organizationId);
      if (agentVersion !== null) await requireRelease(tx, organizationId, agentVersion);
      if (siteId === undefined) await wantEverywhere(tx, organizationId, agentVersion);
      else await wantAtSite(tx, organizationId, siteId, agentVersion);
      await audit(tx, organizationId, principal, {
        action: 'agent.version.want',
        targetId: siteId ?? organizationId,
        after: { agentVersion },
      });
      await this.compiler.recompile(tx, organizationId);
    });
  }
}

const wantAtSite = async (
  tx: Transaction,
  organizationId: string,
  id: string,
  agentVersion: string | null,
): Promise<void> => {
  const where = { organizationId_id: { organizationId, id } };
  if ((await tx.site.findUnique({ where })) === null) throw notFound('site', id);
  await tx.site.update({ where, data: { agentVersion } });
};

const wantEverywhere = async (
  tx: Transaction,
  organizationId: string,
  agentVersion: string | null,
): Promise<void> => {
  const active = await activeUpgrade(tx, organizationId);
  if (active !== undefined) {
    throw new ApiError(
      'CONFLICT',
      `Version ${active.version} is being rolled out (${active.state.toLowerCase()}): wait for its end, or abort it.`,
      { upgradeId: active.id },
    );
  }
  // Only this column may be changed here.
  await tx.organization.updateMany({ where: { id: organizationId }, data: { agentVersion } });
};

const requireRelease = async (tx: Transaction, organizationId: string, version: string): Promise<void> => {
  const found = await tx.agentRelease.count({ where: { organizationId, version } });
  if (found === 0) throw notFound('release', version);
};

const assertStartable = async (
  tx: Transaction,
  organizationId: string,
  version: string,
  canaryLabel: string | null,
): Promise<void> => {
  await requireRelease(tx, organizationId, version);
  if (canaryLabel === null) return;
  const canaries = await tx.site.count({ where: { organizationId, labels: { has: canaryLabel } } });
  if (canaries > 0) return;
  throw badInput([
    {
      path: 'canaryLabel',
      code: 'UNKNOWN_LABEL',
      message: `no site has the label "${canaryLabel}": give it to one first`,
    },
  ]);
};

/** A stage as the API has it. */
export const labelOrPercent = (stage: RolloutStage): { label: string | null; percent: number | null } => ({
  label: 'label' in stage ? stage.label : null,
  percent: 'percent' in stage ? stage.percent : null,
});
