import { rotationMessage, type RotateRequest } from '@longhaul/contracts';
import { Logger } from '@nestjs/common';
import type { Transaction } from '../database/prisma.js';
import type { WorkerDatabase } from '../database/worker-database.js';
import { verifySignature } from '@longhaul/contracts/nkey';
import { REVOCATION_LIFE_S } from '../nats/revocations.js';
import { OUTBOX_TOPICS } from '../outbox/topics.js';
import { AgentApiError } from './agent-api-error.js';
import type { ChallengesService } from './challenges.service.js';
import type { FleetChanges } from './fleet-changes.js';

/** How long an agent's old keys are good at most after it has announced new ones, in milliseconds. */
export const OVERLAP_MS = 4 * 3600 * 1000;
/** How often rotations whose time is over are looked for, in milliseconds. */
const SWEEP_INTERVAL_MS = 60_000;

interface RotatingAgent {
  readonly organization_id: string;
  readonly id: string;
  readonly hostname: string;
  readonly nats_public_key: string;
  readonly tunnel_public_key: string;
}

/**
 * An agent's change of keys. New ones are announced under the old nkey's signature and proved by their own; the old ones
 * stay good until the new ones' first use, or for {@link OVERLAP_MS}. Peers accept both tunnel keys meanwhile; then NATS refuses
 * the old nkey, and peers know the new tunnel key only.
 */
export class KeyRotation {
  private readonly logger = new Logger(KeyRotation.name);
  private sweeping: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: WorkerDatabase,
    private readonly challenges: ChallengesService,
    private readonly fleet: FleetChanges,
  ) {}

  start(): void {
    this.sweeping = setInterval(() => {
      this.completeOverdue().catch((error: unknown) => {
        this.logger.warn(`overdue changes of agents' keys could not be completed: ${String(error)}`);
      });
    }, SWEEP_INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.sweeping);
  }

  /** Announcing the same keys again changes nothing but the time. @throws AgentApiError */
  async announce(request: RotateRequest, origin: string | undefined): Promise<void> {
    const { natsPublicKey, next, challenge } = request;
    await this.challenges.take(natsPublicKey, challenge);
    const message = rotationMessage(challenge, next);
    for (const { natsPublicKey: key, signature } of [request, next]) {
      if (!verifySignature(key, message, Buffer.from(signature, 'base64'))) {
        throw new AgentApiError('SIGNATURE_INVALID', `The change of keys was not signed by ${key}.`);
      }
    }
    await this.database.transaction(async (tx) => {
      await assertUnused(tx, request);
      await retireEarlierAnnouncement(tx, request);
      const until = new Date(Date.now() + OVERLAP_MS);
      const [agent] = await tx.$queryRaw<RotatingAgent[]>`
        UPDATE agents SET next_nats_public_key = ${next.natsPublicKey},
          next_tunnel_public_key = ${next.tunnelPublicKey}, next_keys_until = ${until}
        WHERE nats_public_key = ${natsPublicKey} AND state <> 'REVOKED'
        RETURNING organization_id, id, hostname, nats_public_key, tunnel_public_key`;
      if (agent === undefined) {
        throw new AgentApiError(
          'AGENT_UNKNOWN',
          'No agent that is not revoked has this key: enrol with a token.',
        );
      }
      await audit(tx, 'agent.rotate-keys', agent, origin, { next: next.natsPublicKey, until });
      await this.fleet.agentsChanged(tx, agent.organization_id);
    });
  }

  /** The new nkey is used: the old keys are over. @returns whether a rotation to that key was under way */
  async completeByUse(nextNatsPublicKey: string): Promise<boolean> {
    return this.complete(
      (tx) => tx.$queryRaw<RotatingAgent[]>`
        SELECT organization_id, id, hostname, nats_public_key, tunnel_public_key FROM agents
        WHERE next_nats_public_key = ${nextNatsPublicKey} AND state <> 'REVOKED' FOR UPDATE`,
    );
  }

  /** Ends rotations whose time is over, and forgets old keys whose credentials have expired. */
  async completeOverdue(): Promise<void> {
    const overdue = (tx: Transaction) => tx.$queryRaw<RotatingAgent[]>`
      SELECT organization_id, id, hostname, nats_public_key, tunnel_public_key FROM agents
      WHERE next_keys_until < now() AND state <> 'REVOKED' LIMIT 1 FOR UPDATE SKIP LOCKED`;
    while (await this.complete(overdue));
    await this.database.prisma.$executeRaw`
      DELETE FROM retired_nats_keys WHERE retired_at < now() - make_interval(secs => ${REVOCATION_LIFE_S})`;
  }

  private async complete(find: (tx: Transaction) => Promise<RotatingAgent[]>): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const [agent] = await find(tx);
      if (agent === undefined) return false;
      const { organization_id: organizationId, id, nats_public_key: retired } = agent;
      await tx.$executeRaw`
        INSERT INTO retired_nats_keys (organization_id, nats_public_key, agent_id)
        VALUES (${organizationId}::uuid, ${retired}, ${id}::uuid)`;
      await tx.$executeRaw`
        UPDATE agents SET nats_public_key = next_nats_public_key, tunnel_public_key = next_tunnel_public_key,
          next_nats_public_key = NULL, next_tunnel_public_key = NULL, next_keys_until = NULL
        WHERE organization_id = ${organizationId}::uuid AND id = ${id}::uuid`;
      await tx.$executeRaw`
        INSERT INTO outbox (organization_id, topic, subject_id)
        VALUES (${organizationId}::uuid, ${OUTBOX_TOPICS.keysRetired}, ${id}::uuid)`;
      await audit(tx, 'agent.keys-rotated', agent, undefined, { retired });
      await this.fleet.agentsChanged(tx, organizationId);
      return true;
    });
  }
}

