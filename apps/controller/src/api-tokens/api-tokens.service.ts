import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { ALL_PERMISSIONS, mayDo, type Permission } from '../auth/principal.js';
import { createSecretToken } from '../auth/secret-token.js';
import { ApiError, notFound } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { nameSchema, parseInput, requireId } from '../graphql/validation.js';
import type { ApiToken, CreateApiTokenInput, CreatedApiToken } from './api-token.model.js';

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

@Injectable()
export class ApiTokensService {
  async list(context: RequestContext): Promise<ApiToken[]> {
    const { organizationId } = context;
    return context.read((tx) =>
      tx.apiToken.findMany({ where: { organizationId }, orderBy: { createdAt: 'desc' } }),
    );
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
