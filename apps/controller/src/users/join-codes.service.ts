import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { requirePerson } from '../auth/principal.js';
import { SessionsService } from '../auth/sessions.service.js';
import { ApiError } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import type { JoinCode } from './user.model.js';

/** How long a code is good, in milliseconds: a day. */
const LIFE_MS = 24 * 3600 * 1000;
const CODE = /^lh_join_([\w-]+)\.([\w-]{43})$/;

const claimsSchema = z.object({ userId: z.uuid(), email: z.string(), untilMs: z.number() });

/**
 * Codes by which a person lets an owner of another organization add them. The code names the person and is sealed with the
 * controller's secret: an owner learns of an account only what its person has handed them, and cannot ask for addresses.
 */
@Injectable()
export class JoinCodesService {
  constructor(private readonly sessions: SessionsService) {}

  /** @throws ApiError FORBIDDEN for an API token */
  async create(context: RequestContext): Promise<JoinCode> {
    const principal = requirePerson(context.principal);
    const { userId, name: email, organizationId } = principal;
    const expiresAt = new Date(Date.now() + LIFE_MS);
    const claims = { userId, email, untilMs: expiresAt.getTime() };
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    await context.write((tx) =>
      audit(tx, organizationId, principal, {
        action: 'join-code.create',
        targetId: userId,
        after: { expiresAt },
      }),
    );
    return { code: `lh_join_${body}.${this.seal(body).toString('base64url')}`, expiresAt };
  }

  /** Whose code it is. @throws ApiError NOT_FOUND for one that is not (or no longer) good */
  read(code: string): { readonly userId: string; readonly email: string } {
    const [, body = '', seal = ''] = CODE.exec(code.trim()) ?? [];
    const given = Buffer.from(seal, 'base64url');
    const right = this.seal(body);
    if (given.length !== right.length || !timingSafeEqual(given, right)) throw noSuchCode();
    const claims = claimsSchema.parse(JSON.parse(Buffer.from(body, 'base64url').toString()));
    if (claims.untilMs <= Date.now()) throw noSuchCode();
    return claims;
  }

  private seal(body: string): Buffer {
    return this.sessions.hashOf(`join code ${body}`);
  }
}

export const noSuchCode = (): ApiError =>
  new ApiError(
    'NOT_FOUND',
    'This join code is not (or no longer) good: ask the person for a new one, which createJoinCode makes.',
  );
