import { desiredStateDirectGet, subjects } from '@longhaul/contracts';
import { encodeUser, type UserPermissions } from './jwt.js';
import type { NatsOperator } from './operator.js';

/** A credential's life in seconds; agents renew at half of it. */
export const CREDENTIAL_LIFE_S = 24 * 3600;
/** Telemetry in batches of thousands of records fits; nothing that an agent sends is larger. */
const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;
/** Inbox, nudges, and some to spare. */
const MAX_SUBSCRIPTIONS = 20;

/** Whom a credential is for. */
export interface AgentIdentity {
  readonly organizationId: string;
  readonly agentId: string;
  readonly natsPublicKey: string;
  readonly state: 'pending' | 'approved';
}

export interface AgentCredential {
  readonly jwt: string;
  readonly expiresAt: Date;
}

/** What an agent may do on NATS: its own subjects, its own key, its own inbox. A pending one may say hello and listen. */
export const agentPermissions = ({ organizationId, agentId, state }: AgentIdentity): UserPermissions => ({
  publish:
    state === 'approved'
      ? [subjects.agentPublish(organizationId, agentId), desiredStateDirectGet(organizationId, agentId)]
      : [subjects.hello(organizationId, agentId)],
  subscribe: [subjects.agentSubscribe(organizationId, agentId), `${subjects.inboxPrefix(agentId)}.>`],
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  maxSubscriptions: MAX_SUBSCRIPTIONS,
});

/** Issues agents' NATS credentials; the agent's own key proves their use. */
export class AgentCredentials {
  constructor(private readonly operator: Pick<NatsOperator, 'agentsAccount'>) {}

  async issue(agent: AgentIdentity, lifeSeconds = CREDENTIAL_LIFE_S): Promise<AgentCredential> {
    const expiresAt = Math.floor(Date.now() / 1000) + lifeSeconds;
    const { key, signingSeed } = this.operator.agentsAccount;
    const jwt = await encodeUser(
      {
        name: credentialName(agent),
        userKey: agent.natsPublicKey,
        accountKey: key,
        signingSeed,
        expiresAt,
      },
      agentPermissions(agent),
    );
    return { jwt, expiresAt: new Date(expiresAt * 1000) };
  }
}

/** The name in the JWT, by which the server's reports tell whose connection it is. */
export const credentialName = ({
  organizationId,
  agentId,
}: Pick<AgentIdentity, 'organizationId' | 'agentId'>): string => `${organizationId}.${agentId}`;

const NAME = /^([0-9a-f-]{36})\.([0-9a-f-]{36})$/;

/** The reverse of {@link credentialName}; undefined for anybody else. */
export const parseCredentialName = (
  name: string,
): { organizationId: string; agentId: string } | undefined => {
  const [, organizationId, agentId] = NAME.exec(name) ?? [];
  return organizationId === undefined || agentId === undefined ? undefined : { organizationId, agentId };
};
