import type { Credential, EnrollRequest, RenewRequest, RotateRequest } from '@longhaul/contracts';
import { noteChange } from '../changes/change.js';
import type { Transaction } from '../database/prisma.js';
import type { WorkerDatabase } from '../database/worker-database.js';
import type { AgentCredentials } from '../nats/agent-credentials.js';
import { AgentApiError } from './agent-api-error.js';
import type { ChallengesService } from './challenges.service.js';
import { tunnelEndpoints } from './endpoints.js';
import { parseEnrollmentToken, type TokenClaim } from './enrollment-token.js';
import type { FleetChanges } from './fleet-changes.js';
import type { KeyRotation } from './key-rotation.js';
import { isCountedRefusal, type EnrollmentRefusals } from './refusals.js';

/** What agents are told besides their credential. */
export interface EnrollmentSettings {
  readonly natsPublicUrls: readonly string[];
  readonly caPem: string;
}

type AgentState = 'PENDING' | 'APPROVED' | 'REVOKED';

interface AgentRow {
  readonly organization_id: string;
  readonly id: string;
  readonly site_id: string;
  readonly state: AgentState;
  readonly nats_public_key: string;
  readonly enrollment_token_id: string | null;
}

interface TokenRow {
  readonly organization_id: string;
  readonly id: string;
  readonly site_id: string;
  readonly labels: string[];
  readonly needs_approval: boolean;
}

interface TokenStatusRow extends TokenRow {
  readonly revoked: boolean;
  readonly expired: boolean;
  readonly used_up: boolean;
}

/** Another request with the same key was faster; what it made is there now. */
class KeyJustTaken extends Error {}

/** Lets agents in, and gives those that are in fresh credentials. */
export class EnrollmentService {
  constructor(
    private readonly database: WorkerDatabase,
    private readonly challenges: ChallengesService,
    private readonly credentials: AgentCredentials,
    private readonly fleet: FleetChanges,
    private readonly rotation: KeyRotation,
    private readonly refusals: EnrollmentRefusals,
    private readonly settings: EnrollmentSettings,
  ) {}

  /**
   * Makes an agent of whoever holds a good token and the key that it names. The same key gives the same agent, without
   * using the token up.
   *
   * @param seenFrom the client's address
   * @throws AgentApiError
   */
  async enroll(request: EnrollRequest, seenFrom: string | undefined): Promise<Credential> {
    const token = parseEnrollmentToken(request.token);
    await this.challenges.verify('enroll', request);
    const admit = (): Promise<AgentRow> =>
      this.database.transaction((tx) => this.admit(tx, request, token, seenFrom));
    const agent = await admit()
      .catch((error: unknown) => {
        if (error instanceof KeyJustTaken) return admit();
        throw error;
      })
      .catch(async (error: unknown) => {
        if (error instanceof AgentApiError && isCountedRefusal(error.code)) {
          await this.refusals.note(error.code, token.publicId, seenFrom);
        }
        throw error;
      });
    return this.credentialOf(agent);
  }

  /** @throws AgentApiError */
  async renew(request: RenewRequest): Promise<Credential> {
    await this.challenges.verify('renew', request);
    return this.credentialOf(await this.agentOf(request.natsPublicKey));
  }

  /**
   * Announces new keys of an agent, and gives the credential of the new nkey.
   *
   * @throws AgentApiError
   */
  async rotate(request: RotateRequest, seenFrom: string | undefined): Promise<Credential> {
    await this.rotation.announce(request, seenFrom);
    const agent = await findAgent(this.database.prisma, request.natsPublicKey);
    if (agent === undefined)
      throw new AgentApiError('AGENT_UNKNOWN', 'The agent is gone: enrol with a token.');
    return this.credentialOf({ ...agent, nats_public_key: request.next.natsPublicKey });
  }

  /** Whose key it is; the first use of a new key ends the old one. */
  private async agentOf(natsPublicKey: string): Promise<AgentRow> {
    const find = (): Promise<AgentRow | undefined> => findAgent(this.database.prisma, natsPublicKey);
    const agent =
      (await find()) ?? ((await this.rotation.completeByUse(natsPublicKey)) ? await find() : undefined);
    if (agent === undefined) {
      throw new AgentApiError('AGENT_UNKNOWN', 'No agent has this key: enrol with a token.');
    }
    refuseRevoked(agent);
    return agent;
  }

