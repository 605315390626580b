import { Args, Context, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { notFound } from '../graphql/errors.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { siteLoader } from '../sites/site.loader.js';
import { Site } from '../sites/site.model.js';
import {
  CreatedEnrollmentToken,
  EnrollmentToken,
  EnrollmentTokenConnection,
  EnrollmentTokenFilter,
  EnrollmentTokenInput,
} from './enrollment-token.model.js';
import { EnrollmentTokensService, statusOf } from './enrollment-tokens.service.js';

@Resolver(() => EnrollmentToken)
export class EnrollmentTokensResolver {
  constructor(private readonly service: EnrollmentTokensService) {}

  @Query(() => EnrollmentTokenConnection, {
    description: 'The enrolment tokens of the organization, the newest first.',
  })
  @Requires('read')
  async enrollmentTokens(
    @Args('filter', { type: () => EnrollmentTokenFilter, nullable: true, description: 'All unless given.' })
    filter: EnrollmentTokenFilter | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<EnrollmentTokenConnection> {
    return this.service.list(context, page, filter);
  }

  @Mutation(() => CreatedEnrollmentToken, { description: 'Makes an enrolment token. Needs the role ADMIN.' })
  @Requires('agents:write')
  async createEnrollmentToken(
    @Args('input') input: EnrollmentTokenInput,
    @Context() context: RequestContext,
  ): Promise<CreatedEnrollmentToken> {
    return this.service.create(context, input);
  }

  @Mutation(() => EnrollmentToken, {
    description: 'Ends an enrolment token at once; agents that used it stay. Needs the role ADMIN.',
  })
  @Requires('agents:write')
  async revokeEnrollmentToken(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<EnrollmentToken> {
    return this.service.revoke(context, id);
  }

  @ResolveField(() => Site, { description: 'That agents join.' })
  async site(@Parent() token: EnrollmentToken, @Context() context: RequestContext): Promise<Site> {
    const site = await context.loader(siteLoader).load(token.siteId);
    if (site === undefined) throw notFound('site', token.siteId);
    return site;
  }

  @ResolveField(() => String, {
    description: '"active", or why it enrols nothing: "revoked", "expired", "used-up".',
  })
  status(@Parent() token: EnrollmentToken): string {
    return statusOf(token);
  }
}
