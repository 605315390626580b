import { Injectable, Logger } from '@nestjs/common';
import { audit, type Actor } from '../audit/audit.js';
import {
  SessionsService,
  type NewSession,
  type SessionClient,
  type SessionUser,
} from '../auth/sessions.service.js';
import type { OidcAccess } from '../config/oidc-settings.js';
import type { Transaction } from '../database/prisma.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { WorkerDatabase } from '../database/worker-database.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Role } from '../generated/prisma/enums.js';
import { isLastOwner, lockMembers } from '../users/last-owner.js';
import { isOfDomain, roleBy } from './oidc-access.js';
import type { OidcIdentity } from './oidc-client.js';
import { OidcError } from './oidc-error.js';

/** What the provider says of somebody's place in an organization; no role: none. */
interface Grant {
  readonly organizationId: string;
  readonly access: OidcAccess;
  readonly role: Role | undefined;
}

/**
 * Turns a proved identity into a session. An account is found by issuer and subject. The first time it is linked by
 * e-mail address, if the provider has verified that and has a say over its domain in the account's own organization; if
 * there is none, it is made in the first organization that lets the person in. Memberships that the provider made follow
 * it at every sign-in; those that people made are left alone.
 */
@Injectable()
export class OidcSignIn {
  private readonly logger = new Logger(OidcSignIn.name);

  constructor(
    private readonly database: TenantDatabase,
    private readonly worker: WorkerDatabase,
    private readonly sessions: SessionsService,
  ) {}

  /** @throws OidcError */
  async signIn(
    identity: OidcIdentity,
    access: readonly OidcAccess[],
    client: SessionClient,
  ): Promise<NewSession> {
    const grants = await this.grantsOf(identity, access);
    const user = await this.findOrMake(identity, grants, client).catch((error: unknown) => {
      if (!(error instanceof Prisma.PrismaClientKnownRequestError) || error.code !== 'P2002') throw error;
      // Two first sign-ins of one person at once: the other one has made the account.
      return this.findOrMake(identity, grants, client);
    });
    const actor = actorOf(user, client);
    for (const grant of grants) await this.follow(user, grant, actor);
    if (!(await this.belongsSomewhere(user))) {
      throw new OidcError('no-access', `${identity.email} is let in nowhere: see LONGHAUL_OIDC_ACCESS_FILE`);
    }
    return this.sessions.open(user, client);
  }

  private async grantsOf(identity: OidcIdentity, access: readonly OidcAccess[]): Promise<Grant[]> {
    const organizations = await this.worker.prisma.organization.findMany({
      select: { id: true, isProvider: true },
    });
    return access.flatMap((entry) => {
      const found = organizations.find(({ id, isProvider }) =>
        entry.organization === 'provider' ? isProvider : id === entry.organization,
      );
      if (found !== undefined) {
        return [{ organizationId: found.id, access: entry, role: roleBy(entry, identity) }];
      }
      this.logger.warn(
        `LONGHAUL_OIDC_ACCESS_FILE names ${entry.organization}, which is no organization here`,
      );
      return [];
    });
  }

  private async findOrMake(
    identity: OidcIdentity,
    grants: readonly Grant[],
    client: SessionClient,
  ): Promise<SessionUser> {
    const { email, emailVerified, identity: oidcIdentity } = identity;
    const known = await this.database.scoped({ oidcIdentity }, (tx) =>
      tx.user.findUnique({ where: { oidcIdentity } }),
    );
    if (known !== null) return known;
    if (!emailVerified) {
      throw new OidcError(
        'unverified-email',
        `the provider has not verified ${email}: it has to say email_verified`,
      );
    }
    const namesake = await this.database.scoped({ signInEmail: email }, (tx) =>
      tx.user.findUnique({ where: { email } }),
    );
    return namesake === null
      ? this.make(identity, grants, client)
      : this.link(namesake, identity, grants, client);
  }

