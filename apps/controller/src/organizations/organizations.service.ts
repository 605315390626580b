import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ensureDefaultRules } from '../alerts/default-rules.js';
import { audit } from '../audit/audit.js';
import { requirePerson } from '../auth/principal.js';
import { enterScope, TenantDatabase } from '../database/tenant-database.js';
import type { Prisma } from '../generated/prisma/client.js';
import { ApiError } from '../graphql/errors.js';
import { ascending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { nameSchema, parseInput } from '../graphql/validation.js';
import type { Organization, OrganizationInput, OwnMembershipConnection } from './organization.model.js';

const organizationSchema = z.object({ name: nameSchema });

const BY_NAME = new Keyset('organizations', [
  ascending('organization.name', 'text'),
  ascending('organizationId', 'id'),
]);

type MembershipsQuery = PageQuery<Prisma.MembershipWhereInput, Prisma.MembershipOrderByWithRelationInput>;

@Injectable()
export class OrganizationsService {
  constructor(private readonly database: TenantDatabase) {}

  async current(context: RequestContext): Promise<Organization> {
    return context.read((tx) => tx.organization.findUniqueOrThrow({ where: { id: context.organizationId } }));
  }

  /** Those of the person who asks, by name; of an API token, its own. */
  async mine(context: RequestContext, page: PageArgs): Promise<OwnMembershipConnection> {
    const { principal } = context;
    const { organizationId, userId } = principal;
    const scope = { organizationId, ...(principal.kind === 'user' ? { userId } : {}) };
    return readCountedPage(BY_NAME, page, {
      where: { userId },
      find: (query: MembershipsQuery) =>
        this.database.scoped(scope, (tx) =>
          tx.membership.findMany({ ...query, include: { organization: true } }),
        ),
      count: (query) => this.database.scoped(scope, (tx) => tx.membership.count(query)),
      toNode: ({ organization, role }) => ({
        organization,
        role,
        current: organization.id === organizationId,
      }),
    });
  }

  /** The maker becomes its owner. Written down in both organizations. */
  async create(context: RequestContext, input: OrganizationInput): Promise<Organization> {
    const { name } = parseInput(organizationSchema, input);
    const principal = requirePerson(context.principal);
    const { userId, userOrganizationId } = principal;
    const id = randomUUID();
    return context.write(async (tx) => {
      const own = await tx.organization.findUniqueOrThrow({ where: { id: principal.organizationId } });
      if (!own.isProvider) {
        throw new ApiError(
          'FORBIDDEN',
          'Only owners of the organization that runs this controller make others: ask them.',
        );
      }
      const after = { name, owner: principal.name };
      await audit(tx, principal.organizationId, principal, {
        action: 'organization.create',
        targetId: id,
        after,
      });
      await enterScope(tx, { organizationId: id });
      const organization = await tx.organization.create({ data: { id, name } });
      await tx.membership.create({
        data: { organizationId: id, userOrganizationId, userId, role: 'OWNER' },
      });
      await ensureDefaultRules(tx, id);
      await audit(tx, id, principal, { action: 'organization.create', targetId: id, after });
      return organization;
    });
  }

  async rename(context: RequestContext, input: OrganizationInput): Promise<Organization> {
    const { name } = parseInput(organizationSchema, input);
    const { organizationId: id, principal } = context;
    return context.write(async (tx) => {
      const before = await tx.organization.findUniqueOrThrow({ where: { id } });
      const after = await tx.organization.update({ where: { id }, data: { name } });
      await audit(tx, id, principal, {
        action: 'organization.update',
        targetId: id,
        before: { name: before.name },
        after: { name },
      });
      return after;
    });
  }
}