/** Keys that were announced and are not to be used after all have a credential, too. */
const retireEarlierAnnouncement = async (
  tx: Transaction,
  { natsPublicKey, next }: RotateRequest,
): Promise<void> => {
  await tx.$executeRaw`
    WITH retired AS (
      INSERT INTO retired_nats_keys (organization_id, nats_public_key, agent_id)
      SELECT organization_id, next_nats_public_key, id FROM agents
      WHERE nats_public_key = ${natsPublicKey} AND next_nats_public_key <> ${next.natsPublicKey}
      RETURNING organization_id, agent_id
    )
    INSERT INTO outbox (organization_id, topic, subject_id)
    SELECT organization_id, ${OUTBOX_TOPICS.keysRetired}, agent_id FROM retired`;
};

/** @throws AgentApiError `KEY_IN_USE` */
const assertUnused = async (tx: Transaction, { natsPublicKey, next }: RotateRequest): Promise<void> => {
  const keys = [next.natsPublicKey, next.tunnelPublicKey].sort();
  for (const key of keys) await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${key}, 0))::text`;
  const [taken] = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM agents
    WHERE nats_public_key = ${next.natsPublicKey}
       OR tunnel_public_key = ${next.tunnelPublicKey}
       OR (nats_public_key <> ${natsPublicKey}
           AND (next_nats_public_key = ${next.natsPublicKey} OR next_tunnel_public_key = ${next.tunnelPublicKey}))
    UNION ALL SELECT 1 FROM retired_nats_keys WHERE nats_public_key = ${next.natsPublicKey}
    LIMIT 1`;
  if (taken === undefined) return;
  throw new AgentApiError('KEY_IN_USE', 'One of the new keys is, or was, in use: both have to be made anew.');
};

const audit = async (
  tx: Transaction,
  action: string,
  agent: RotatingAgent,
  origin: string | undefined,
  after: object,
): Promise<void> => {
  await tx.$executeRaw`
    INSERT INTO audit_events (organization_id, actor_kind, actor_id, actor_name, origin, action, target_id, after)
    VALUES (${agent.organization_id}::uuid, 'agent', ${agent.id}::uuid, ${agent.hostname}, ${origin ?? null},
            ${action}, ${agent.id}, ${JSON.stringify(after)}::jsonb)`;
};
