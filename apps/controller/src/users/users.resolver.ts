import { Args, Context, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import type { RequestContext } from '../graphql/request-context.js';
import { CreateUserInput, User } from './user.model.js';
import { UsersService } from './users.service.js';

@Resolver(() => User)
export class UsersResolver {
  constructor(private readonly service: UsersService) {}

  @Query(() => [User], { description: 'The people of the organization, by e-mail address.' })
  @Requires('users:write')
  async users(@Context() context: RequestContext): Promise<User[]> {
    return this.service.list(context);
  }

  @Mutation(() => User, { description: 'Adds a person. Needs the role OWNER.' })
  @Requires('users:write')
  async createUser(@Args('input') input: CreateUserInput, @Context() context: RequestContext): Promise<User> {
    return this.service.create(context, input);
  }
}
