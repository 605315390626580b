import { Args, Context, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { mayDo, requirePerson } from '../auth/principal.js';
import { SessionsService } from '../auth/sessions.service.js';
import type { Prisma } from '../generated/prisma/client.js';
import { ApiError } from '../graphql/errors.js';
import { descending, Keyset } from '../graphql/keyset.js';
import { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { requireId } from '../graphql/validation.js';
import { Session, SessionConnection } from './session.model.js';

const NEWEST_FIRST = new Keyset('sessions', [descending('createdAt', 'time'), descending('id', 'id')]);

type SessionsQuery = PageQuery<Prisma.SessionWhereInput, Prisma.SessionOrderByWithRelationInput>;

@Resolver(() => Session)
export class SessionsResolver {
  constructor(private readonly service: SessionsService) {}

  @Query(() => SessionConnection, {
    description:
      "One's own sessions in this organization, the newest first; with a userId somebody else's, which needs the role OWNER.",
  })
  @Requires('read')
  async sessions(
    @Args('userId', { type: () => ID, nullable: true, description: "One's own unless given." })
    userIdGiven: string | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<SessionConnection> {
    const principal = requirePerson(context.principal);
    const userId = userIdGiven == null ? principal.userId : requireId('user', userIdGiven);
    if (userId !== principal.userId) requireOwner(context);
    const { organizationId } = context;
    return readCountedPage(NEWEST_FIRST, page, {
      where: { organizationId, userId, expiresAt: { gt: new Date() } },
      find: (query: SessionsQuery) => context.read((tx) => tx.session.findMany(query)),
      count: (query) => context.read((tx) => tx.session.count(query)),
      toNode: (session): Session => session,
    });
  }

  @Mutation(() => Boolean, {
    description: "Ends one of one's own sessions at once; as an OWNER anybody's in the organization.",
  })
  @Requires('read')
  async endSession(
    @Args('id', { type: () => ID }) idGiven: string,
    @Context() context: RequestContext,
  ): Promise<boolean> {
    const principal = requirePerson(context.principal);
    const id = requireId('session', idGiven);
    const whose = mayDo(principal, 'users:write') ? undefined : principal.userId;
    await context.write((tx) => this.service.end(tx, principal, id, whose));
    return true;
  }

  @ResolveField(() => Boolean, { description: 'Whether it is the one that asks.' })
  current(@Parent() { id }: Session, @Context() { principal }: RequestContext): boolean {
    return principal.sessionId === id;
  }
}

const requireOwner = ({ principal }: RequestContext): void => {
  if (mayDo(principal, 'users:write')) return;
  throw new ApiError('FORBIDDEN', 'Only an OWNER sees the sessions of others: leave userId out.');
};