  private async admit(
    tx: Transaction,
    request: EnrollRequest,
    token: TokenClaim,
    seenFrom: string | undefined,
  ): Promise<AgentRow> {
    await reserveTunnelKey(tx, request);
    const known = await findAgent(tx, request.natsPublicKey);
    const agent = known
      ? await this.readmit(tx, known, request, token, seenFrom)
      : await this.create(tx, request, token, seenFrom);
    if (agent.state === 'APPROVED') await this.fleet.agentsChanged(tx, agent.organization_id);
    return agent;
  }

  private async create(
    tx: Transaction,
    request: EnrollRequest,
    claim: TokenClaim,
    seenFrom: string | undefined,
  ): Promise<AgentRow> {
    const token = await consumeToken(tx, claim);
    const state = token.needs_approval ? 'PENDING' : 'APPROVED';
    const endpoints = tunnelEndpoints(request.addresses, seenFrom, request.tunnelPort);
    const [agent] = await tx.$queryRaw<AgentRow[]>`
      INSERT INTO agents (organization_id, site_id, hostname, labels, state, version, nats_public_key,
                          tunnel_public_key, tunnel_port, endpoints, enrollment_token_id, approved_at)
      VALUES (${token.organization_id}::uuid, ${token.site_id}::uuid, ${request.hostname}, ${token.labels},
              ${state}::agent_state, ${request.agentVersion}, ${request.natsPublicKey},
              ${request.tunnelPublicKey}, ${request.tunnelPort}, ${endpoints}, ${token.id}::uuid,
              ${token.needs_approval ? null : new Date()})
      ON CONFLICT (nats_public_key) DO NOTHING
      RETURNING organization_id, id, site_id, state::text, nats_public_key, enrollment_token_id`;
    if (agent === undefined) throw new KeyJustTaken();
    await recordEnrollment(tx, agent, request.hostname, seenFrom);
    await noteChange(tx, agent.organization_id, 'agent', agent.id);
    return agent;
  }

  private async readmit(
    tx: Transaction,
    agent: AgentRow,
    request: EnrollRequest,
    claim: TokenClaim,
    seenFrom: string | undefined,
  ): Promise<AgentRow> {
    refuseRevoked(agent);
    const token = await findToken(tx, claim);
    if (token.organization_id !== agent.organization_id) {
      throw new AgentApiError(
        'KEY_IN_USE',
        'This key belongs to an agent of another organization: remove the agent’s state folder and enrol again.',
      );
    }
    // Its own one-off token is used up, by this very agent.
    refuseSpentToken({ ...token, used_up: token.used_up && token.id !== agent.enrollment_token_id });
    const endpoints = tunnelEndpoints(request.addresses, seenFrom, request.tunnelPort);
    await tx.$executeRaw`
      UPDATE agents
      SET hostname = ${request.hostname}, version = ${request.agentVersion},
          tunnel_public_key = ${request.tunnelPublicKey}, tunnel_port = ${request.tunnelPort},
          endpoints = ${endpoints}
      WHERE organization_id = ${agent.organization_id}::uuid AND id = ${agent.id}::uuid`;
    return agent;
  }

  private async credentialOf(agent: AgentRow): Promise<Credential> {
    const state = agent.state === 'APPROVED' ? 'approved' : 'pending';
    const { jwt, expiresAt } = await this.credentials.issue({
      organizationId: agent.organization_id,
      agentId: agent.id,
      natsPublicKey: agent.nats_public_key,
      state,
    });
    return {
      agentId: agent.id,
      organizationId: agent.organization_id,
      siteId: agent.site_id,
      state,
      natsUrls: [...this.settings.natsPublicUrls],
      natsJwt: jwt,
      natsJwtExpiresAt: expiresAt.toISOString(),
      caPem: this.settings.caPem,
    };
  }
}

