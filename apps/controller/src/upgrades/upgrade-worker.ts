import type { OnlineAgents } from '../agents/online.js';
import { audit } from '../audit/audit.js';
import { noteChange } from '../changes/change.js';
import type { Transaction } from '../database/prisma.js';
import type { WorkerDatabase } from '../database/worker-database.js';
import { moveOrHalt } from '../policy/compile-fault.js';
import { ConnectedPasses, type Connected, type Running } from '../policy/connected-passes.js';
import type { DesiredStateCompiler } from '../policy/desired-state-compiler.js';
import { assessStage, LOST_AFTER_MS, type Verdict } from '../policy/rollout-assessment.js';
import { termsOf } from '../policy/rollout-worker.js';
import { upgradeAgents, type UpgradeAgent } from './upgrade-agents.js';
import { toUpgrade, type StoredUpgrade } from './wanted-releases.js';

const INTERVAL_MS = 1_000;

/** Who acts, in the audit. */
const ACTOR = { kind: 'system', name: 'upgrade' } as const;

/** Moves upgrades on, and halts them, as the worker of policy rollouts does those. */
export class UpgradeWorker {
  private readonly loop: ConnectedPasses;

  constructor(
    private readonly database: WorkerDatabase,
    private readonly compiler: DesiredStateCompiler,
    private readonly presence: OnlineAgents,
    connection: Connected,
  ) {
    this.loop = new ConnectedPasses('upgrades', connection, INTERVAL_MS, {
      list: () => this.list(),
      step: (running) => this.step(running),
    });
  }

  start(): void {
    this.loop.start();
  }

  async stop(): Promise<void> {
    await this.loop.stop();
  }

  private list(): Promise<Running[]> {
    return this.database.prisma.upgrade.findMany({
      where: { state: 'RUNNING' },
      select: { organizationId: true, id: true },
    });
  }

  private step(running: Running): Promise<void> {
    return moveOrHalt(
      () => this.move(running, (tx, upgrade) => this.assess(tx, upgrade)),
      (reason) => this.move(running, () => Promise.resolve({ kind: 'halt', reason })),
    );
  }

  private async move(
    { organizationId, id }: Running,
    judge: (tx: Transaction, upgrade: StoredUpgrade) => Promise<Verdict>,
  ): Promise<void> {
    await this.database.transaction(async (tx) => {
      if (!(await this.compiler.tryLock(tx, organizationId))) return;
      const row = await tx.upgrade.findUnique({ where: { organizationId_id: { organizationId, id } } });
      if (row?.state !== 'RUNNING') return;
      const upgrade = toUpgrade(row);
      const verdict = await judge(tx, upgrade);
      if (verdict.kind !== 'wait') await this.carryOut(tx, upgrade, verdict);
    });
  }

  private async assess(tx: Transaction, upgrade: StoredUpgrade): Promise<Verdict> {
    const agents = (await upgradeAgents(tx, upgrade, this.presence)).filter(({ supervised }) => supervised);
    return assessStage(
      agents.map((agent) => this.seen(agent)),
      termsOf(upgrade),
      new Date(),
    );
  }

  /** A replica that has just started may not have heard of everybody yet. */
  private seen(agent: UpgradeAgent): UpgradeAgent {
    const isNew = Date.now() - (this.loop.upSince ?? Date.now()) < LOST_AFTER_MS;
    const isRecent = agent.lastSeenAt !== null && Date.now() - agent.lastSeenAt.getTime() < 3 * LOST_AFTER_MS;
    return isNew && isRecent ? { ...agent, online: true } : agent;
  }

  private async carryOut(tx: Transaction, upgrade: StoredUpgrade, verdict: Verdict): Promise<void> {
    const { organizationId, id, version, stage, stages } = upgrade;
    const where = { organizationId_id: { organizationId, id } };
    const note = async (action: string, after: object): Promise<void> => {
      await audit(tx, organizationId, ACTOR, { action, targetId: id, after });
      await noteChange(tx, organizationId, 'rollout', id);
    };
    if (verdict.kind === 'halt') {
      await tx.upgrade.update({ where, data: { state: 'HALTED', reason: verdict.reason } });
      await note('agent.upgrade.halt', { version, stage, reason: verdict.reason });
      return;
    }
    if (stage + 1 < stages.length) {
      await tx.upgrade.update({ where, data: { stage: stage + 1, stageStartedAt: new Date() } });
      await note('agent.upgrade.advance', { version, stage: stage + 1 });
    } else {
      await tx.upgrade.update({ where, data: { state: 'COMPLETED', finishedAt: new Date() } });
      await tx.organization.updateMany({ where: { id: organizationId }, data: { agentVersion: version } });
      await note('agent.upgrade.complete', { version });
    }
    await this.compiler.recompile(tx, organizationId);
  }
}
