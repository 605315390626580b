import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { createSecretToken } from '../auth/secret-token.js';
import { CONTROLLER_STATE } from '../bootstrap/controller-state.module.js';
import type { ControllerState } from '../bootstrap/prepare.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { notFound } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { nameSchema, parseInput, requireId } from '../graphql/validation.js';
import { labelSchema } from '../policy/policy-document.js';
import type {
  CreatedEnrollmentToken,
  EnrollmentToken,
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

@Injectable()
export class EnrollmentTokensService {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(CONTROLLER_STATE) private readonly state: Pick<ControllerState, 'caSha256'>,
  ) {}

  async list(context: RequestContext): Promise<EnrollmentToken[]> {
    const { organizationId } = context;
    return context.read((tx) =>
      tx.enrollmentToken.findMany({ where: { organizationId }, orderBy: { createdAt: 'desc' } }),
    );
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
export const statusOf = (token: EnrollmentToken, now = new Date()): string => {
  if (token.revokedAt !== null) return 'revoked';
  if (token.expiresAt <= now) return 'expired';
  return token.uses >= token.maxUses ? 'used-up' : 'active';
};
