import { Args, Context, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import {
  ApiToken,
  ApiTokenConnection,
  ApiTokenFilter,
  CreateApiTokenInput,
  CreatedApiToken,
} from './api-token.model.js';
import { ApiTokensService } from './api-tokens.service.js';

@Resolver(() => ApiToken)
export class ApiTokensResolver {
  constructor(private readonly service: ApiTokensService) {}

  @Query(() => ApiTokenConnection, { description: 'The API tokens of the organization, the newest first.' })
  @Requires('tokens:write')
  async apiTokens(
    @Args('filter', { type: () => ApiTokenFilter, nullable: true, description: 'All unless given.' })
    filter: ApiTokenFilter | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<ApiTokenConnection> {
    return this.service.list(context, page, filter);
  }

  @Mutation(() => CreatedApiToken, { description: 'Makes an API token. Needs the role ADMIN.' })
  @Requires('tokens:write')
  async createApiToken(
    @Args('input') input: CreateApiTokenInput,
    @Context() context: RequestContext,
  ): Promise<CreatedApiToken> {
    return this.service.create(context, input);
  }

  @Mutation(() => ApiToken, { description: 'Ends an API token at once. Needs the role ADMIN.' })
  @Requires('tokens:write')
  async revokeApiToken(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<ApiToken> {
    return this.service.revoke(context, id);
  }
}