  private async link(
    user: SessionUser & { readonly oidcIdentity: string | null },
    identity: OidcIdentity,
    grants: readonly Grant[],
    client: SessionClient,
  ): Promise<SessionUser> {
    const { organizationId, id } = user;
    const hasSay = grants.some(
      (grant) => grant.organizationId === organizationId && isOfDomain(grant.access, identity),
    );
    if (!hasSay || user.oidcIdentity !== null) {
      throw new OidcError(
        'other-account',
        `${identity.email} has an account that the provider has no say over, or that is linked to another identity`,
      );
    }
    await this.database.transaction(organizationId, async (tx) => {
      const { count } = await tx.user.updateMany({
        where: { organizationId, id, oidcIdentity: null },
        data: { oidcIdentity: identity.identity },
      });
      if (count === 0) throw new OidcError('other-account', `${identity.email} was linked meanwhile`);
      await audit(tx, organizationId, actorOf(user, client), {
        action: 'user.link',
        targetId: id,
        after: { email: user.email, identity: identity.identity },
      });
    });
    return user;
  }

  private async make(
    { email, identity }: OidcIdentity,
    grants: readonly Grant[],
    client: SessionClient,
  ): Promise<SessionUser> {
    const home = grants.find(({ role }) => role !== undefined);
    if (home === undefined) {
      throw new OidcError('no-access', `${email} is let in nowhere: see LONGHAUL_OIDC_ACCESS_FILE`);
    }
    const { organizationId } = home;
    return this.database.transaction(organizationId, async (tx) => {
      const user = await tx.user.create({ data: { organizationId, email, oidcIdentity: identity } });
      await audit(tx, organizationId, actorOf(user, client), {
        action: 'user.create',
        targetId: user.id,
        after: { email, identity },
      });
      return user;
    });
  }

  /** Makes the membership what the provider says, if it is one of the provider's. */
  private async follow(user: SessionUser, { organizationId, role }: Grant, actor: Actor): Promise<void> {
    const userId = user.id;
    await this.database.transaction(organizationId, async (tx) => {
      await lockMembers(tx, organizationId);
      const where = { organizationId_userId: { organizationId, userId } };
      const before = await tx.membership.findUnique({ where });
      if (before === null && role !== undefined) {
        const userOrganizationId = user.organizationId;
        await tx.membership.create({
          data: { organizationId, userOrganizationId, userId, role, byOidc: true },
        });
        await noteMember(tx, 'member.add', organizationId, user, actor, undefined, role);
      } else if (before?.byOidc === true && before.role !== role) {
        if (role !== 'OWNER' && (await isLastOwner(tx, before))) {
          this.logger.warn(`organization ${organizationId} keeps its last owner, whatever the provider says`);
          return;
        }
        if (role === undefined) await tx.membership.delete({ where });
        else await tx.membership.update({ where, data: { role } });
        const action = role === undefined ? 'member.remove' : 'member.change-role';
        await noteMember(tx, action, organizationId, user, actor, before.role, role);
      }
    });
  }

  private async belongsSomewhere({ id: userId }: SessionUser): Promise<boolean> {
    return (await this.database.scoped({ userId }, (tx) => tx.membership.count({ where: { userId } }))) > 0;
  }
}

const actorOf = ({ id, email }: SessionUser, { origin }: SessionClient): Actor => ({
  kind: 'user',
  id,
  name: email,
  origin,
});

const noteMember = async (
  tx: Transaction,
  action: string,
  organizationId: string,
  { id, email }: SessionUser,
  actor: Actor,
  before: Role | undefined,
  after: Role | undefined,
): Promise<void> => {
  await audit(tx, organizationId, actor, {
    action,
    targetId: id,
    ...(before === undefined ? {} : { before: { email, role: before } }),
    ...(after === undefined ? {} : { after: { email, role: after, byOidc: true } }),
  });
};
