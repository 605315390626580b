import { Context, Query, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import type { RequestContext } from '../graphql/request-context.js';
import { Organization } from './organization.model.js';

@Resolver(() => Organization)
export class OrganizationsResolver {
  @Query(() => Organization, { description: 'The organization that the caller works in.' })
  @Requires('read')
  async organization(@Context() context: RequestContext): Promise<Organization> {
    return context.read((tx) => tx.organization.findUniqueOrThrow({ where: { id: context.organizationId } }));
  }
}
