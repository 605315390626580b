import { Args, Context, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { Role } from '../generated/prisma/enums.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { AddMemberInput, CreateUserInput, User, UserConnection, UserFilter } from './user.model.js';
import { UsersService } from './users.service.js';

@Resolver(() => User)
export class UsersResolver {
  constructor(private readonly service: UsersService) {}

  @Query(() => UserConnection, { description: 'The people of the organization, by e-mail address.' })
  @Requires('users:write')
  async users(
    @Args('filter', { type: () => UserFilter, nullable: true, description: 'All unless given.' })
    filter: UserFilter | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<UserConnection> {
    return this.service.list(context, page, filter);
  }

  @Mutation(() => User, { description: 'Adds a person. Needs the role OWNER.' })
  @Requires('users:write')
  async createUser(@Args('input') input: CreateUserInput, @Context() context: RequestContext): Promise<User> {
    return this.service.create(context, input);
  }

  @Mutation(() => User, {
    description: 'Lets somebody who has an account work in this organization too. Needs the role OWNER.',
  })
  @Requires('users:write')
  async addMember(@Args('input') input: AddMemberInput, @Context() context: RequestContext): Promise<User> {
    return this.service.addMember(context, input);
  }

  @Mutation(() => User, {
    description: 'Changes what a member may do, at once; the last owner stays one. Needs the role OWNER.',
  })
  @Requires('users:write')
  async changeMemberRole(
    @Args('id', { type: () => ID, description: 'Of the person.' }) id: string,
    @Args('role', { type: () => Role, description: 'What they may do from now on.' }) role: Role,
    @Context() context: RequestContext,
  ): Promise<User> {
    return this.service.changeRole(context, id, role);
  }

  @Mutation(() => Boolean, {
    description:
      'Takes a member out, and ends their sessions and API tokens in this organization; the last owner stays. Needs the role OWNER.',
  })
  @Requires('users:write')
  async removeMember(
    @Args('id', { type: () => ID, description: 'Of the person.' }) id: string,
    @Context() context: RequestContext,
  ): Promise<boolean> {
    return this.service.removeMember(context, id);
  }
}
