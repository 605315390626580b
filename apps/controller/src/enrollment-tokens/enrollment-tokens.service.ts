import { Inject, Injectable } from '@nestjs/common';
import { idSchema } from '@longhaul/contracts';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { createSecretToken } from '../auth/secret-token.js';
import { CONTROLLER_STATE } from '../bootstrap/controller-state.module.js';
import type { ControllerState } from '../bootstrap/prepare.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import type { Transaction } from '../database/prisma.js';
import type { Prisma } from '../generated/prisma/client.js';
import { notFound } from '../graphql/errors.js';
import { descending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { nameSchema, parseInput, requireId } from '../graphql/validation.js';
import { labelSchema } from '../policy/policy-document.js';
import type {
  CreatedEnrollmentToken,
  EnrollmentToken,
  EnrollmentTokenConnection,
  EnrollmentTokenFilter,
  EnrollmentTokenInput,
} from './enrollment-token.model.js';

const DAY_MS = 24 * 3600 * 1000;
const DEFAULT_LIFE_MS = 30 * DAY_MS;
const MAX_LIFE_MS = 366 * DAY_MS;

const enrollmentTokenSchema = z.object({
  name: nameSchema,
  siteId: z.string(),
  maxUses: z.int().min(1).max(10_000).nullish(),
  expiresAt: z
    .date()
    .refine((date) => date.getTime() > Date.now(), 'must be in the future')
    .refine((date) => date.getTime() < Date.now() + MAX_LIFE_MS, 'must be within a year')
    .nullish(),
  needsApproval: z.boolean().nullish(),
  labels: z.array(labelSchema).max(50).nullish(),
});

const STATUSES = ['active', 'revoked', 'expired', 'used-up'] as const;
type Status = (typeof STATUSES)[number];

const filterSchema = z.object({ status: z.enum(STATUSES).nullish(), siteId: idSchema.nullish() });

const NEWEST_FIRST = new Keyset('enrollmentTokens', [
  descending('createdAt', 'time'),
  descending('id', 'id'),
]);

type TokensQuery = PageQuery<
  Prisma.EnrollmentTokenWhereInput,
  Prisma.EnrollmentTokenOrderByWithRelationInput
>;

@Injectable()
export class EnrollmentTokensService {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(CONTROLLER_STATE) private readonly state: Pick<ControllerState, 'caSha256'>,
  ) {}

  async list(
    context: RequestContext,
    page: PageArgs,
    filter: EnrollmentTokenFilter | null | undefined,
  ): Promise<EnrollmentTokenConnection> {
    const { organizationId } = context;
    const { status, siteId } = parseInput(filterSchema, filter ?? {});
    return readCountedPage(NEWEST_FIRST, page, {
      where: await context.read((tx) =>
        Promise.resolve({
          organizationId,
          ...(siteId ? { siteId } : {}),
          ...(status ? isOfStatus(tx, status, new Date()) : {}),
        }),
      ),
      find: (query: TokensQuery) => context.read((tx) => tx.enrollmentToken.findMany(query)),
      count: (query) => context.read((tx) => tx.enrollmentToken.count(query)),
      toNode: (token): EnrollmentToken => token,
    });
  }

  async create(context: RequestContext, input: EnrollmentTokenInput): Promise<CreatedEnrollmentToken> {
    const { name, maxUses, expiresAt, needsApproval, labels, ...rest } = parseInput(
      enrollmentTokenSchema,
      input,
    );
    const siteId = requireId('site', rest.siteId);
    const { organizationId, principal } = context;
    const { token, publicId, secretSha256 } = createSecretToken('lh_enr');
    return context.write(async (tx) => {
      const site = await tx.site.findUnique({ where: { organizationId_id: { organizationId, id: siteId } } });
      if (site === null) throw notFound('site', siteId);
      const stored = await tx.enrollmentToken.create({
        data: {
          organizationId,
          publicId,
          secretSha256,
          name,
          siteId,
          labels: [...new Set(labels)],
          maxUses: maxUses ?? 1,
          needsApproval: needsApproval ?? false,
          expiresAt: expiresAt ?? new Date(Date.now() + DEFAULT_LIFE_MS),
          createdById: principal.userId,
        },
        omit: { secretSha256: true, publicId: true },
      });
      await audit(tx, organizationId, principal, {
        action: 'enrollment-token.create',
        targetId: stored.id,
        after: stored,
      });
      return { enrollmentToken: stored, token, command: this.commandFor(token) };
    });
  }

  /** Revoking again changes nothing. Agents that used it stay. */
  async revoke(context: RequestContext, idGiven: string): Promise<EnrollmentToken> {
    const id = requireId('enrolment token', idGiven);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      const { count } = await tx.enrollmentToken.updateMany({
        where: { organizationId, id, revokedAt: null },
        data: { revokedAt: new Date() },
      });
      if (count > 0) {
        await audit(tx, organizationId, principal, { action: 'enrollment-token.revoke', targetId: id });
      }
      const token = await tx.enrollmentToken.findUnique({
        where: { organizationId_id: { organizationId, id } },
      });
      if (token === null) throw notFound('enrolment token', id);
      return token;
    });
  }

  private commandFor(token: string): string {
    return [
      'longhaul agent enroll',
      `--controller ${this.settings.publicUrl}`,
      `--token ${token}`,
      `--ca-sha256 ${this.state.caSha256}`,
    ].join(' ');
  }
}

/** `active`, `revoked`, `expired` or `used-up`: why an agent would be refused. */
export const statusOf = (token: EnrollmentToken, now = new Date()): Status => {
  if (token.revokedAt !== null) return 'revoked';
  if (token.expiresAt <= now) return 'expired';
  return token.uses >= token.maxUses ? 'used-up' : 'active';
};

/** The same, as a condition for the database. */
const isOfStatus = (tx: Transaction, status: Status, now: Date): Prisma.EnrollmentTokenWhereInput => {
  if (status === 'revoked') return { revokedAt: { not: null } };
  if (status === 'expired') return { revokedAt: null, expiresAt: { lte: now } };
  const { maxUses } = tx.enrollmentToken.fields;
  const uses = status === 'active' ? { lt: maxUses } : { gte: maxUses };
  return { revokedAt: null, expiresAt: { gt: now }, uses };
};
