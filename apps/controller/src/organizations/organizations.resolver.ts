import { Args, Context, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { clientOf, enterSession } from '../auth/enter-session.js';
import { requirePerson } from '../auth/principal.js';
import { SessionsService } from '../auth/sessions.service.js';
import { Viewer } from '../auth/viewer.model.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { requireId } from '../graphql/validation.js';
import { Organization, OrganizationInput, OwnMembershipConnection } from './organization.model.js';
import { OrganizationsService } from './organizations.service.js';

@Resolver(() => Organization)
export class OrganizationsResolver {
  constructor(
    private readonly service: OrganizationsService,
    private readonly sessions: SessionsService,
  ) {}

  @Query(() => Organization, { description: 'The organization that the caller works in.' })
  @Requires('read')
  async organization(@Context() context: RequestContext): Promise<Organization> {
    return this.service.current(context);
  }

  @Query(() => OwnMembershipConnection, {
    description: 'The organizations that the caller belongs to, by name; of an API token, its own.',
  })
  @Requires('read')
  async organizations(
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<OwnMembershipConnection> {
    return this.service.mine(context, page);
  }

  @Mutation(() => Organization, {
    description:
      'Makes an organization, of which the caller becomes the owner. Needs the role OWNER in the organization that runs the controller.',
  })
  @Requires('users:write')
  async createOrganization(
    @Args('input') input: OrganizationInput,
    @Context() context: RequestContext,
  ): Promise<Organization> {
    return this.service.create(context, input);
  }

  @Mutation(() => Organization, { description: 'Renames the own organization. Needs the role OWNER.' })
  @Requires('users:write')
  async updateOrganization(
    @Args('input') input: OrganizationInput,
    @Context() context: RequestContext,
  ): Promise<Organization> {
    return this.service.rename(context, input);
  }

  @Mutation(() => Viewer, {
    description:
      'Goes on in another of the organizations that one belongs to: ends this session and sets the cookie of a new one.',
  })
  @Requires('read')
  async switchOrganization(
    @Args('id', { type: () => ID, description: 'One of organizations.' }) id: string,
    @Context() context: RequestContext,
  ): Promise<Viewer> {
    const principal = requirePerson(context.principal);
    await context.finish();
    const moved = await this.sessions.move(principal, requireId('organization', id), clientOf(context));
    return enterSession(context, moved);
  }
}
