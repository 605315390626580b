import { Args, Context, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { Rollout, RolloutConnection, RolloutFilter, RolloutProgress, RolloutStage } from './rollout.model.js';
import { RolloutService } from './rollout.service.js';
import type { StoredRollout } from './rollout-store.js';

@Resolver(() => Rollout)
export class RolloutResolver {
  constructor(private readonly service: RolloutService) {}

  @Query(() => RolloutConnection, { description: 'The rollouts of the organization, the newest first.' })
  @Requires('read')
  async rollouts(
    @Args('filter', { type: () => RolloutFilter, nullable: true, description: 'All unless given.' })
    filter: RolloutFilter | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<RolloutConnection> {
    return this.service.list(context, page, filter);
  }

  @Query(() => Rollout, { nullable: true, description: 'One rollout; null when there is none with this id.' })
  @Requires('read')
  async rollout(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Rollout | null> {
    return this.service.find(context, id);
  }

  @Mutation(() => Rollout, {
    description: 'Goes on with a halted rollout: agents that failed try again. Needs the role OPERATOR.',
  })
  @Requires('policy:write')
  async resumeRollout(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Rollout> {
    return this.service.resume(context, id);
  }

  @Mutation(() => Rollout, {
    description: 'Ends a rollout: all sites get what was in force before. Needs the role OPERATOR.',
  })
  @Requires('policy:write')
  async abortRollout(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Rollout> {
    return this.service.abort(context, id);
  }

  @ResolveField(() => [RolloutStage], { description: 'In their order; the last one is all sites.' })
  stages(@Parent() { stages }: StoredRollout): RolloutStage[] {
    return stages.map((stage) => ({
      label: 'label' in stage ? stage.label : null,
      percent: 'percent' in stage ? stage.percent : null,
    }));
  }

  @ResolveField(() => RolloutProgress, { description: 'Of the sites that it has reached.' })
  async progress(
    @Parent() rollout: StoredRollout,
    @Context() context: RequestContext,
  ): Promise<RolloutProgress> {
    return this.service.progress(context, rollout);
  }
}
