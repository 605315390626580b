import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { hashPassword, passwordSchema } from '../auth/password.js';
import type { Transaction } from '../database/prisma.js';
import { enterScope } from '../database/tenant-database.js';
import { Prisma } from '../generated/prisma/client.js';
import { Role } from '../generated/prisma/enums.js';
import { ApiError, notFound } from '../graphql/errors.js';
import { ascending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput, requireId } from '../graphql/validation.js';
import { assertAnotherOwner, lockMembers } from './last-owner.js';
import type { AddMemberInput, CreateUserInput, User, UserConnection, UserFilter } from './user.model.js';

const emailSchema = z.string().trim().toLowerCase().max(254).pipe(z.email('must be an e-mail address'));

const addMemberSchema = z.object({ email: emailSchema, role: z.enum(Role) });

const createUserSchema = z.object({
  email: emailSchema,
  password: passwordSchema.nullish(),
  role: z.enum(Role),
});

const filterSchema = z.object({ email: z.string().max(254).nullish(), role: z.enum(Role).nullish() });

const BY_EMAIL = new Keyset('users', [ascending('user.email', 'text')]);

type MembersQuery = PageQuery<Prisma.MembershipWhereInput, Prisma.MembershipOrderByWithRelationInput>;

@Injectable()
export class UsersService {
  async list(
    context: RequestContext,
    page: PageArgs,
    filter: UserFilter | null | undefined,
  ): Promise<UserConnection> {
    const { organizationId } = context;
    const { email, role } = parseInput(filterSchema, filter ?? {});
    return readCountedPage(BY_EMAIL, page, {
      where: {
        organizationId,
        ...(email ? { user: { email: { contains: email.toLowerCase() } } } : {}),
        ...(role ? { role } : {}),
      },
      find: (query: MembersQuery) =>
        context.read((tx) => tx.membership.findMany({ ...query, include: { user: true } })),
      count: (query) => context.read((tx) => tx.membership.count(query)),
      toNode: toUser,
    });
  }

  async create(context: RequestContext, input: CreateUserInput): Promise<User> {
    const { email, password, role } = parseInput(createUserSchema, input);
    const { organizationId, principal } = context;
    const passwordHash = password == null ? null : await hashPassword(password);
    try {
      return await context.write(async (tx) => {
        const { id } = await tx.user.create({ data: { organizationId, email, passwordHash } });
        const { createdAt } = await tx.membership.create({
          data: { organizationId, userOrganizationId: organizationId, userId: id, role },
        });
        await audit(tx, organizationId, principal, {
          action: 'user.create',
          targetId: id,
          after: { email, role },
        });
        return { id, email, role, createdAt, byOidc: false };
      });
    } catch (error) {
      if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') {
        throw new ApiError(
          'CONFLICT',
          `${email} has an account already: add them as a member, or use another e-mail address.`,
        );
      }
      throw error;
    }
  }

  /** Somebody who has an account, in this organization or another. Adding a member again is a CONFLICT. */
  async addMember(context: RequestContext, input: AddMemberInput): Promise<User> {
    const { email, role } = parseInput(addMemberSchema, input);
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await lockMembers(tx, organizationId);
      await enterScope(tx, { signInEmail: email });
      const user = await tx.user.findUnique({ where: { email } });
      if (user === null) {
        throw new ApiError('NOT_FOUND', `Nobody has an account as ${email}: make one by createUser.`);
      }
      const where = { organizationId_userId: { organizationId, userId: user.id } };
      if ((await tx.membership.findUnique({ where })) !== null) {
        throw new ApiError('CONFLICT', `${email} is a member already: change their role instead.`);
      }
      const membership = await tx.membership.create({
        data: { organizationId, userOrganizationId: user.organizationId, userId: user.id, role },
      });
      await audit(tx, organizationId, principal, {
        action: 'member.add',
        targetId: user.id,
        after: { email, role },
      });
      return toUser({ ...membership, user });
    });
  }

  /** The last owner stays one. What the identity provider decided becomes a decision of people. */
  async changeRole(context: RequestContext, idGiven: string, role: Role): Promise<User> {
    return this.change(context, idGiven, async (tx, member, where) => {
      if (role !== 'OWNER') await assertAnotherOwner(tx, member);
      const after = await tx.membership.update({
        where,
        data: { role, byOidc: false },
        include: { user: true },
      });
      await audit(tx, member.organizationId, context.principal, {
        action: 'member.change-role',
        targetId: member.userId,
        before: { email: member.user.email, role: member.role },
        after: { email: member.user.email, role },
      });
      return toUser(after);
    });
  }

  /** Ends their sessions and API tokens here at once. The last owner stays. */
  async removeMember(context: RequestContext, idGiven: string): Promise<boolean> {
    return this.change(context, idGiven, async (tx, member, where) => {
      await assertAnotherOwner(tx, member);
      await tx.membership.delete({ where });
      await audit(tx, member.organizationId, context.principal, {
        action: 'member.remove',
        targetId: member.userId,
        before: { email: member.user.email, role: member.role },
      });
      return true;
    });
  }

  private async change<T>(
    context: RequestContext,
    idGiven: string,
    work: (tx: Transaction, member: Member, where: MemberKey) => Promise<T>,
  ): Promise<T> {
    const userId = requireId('member', idGiven);
    const { organizationId } = context;
    return context.write(async (tx) => {
      await lockMembers(tx, organizationId);
      const where = { organizationId_userId: { organizationId, userId } };
      const member = await tx.membership.findUnique({ where, include: { user: true } });
      if (member === null) throw notFound('member', userId);
      return work(tx, member, where);
    });
  }
}

type Member = Prisma.MembershipGetPayload<{ include: { user: true } }>;
interface MemberKey {
  readonly organizationId_userId: { readonly organizationId: string; readonly userId: string };
}

const toUser = ({ user, role, createdAt, byOidc }: Member): User => ({
  id: user.id,
  email: user.email,
  role,
  createdAt,
  byOidc,
});
