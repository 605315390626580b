import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { hashPassword, passwordSchema } from '../auth/password.js';
import { Prisma } from '../generated/prisma/client.js';
import { Role } from '../generated/prisma/enums.js';
import { ApiError } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput } from '../graphql/validation.js';
import type { CreateUserInput, User } from './user.model.js';

const createUserSchema = z.object({
  email: z.string().trim().toLowerCase().max(254).pipe(z.email('must be an e-mail address')),
  password: passwordSchema,
  role: z.enum(Role),
});

@Injectable()
export class UsersService {
  async list(context: RequestContext): Promise<User[]> {
    const { organizationId } = context;
    const members = await context.read((tx) =>
      tx.membership.findMany({
        where: { organizationId },
        include: { user: true },
        orderBy: { user: { email: 'asc' } },
      }),
    );
    return members.map(({ user, role, createdAt }) => ({ id: user.id, email: user.email, role, createdAt }));
  }

  async create(context: RequestContext, input: CreateUserInput): Promise<User> {
    const { email, password, role } = parseInput(createUserSchema, input);
    const { organizationId, principal } = context;
    const passwordHash = await hashPassword(password);
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
        return { id, email, role, createdAt };
      });
    } catch (error) {
      if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') {
        throw new ApiError('CONFLICT', `${email} is taken: use another e-mail address.`);
      }
      throw error;
    }
  }
}
