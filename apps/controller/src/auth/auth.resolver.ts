import { Args, Context, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput } from '../graphql/validation.js';
import { Organization } from '../organizations/organization.model.js';
import { Public, Requires } from './access.guard.js';
import { AuthService } from './auth.service.js';
import { sessionCookie } from './credentials.js';
import { clientOf, enterSession } from './enter-session.js';
import { passwordSchema } from './password.js';
import { requirePerson } from './principal.js';
import { toViewer, Viewer } from './viewer.model.js';

@Resolver(() => Viewer)
export class AuthResolver {
  constructor(private readonly auth: AuthService) {}

  @Query(() => Viewer, { nullable: true, description: 'Who asks; null when not signed in.' })
  @Public()
  viewer(@Context() context: RequestContext): Viewer | null {
    const principal = context.principalOrUndefined;
    return principal === undefined ? null : toViewer(principal);
  }

  @ResolveField(() => Organization, { description: 'The organization that the caller works in.' })
  async organization(@Parent() _viewer: Viewer, @Context() context: RequestContext): Promise<Organization> {
    return context.read((tx) => tx.organization.findUniqueOrThrow({ where: { id: context.organizationId } }));
  }

  @Mutation(() => Viewer, {
    description: 'Signs a person in and sets the session cookie, which lasts a week.',
  })
  @Public()
  async signIn(
    @Args('email', { description: 'In any case.' }) email: string,
    @Args('password', { description: 'As it was chosen.' }) password: string,
    @Context() context: RequestContext,
  ): Promise<Viewer> {
    return enterSession(context, await this.auth.signIn(email, password, clientOf(context)));
  }

  @Mutation(() => Boolean, { description: 'Ends the session; true also when there was none.' })
  @Public()
  async signOut(@Context() context: RequestContext): Promise<boolean> {
    const principal = context.principalOrUndefined;
    if (principal !== undefined) await this.auth.signOut(principal);
    await context.become(undefined);
    context.res.appendHeader('Set-Cookie', sessionCookie('', 0));
    return true;
  }

  @Mutation(() => Boolean, { description: "Changes one's own password and ends one's other sessions." })
  @Requires('read')
  async changePassword(
    @Args('current', { description: 'The one that holds now.' }) current: string,
    @Args('next', { description: '12 to 200 characters.' }) next: string,
    @Context() context: RequestContext,
  ): Promise<boolean> {
    const principal = requirePerson(context.principal);
    await this.auth.changePassword(principal, current, parseInput(passwordSchema, next));
    return true;
  }
}
