import { createHmac, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { audit } from '../audit/audit.js';
import { CONTROLLER_STATE } from '../bootstrap/controller-state.module.js';
import type { ControllerState } from '../bootstrap/prepare.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { noteChange } from '../changes/change.js';
import type { Transaction } from '../database/prisma.js';
import { enterScope, TenantDatabase } from '../database/tenant-database.js';
import { ApiError, notFound } from '../graphql/errors.js';
import type { Principal } from './principal.js';

/** How long a sign-in lasts, in milliseconds: a week. */
export const SESSION_LIFE_MS = 7 * 24 * 3600 * 1000;
/** Longer ones are cut. */
const MAX_USER_AGENT = 300;

/** A fresh session: what the cookie has to say. */
export interface NewSession {
  readonly principal: Principal;
  readonly token: string;
  readonly expiresAt: Date;
}

/** What is known of the client that signs in. */
export interface SessionClient {
  readonly origin: string | undefined;
  readonly userAgent?: string | undefined;
}

/** Whose a session is. */
export interface SessionUser {
  readonly organizationId: string;
  readonly id: string;
  readonly email: string;
}

/** Begins sessions, and moves them from one organization to another. */
@Injectable()
export class SessionsService {
  private readonly secret: string;

  constructor(
    private readonly database: TenantDatabase,
    @Inject(SETTINGS) settings: Settings,
    @Inject(CONTROLLER_STATE) state: Pick<ControllerState, 'sessionSecret'>,
  ) {
    this.secret = settings.sessionSecret ?? state.sessionSecret;
  }

  /**
   * Begins a session of somebody whose identity has been proved, in the organization that they joined first.
   *
   * @throws ApiError FORBIDDEN for whoever belongs to none
   */
  async open(user: SessionUser, client: SessionClient): Promise<NewSession> {
    return this.database.scoped({ userId: user.id }, async (tx) => {
      const membership = await tx.membership.findFirst({
        where: { userId: user.id },
        orderBy: [{ createdAt: 'asc' }],
      });
      if (membership === null) {
        throw new ApiError('FORBIDDEN', 'You belong to no organization: ask its owner to add you.');
      }
      await enterScope(tx, { organizationId: membership.organizationId });
      return this.begin(tx, user, membership, client);
    });
  }

  /**
   * Ends the session of `principal` and begins one of the same person in another of their organizations, with a value of
   * the cookie of its own.
   *
   * @throws ApiError NOT_FOUND where they are no member
   */
  async move(principal: Principal, organizationId: string, client: SessionClient): Promise<NewSession> {
    const { userId, userOrganizationId, sessionId, name: email } = principal;
    return this.database.scoped({ organizationId: principal.organizationId, userId }, async (tx) => {
      const membership = await tx.membership.findUnique({
        where: { organizationId_userId: { organizationId, userId } },
      });
      if (membership === null) {
        throw new ApiError(
          'NOT_FOUND',
          `You are no member of an organization ${organizationId}: list organizations to see where you are.`,
        );
      }
      await tx.session.deleteMany({
        where: { organizationId: principal.organizationId, id: sessionId ?? '' },
      });
      await audit(tx, principal.organizationId, principal, {
        action: 'session.leave',
        targetId: userId,
        after: { organizationId },
      });
      await noteChange(tx, principal.organizationId, 'access', userId);
      await enterScope(tx, { organizationId });
      return this.begin(tx, { organizationId: userOrganizationId, id: userId, email }, membership, client);
    });
  }

  /** Ends a session of the organization. @throws ApiError NOT_FOUND */
  async end(tx: Transaction, principal: Principal, id: string, userId: string | undefined): Promise<void> {
    const { organizationId } = principal;
    const whose = userId === undefined ? {} : { userId };
    const session = await tx.session.findFirst({ where: { organizationId, id, ...whose } });
    if (session === null) throw notFound('session', id);
    await tx.session.deleteMany({ where: { organizationId, id } });
    await audit(tx, organizationId, principal, {
      action: 'session.end',
      targetId: session.userId,
      before: { origin: session.origin, userAgent: session.userAgent, createdAt: session.createdAt },
    });
    await noteChange(tx, organizationId, 'access', session.userId);
  }

  /** Keyed: whoever can write into the database cannot make a session of it. */
  hashOf(token: string): Buffer<ArrayBuffer> {
    return Buffer.from(createHmac('sha256', this.secret).update(token).digest());
  }

  private async begin(
    tx: Transaction,
    user: SessionUser,
    { organizationId, role }: Pick<Principal, 'organizationId' | 'role'>,
    { origin, userAgent }: SessionClient,
  ): Promise<NewSession> {
    const token = randomBytes(32).toString('base64url');
    const expiresAt = new Date(Date.now() + SESSION_LIFE_MS);
    await tx.session.deleteMany({ where: { organizationId, expiresAt: { lt: new Date() } } });
    const session = await tx.session.create({
      data: {
        organizationId,
        userId: user.id,
        tokenHash: this.hashOf(token),
        expiresAt,
        origin: origin ?? null,
        userAgent: userAgent?.slice(0, MAX_USER_AGENT) ?? null,
      },
    });
    const principal = toPrincipal(user, { organizationId, role }, { sessionId: session.id, origin });
    await audit(tx, organizationId, principal, { action: 'session.open', targetId: user.id });
    return { principal, token, expiresAt };
  }
}

export type Circumstances = Partial<Pick<Principal, 'sessionId' | 'origin'>>;

/** A person as they act in an organization. */
export const toPrincipal = (
  user: { organizationId: string; id: string; email: string },
  { organizationId, role }: Pick<Principal, 'organizationId' | 'role'>,
  { sessionId, origin }: Circumstances,
): Principal => ({
  kind: 'user',
  id: user.id,
  name: user.email,
  organizationId,
  userId: user.id,
  userOrganizationId: user.organizationId,
  role,
  scopes: undefined,
  sessionId,
  origin,
});
