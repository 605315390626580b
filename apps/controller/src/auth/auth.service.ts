import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { audit } from '../audit/audit.js';
import { noteChange } from '../changes/change.js';
import type { Transaction } from '../database/prisma.js';
import { enterScope, TenantDatabase } from '../database/tenant-database.js';
import { ApiError } from '../graphql/errors.js';
import { parseCredentials, type Credentials, type RequestHead } from './credentials.js';
import { hashPassword, verifyPassword } from './password.js';
import type { Principal } from './principal.js';
import { RateLimiter } from './rate-limiter.js';
import { sha256 } from './secret-token.js';
import {
  SessionsService,
  toPrincipal,
  type Circumstances,
  type NewSession,
  type SessionClient,
} from './sessions.service.js';

/** `lastUsedAt` of a session or an API token is written at most this often, in milliseconds. */
const LAST_USED_RESOLUTION_MS = 60_000;
/** Sign-ins at once by address of the client and by e-mail address; one more every 30 s. */
const SIGN_IN_BURST = 10;
const SIGN_IN_REFILL_MS = 30_000;

/** Tells who asks, and signs people in and out. */
@Injectable()
export class AuthService {
  private readonly attempts = new RateLimiter(SIGN_IN_BURST, SIGN_IN_REFILL_MS);

  constructor(
    private readonly database: TenantDatabase,
    private readonly sessions: SessionsService,
  ) {}

  /** Who sent a request: undefined when nobody says so, or the credential is not (or no longer) good. */
  async authenticate(request: RequestHead): Promise<Principal | undefined> {
    const credentials = parseCredentials(request.headers);
    if (credentials === undefined) return undefined;
    return credentials.kind === 'session'
      ? this.bySession(credentials.token, request.remoteAddress)
      : this.byApiToken(credentials, request.remoteAddress);
  }

  /**
   * @throws ApiError UNAUTHENTICATED, the same for an unknown address and a wrong password; RATE_LIMITED
   */
  async signIn(emailGiven: string, password: string, client: SessionClient): Promise<NewSession> {
    const email = emailGiven.trim().toLowerCase();
    const keys = [`address ${client.origin ?? ''}`, `email ${email}`];
    this.limit(keys);
    const user = await this.database.scoped({ signInEmail: email }, (tx) =>
      tx.user.findUnique({ where: { email } }),
    );
    if (!(await verifyPassword(password, user?.passwordHash ?? undefined)) || user === null) {
      throw new ApiError('UNAUTHENTICATED', 'E-mail address or password is wrong.');
    }
    for (const key of keys) this.attempts.giveBack(key);
    return this.sessions.open(user, client);
  }

  async signOut(principal: Principal): Promise<void> {
    const { organizationId, sessionId } = principal;
    if (sessionId === undefined) return;
    await this.database.transaction(organizationId, async (tx) => {
      await tx.session.deleteMany({ where: { organizationId, id: sessionId } });
      await audit(tx, organizationId, principal, { action: 'session.close', targetId: principal.userId });
      await noteChange(tx, organizationId, 'access', principal.userId);
    });
  }

  /** Changes the password and ends the person's other sessions. */
  async changePassword(principal: Principal, current: string, next: string): Promise<void> {
    const key = `email ${principal.name}`;
    this.limit([key]);
    const { userOrganizationId: organizationId, userId: id } = principal;
    const where = { organizationId_id: { organizationId, id } };
    const user = await this.database.transaction(organizationId, (tx) =>
      tx.user.findUniqueOrThrow({ where }),
    );
    if (!(await verifyPassword(current, user.passwordHash ?? undefined))) {
      throw new ApiError('BAD_INPUT', 'The current password is wrong.');
    }
    this.attempts.giveBack(key);
    const passwordHash = await hashPassword(next);
    await this.database.transaction(organizationId, async (tx) => {
      await tx.user.update({ where, data: { passwordHash } });
      await enterScope(tx, { organizationId: principal.organizationId });
      await tx.session.deleteMany({ where: { userId: id, NOT: { id: principal.sessionId ?? '' } } });
      await audit(tx, principal.organizationId, principal, { action: 'password.change', targetId: id });
      await noteChange(tx, principal.organizationId, 'access', id);
    });
  }

  private limit(keys: readonly string[]): void {
    const waitMs = Math.max(...keys.map((key) => this.attempts.take(key)));
    if (waitMs === 0) return;
    const seconds = Math.ceil(waitMs / 1000);
    throw new ApiError('RATE_LIMITED', `Too many attempts: try again in ${String(seconds)} s.`, {
      retryAfterSeconds: seconds,
    });
  }

  private async bySession(token: string, origin: string | undefined): Promise<Principal | undefined> {
    const tokenHash = this.sessions.hashOf(token);
    return this.database.scoped({ sessionHash: tokenHash.toString('hex') }, async (tx) => {
      const session = await tx.session.findUnique({ where: { tokenHash } });
      if (session === null || session.expiresAt <= new Date()) return undefined;
      const member = await loadMember(tx, session.organizationId, session.userId, {
        sessionId: session.id,
        origin,
      });
      await noteUseOfSession(tx, session, new Date());
      return member;
    });
  }

  private async byApiToken(
    { publicId, secret }: Extract<Credentials, { kind: 'api-token' }>,
    origin: string | undefined,
  ): Promise<Principal | undefined> {
    return this.database.scoped({ apiTokenId: publicId }, async (tx) => {
      const token = await tx.apiToken.findUnique({ where: { publicId } });
      if (token === null || !timingSafeEqual(sha256(secret), token.secretSha256)) return undefined;
      const now = new Date();
      if (token.revokedAt !== null || (token.expiresAt !== null && token.expiresAt <= now)) return undefined;
      const member = await loadMember(tx, token.organizationId, token.createdById, { origin });
      await noteUse(tx, token, now);
      return member && { ...member, kind: 'api-token', id: token.id, name: token.name, scopes: token.scopes };
    });
  }
}

/** The membership is read at every request: a role that was taken away is gone at once. */
const loadMember = async (
  tx: Transaction,
  organizationId: string,
  userId: string,
  circumstances: Circumstances,
): Promise<Principal | undefined> => {
  await enterScope(tx, { organizationId });
  const membership = await tx.membership.findUnique({
    where: { organizationId_userId: { organizationId, userId } },
    include: { user: true },
  });
  return membership === null ? undefined : toPrincipal(membership.user, membership, circumstances);
};

/** What is used: a session or an API token. */
interface Used {
  readonly organizationId: string;
  readonly id: string;
  readonly lastUsedAt: Date | null;
}

const isNoted = ({ lastUsedAt }: Used, now: Date): boolean =>
  lastUsedAt !== null && now.getTime() - lastUsedAt.getTime() < LAST_USED_RESOLUTION_MS;

const noteUseOfSession = async (tx: Transaction, session: Used, now: Date): Promise<void> => {
  if (isNoted(session, now)) return;
  const { organizationId, id } = session;
  await tx.session.updateMany({ where: { organizationId, id }, data: { lastUsedAt: now } });
};

const noteUse = async (tx: Transaction, token: Used, now: Date): Promise<void> => {
  if (isNoted(token, now)) return;
  const { organizationId, id } = token;
  await tx.apiToken.update({
    where: { organizationId_id: { organizationId, id } },
    data: { lastUsedAt: now },
    select: { id: true },
  });
};
