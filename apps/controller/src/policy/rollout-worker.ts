import type { OnlineAgents } from '../agents/online.js';
import { audit } from '../audit/audit.js';
import { noteChange } from '../changes/change.js';
import type { Transaction } from '../database/prisma.js';
import type { WorkerDatabase } from '../database/worker-database.js';
import { moveOrHalt } from './compile-fault.js';
import { ConnectedPasses, type Connected, type Running } from './connected-passes.js';
import type { DesiredStateCompiler } from './desired-state-compiler.js';
import { lostLinks } from './lost-links.js';
import { rolloutAgents } from './rollout-agents.js';
import {
  assessStage,
  LOST_AFTER_MS,
  type RolloutAgent,
  type StageTerms,
  type Verdict,
} from './rollout-assessment.js';
import { toRollout, type StoredRollout } from './rollout-store.js';

const INTERVAL_MS = 1_000;
/** Agents' tunnels are looked at once in so many intervals. */
const PASSES_PER_LOOK = 5;

/** Who acts, in the audit. */
const ACTOR = { kind: 'system', name: 'rollout' } as const;

/**
 * Moves rollouts on, and halts them. All that it knows is in the database, and each step is one transaction that holds the
 * organization's lock: of two replicas one takes it and the other passes by; one that is killed leaves the rollout as it was.
 */
export class RolloutWorker {
  private readonly loop: ConnectedPasses;
  private passes = 0;
  private looksAtLinks = true;

  constructor(
    private readonly database: WorkerDatabase,
    private readonly compiler: DesiredStateCompiler,
    private readonly presence: OnlineAgents,
    connection: Connected,
  ) {
    this.loop = new ConnectedPasses('rollouts', connection, INTERVAL_MS, {
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

  private async list(): Promise<Running[]> {
    this.looksAtLinks = this.passes++ % PASSES_PER_LOOK === 0;
    return this.database.prisma.rollout.findMany({
      where: { state: 'RUNNING' },
      select: { organizationId: true, id: true },
    });
  }

  private step(running: Running): Promise<void> {
    return moveOrHalt(
      () => this.move(running, (tx, rollout) => this.assess(tx, rollout)),
      (reason) => this.move(running, () => Promise.resolve({ kind: 'halt', reason })),
    );
  }

  private async move(
    { organizationId, id }: Running,
    judge: (tx: Transaction, rollout: StoredRollout) => Promise<Verdict>,
  ): Promise<void> {
    await this.database.transaction(async (tx) => {
      if (!(await this.compiler.tryLock(tx, organizationId))) return;
      const row = await tx.rollout.findUnique({ where: { organizationId_id: { organizationId, id } } });
      if (row?.state !== 'RUNNING') return;
      const rollout = toRollout(row);
      const verdict = await judge(tx, rollout);
      if (verdict.kind !== 'wait') await this.carryOut(tx, rollout, verdict);
    });
  }

  /** What agents say of their tunnels is much to read: not at every step, but before a stage is left. */
  private async assess(tx: Transaction, rollout: StoredRollout): Promise<Verdict> {
    const agents = await this.agentsOf(tx, rollout);
    const verdict = assessStage(agents, termsOf(rollout), new Date());
    if (verdict.kind === 'halt' || (verdict.kind === 'wait' && !this.looksAtLinks)) return verdict;
    return assessStage(await this.withLostLinks(tx, rollout, agents), termsOf(rollout), new Date());
  }

  private async carryOut(tx: Transaction, rollout: StoredRollout, verdict: Verdict): Promise<void> {
    const { organizationId, id, policyId, revision, stage, stages } = rollout;
    const where = { organizationId_id: { organizationId, id } };
    const note = async (action: string, after: object) => {
      await audit(tx, organizationId, ACTOR, { action, targetId: id, after });
      await noteChange(tx, organizationId, 'rollout', id);
    };
    if (verdict.kind === 'halt') {
      await tx.rollout.update({ where, data: { state: 'HALTED', reason: verdict.reason } });
      await note('policy.rollout.halt', { revision, stage, reason: verdict.reason });
      return;
    }
    if (stage + 1 < stages.length) {
      await tx.rollout.update({ where, data: { stage: stage + 1, stageStartedAt: new Date() } });
      await note('policy.rollout.advance', { revision, stage: stage + 1 });
    } else {
      await tx.rollout.update({ where, data: { state: 'COMPLETED', finishedAt: new Date() } });
      await tx.policy.updateMany({ where: { organizationId, id: policyId }, data: { revision } });
      await noteChange(tx, organizationId, 'policy', policyId);
      await note('policy.rollout.complete', { revision });
    }
    await this.compiler.recompile(tx, organizationId);
  }

  private async agentsOf(tx: Transaction, rollout: StoredRollout): Promise<RolloutAgent[]> {
    const agents = await rolloutAgents(tx, rollout, this.presence);
    // One that has just started may not have heard of everybody yet.
    const isNew = Date.now() - (this.loop.upSince ?? Date.now()) < LOST_AFTER_MS;
    return isNew ? agents.map((agent) => ({ ...agent, online: agent.online || isRecent(agent) })) : agents;
  }

  /** A tunnel to an agent that is away says nothing about the new state. */
  private async withLostLinks(
    tx: Transaction,
    rollout: StoredRollout,
    agents: readonly RolloutAgent[],
  ): Promise<RolloutAgent[]> {
    const { organizationId } = rollout;
    const lost = (await lostLinks(tx, rollout, agents)).filter(({ peerAgentId }) =>
      this.presence.isOnline(organizationId, peerAgentId),
    );
    if (lost.length === 0) return [...agents];
    const ids = [...new Set(lost.map(({ peerAgentId }) => peerAgentId))];
    const peers = await tx.agent.findMany({
      where: { organizationId, id: { in: ids }, state: 'APPROVED' },
      select: { id: true, hostname: true },
      orderBy: [{ hostname: 'asc' }, { id: 'asc' }],
    });
    const isLost = (agentId: string, peerId: string): boolean =>
      lost.some((link) => link.agentId === agentId && link.peerAgentId === peerId);
    return agents.map((agent) => ({
      ...agent,
      lostLinks: peers.filter(({ id }) => isLost(agent.id, id)).map(({ hostname }) => hostname),
    }));
  }
}

const isRecent = ({ lastSeenAt }: RolloutAgent): boolean =>
  lastSeenAt !== null && Date.now() - lastSeenAt.getTime() < 3 * LOST_AFTER_MS;

/** By what a stage is judged. */
export const termsOf = ({
  stageStartedAt,
  soakSeconds,
  confirmSeconds,
  maxFailures,
}: Pick<StoredRollout, 'stageStartedAt' | 'soakSeconds' | 'confirmSeconds' | 'maxFailures'>): StageTerms => ({
  startedAt: stageStartedAt,
  soakMs: soakSeconds * 1000,
  confirmMs: confirmSeconds * 1000,
  maxFailures,
});