/** The one guarded update: whoever finds a use left takes it, nobody else can. */
const consumeToken = async (tx: Transaction, { publicId, secretSha256 }: TokenClaim): Promise<TokenRow> => {
  const [token] = await tx.$queryRaw<TokenRow[]>`
    UPDATE enrollment_tokens
    SET uses = uses + 1, last_used_at = now()
    WHERE public_id = ${publicId} AND secret_sha256 = ${secretSha256}
      AND revoked_at IS NULL AND expires_at > now() AND uses < max_uses
    RETURNING organization_id, id, site_id, labels, needs_approval`;
  if (token !== undefined) return token;
  refuseSpentToken(await findToken(tx, { publicId, secretSha256 }));
  // It became good between the two statements, which no token does.
  throw new AgentApiError('TOKEN_UNKNOWN', 'The token changed just now: try again.');
};

/** @throws AgentApiError `TOKEN_UNKNOWN`, also when only the secret is wrong */
const findToken = async (
  tx: Transaction,
  { publicId, secretSha256 }: TokenClaim,
): Promise<TokenStatusRow> => {
  const [token] = await tx.$queryRaw<TokenStatusRow[]>`
    SELECT organization_id, id, site_id, labels, needs_approval,
           revoked_at IS NOT NULL AS revoked, expires_at <= now() AS expired, uses >= max_uses AS used_up
    FROM enrollment_tokens
    WHERE public_id = ${publicId} AND secret_sha256 = ${secretSha256}`;
  if (token !== undefined) return token;
  throw new AgentApiError(
    'TOKEN_UNKNOWN',
    'This controller did not issue that token: check the controller’s address and the token.',
  );
};

const refuseSpentToken = (token: TokenStatusRow): void => {
  if (token.revoked) throw new AgentApiError('TOKEN_REVOKED', 'The token was revoked: ask for a new one.');
  if (token.expired) throw new AgentApiError('TOKEN_EXPIRED', 'The token has expired: ask for a new one.');
  if (token.used_up) {
    throw new AgentApiError(
      'TOKEN_USED_UP',
      'The token has been used as often as it may be: ask for a new one.',
    );
  }
};

const refuseRevoked = (agent: AgentRow): void => {
  if (agent.state !== 'REVOKED') return;
  throw new AgentApiError(
    'AGENT_REVOKED',
    'This agent was revoked: remove its state folder and enrol it with a new token.',
  );
};

const findAgent = async (
  tx: Pick<Transaction, '$queryRaw'>,
  natsPublicKey: string,
): Promise<AgentRow | undefined> => {
  const [agent] = await tx.$queryRaw<AgentRow[]>`
    SELECT organization_id, id, site_id, state::text, nats_public_key, enrollment_token_id
    FROM agents WHERE nats_public_key = ${natsPublicKey}`;
  return agent;
};

/** Two agents must not share a tunnel key, not even by enrolling at the same moment. */
const reserveTunnelKey = async (tx: Transaction, request: EnrollRequest): Promise<void> => {
  const { tunnelPublicKey, natsPublicKey } = request;
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${tunnelPublicKey}, 0))::text`;
  const [other] = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM agents
    WHERE tunnel_public_key = ${tunnelPublicKey} AND nats_public_key <> ${natsPublicKey} AND state <> 'REVOKED'
    LIMIT 1`;
  if (other === undefined) return;
  throw new AgentApiError(
    'KEY_IN_USE',
    'Another agent has this tunnel key: remove the agent’s state folder (was it copied?) and enrol again.',
  );
};

const recordEnrollment = async (
  tx: Transaction,
  agent: AgentRow,
  hostname: string,
  origin: string | undefined,
): Promise<void> => {
  const after = { siteId: agent.site_id, state: agent.state, tokenId: agent.enrollment_token_id };
  await tx.$executeRaw`
    INSERT INTO audit_events (organization_id, actor_kind, actor_id, actor_name, origin, action, target_id, after)
    VALUES (${agent.organization_id}::uuid, 'agent', ${agent.id}::uuid, ${hostname}, ${origin ?? null},
            'agent.enrol', ${agent.id}, ${JSON.stringify(after)}::jsonb)`;
};
