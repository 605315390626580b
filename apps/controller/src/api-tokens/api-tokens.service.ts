import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { ALL_PERMISSIONS, mayDo, type Permission } from '../auth/principal.js';
import { createSecretToken } from '../auth/secret-token.js';
import type { Prisma } from '../generated/prisma/client.js';
import { ApiError, notFound } from '../graphql/errors.js';
import { descending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { nameSchema, parseInput, requireId } from '../graphql/validation.js';
import type {
  ApiToken,
  ApiTokenConnection,
  ApiTokenFilter,
  CreateApiTokenInput,
  CreatedApiToken,
} from './api-token.model.js';

const createApiTokenSchema = z.object({
  name: nameSchema,
  scopes: z
    .array(z.enum(ALL_PERMISSIONS, { error: `must be one of ${ALL_PERMISSIONS.join(', ')}` }))
    .min(1, 'must name one or more')
    .transform((scopes) => [...new Set(scopes)]),
  expiresAt: z
    .date()
    .refine((date) => date.getTime() > Date.now(), 'must be in the future')
    .nullish(),
});

const STATUSES = ['active', 'revoked', 'expired'] as const;

const filterSchema = z.object({ status: z.enum(STATUSES).nullish() });

const NEWEST_FIRST = new Keyset('apiTokens', [descending('createdAt', 'time'), descending('id', 'id')]);

type TokensQuery = PageQuery<Prisma.ApiTokenWhereInput, Prisma.ApiTokenOrderByWithRelationInput>;

const isOfStatus = (status: (typeof STATUSES)[number], now: Date): Prisma.ApiTokenWhereInput => {
  if (status === 'revoked') return { revokedAt: { not: null } };
  if (status === 'expired') return { revokedAt: null, expiresAt: { lte: now } };
  return { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] };
};

@Injectable()
export class ApiTokensService {
  async list(
    context: RequestContext,
    page: PageArgs,
    filter: ApiTokenFilter | null | undefined,
  ): Promise<ApiTokenConnection> {
    const { organizationId } = context;
    const { status } = parseInput(filterSchema, filter ?? {});
    return readCountedPage(NEWEST_FIRST, page, {
      where: { organizationId, ...(status ? isOfStatus(status, new Date()) : {}) },
      find: (query: TokensQuery) => context.read((tx) => tx.apiToken.findMany(query)),
      count: (query) => context.read((tx) => tx.apiToken.count(query)),
      toNode: (token): ApiToken => token,
    });
  }

  async create(context: RequestContext, input: CreateApiTokenInput): Promise<CreatedApiToken> {
    const { name, scopes, expiresAt } = parseInput(createApiTokenSchema, input);
    const { organizationId, principal } = context;
    for (const scope of scopes) assertHeld(context, scope);
    const { token, publicId, secretSha256 } = createSecretToken('lh_api');
    return context.write(async (tx) => {
      const apiToken = await tx.apiToken.create({
        data: {
          organizationId,
          publicId,
          secretSha256,
          name,
          scopes,
          createdById: principal.userId,
          expiresAt: expiresAt ?? null,
        },
      });
      await audit(tx, organizationId, principal, {
        action: 'api-token.create',
        targetId: apiToken.id,
        after: { name, scopes, expiresAt },
      });
      return { apiToken, token };
    });
  }

  /** Revoking again changes nothing. */
  async revoke(context: RequestContext, idGiven: string): Promise<ApiToken> {
    const id = requireId('API token', idGiven);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      const where = { organizationId_id: { organizationId, id } };
      const { count } = await tx.apiToken.updateMany({
        where: { organizationId, id, revokedAt: null },
        data: { revokedAt: new Date() },
      });
      if (count > 0) await audit(tx, organizationId, principal, { action: 'api-token.revoke', targetId: id });
      const apiToken = await tx.apiToken.findUnique({ where });
      if (apiToken === null) throw notFound('API token', id);
      return apiToken;
    });
  }
}

/** Nobody hands on what they do not have. */
const assertHeld = ({ principal }: RequestContext, scope: Permission): void => {
  if (mayDo(principal, scope)) return;
  throw new ApiError('FORBIDDEN', `You do not have "${scope}" yourself: leave it out, or ask an owner.`);
};
