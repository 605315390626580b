import { Args, Context, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { AgentReleaseConnection } from './release.model.js';
import { ReleasesService } from './releases.service.js';
import {
  Upgrade,
  UpgradeConnection,
  UpgradeInput,
  UpgradePlan,
  UpgradeProgress,
  UpgradeStage,
} from './upgrade.model.js';
import { labelOrPercent, UpgradesService } from './upgrades.service.js';
import type { StoredUpgrade } from './wanted-releases.js';

@Resolver(() => Upgrade)
export class UpgradesResolver {
  constructor(
    private readonly service: UpgradesService,
    private readonly releases: ReleasesService,
  ) {}

  @Query(() => AgentReleaseConnection, {
    description: 'The releases of the agent that the controller has, the newest first.',
  })
  @Requires('read')
  async agentReleases(
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<AgentReleaseConnection> {
    return this.releases.list(context, page);
  }

  @Query(() => UpgradeConnection, { description: 'The upgrades of the organization, the newest first.' })
  @Requires('read')
  async upgrades(@Args() page: PageArgs, @Context() context: RequestContext): Promise<UpgradeConnection> {
    return this.service.list(context, page);
  }

  @Query(() => Upgrade, { nullable: true, description: 'One upgrade; null when there is none with this id.' })
  @Requires('read')
  async upgrade(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Upgrade | null> {
    return this.service.find(context, id);
  }

  @Query(() => UpgradePlan, { description: 'What startUpgrade would do; it changes nothing.' })
  @Requires('read')
  async planUpgrade(
    @Args('input') input: UpgradeInput,
    @Context() context: RequestContext,
  ): Promise<UpgradePlan> {
    return this.service.plan(context, input);
  }

  @Mutation(() => Boolean, {
    description: 'Removes a release that no agent is to run. Needs the role ADMIN.',
  })
  @Requires('agents:write')
  async removeAgentRelease(
    @Args('version', { type: () => ID }) version: string,
    @Context() context: RequestContext,
  ): Promise<boolean> {
    return this.releases.remove(context, version);
  }

  @Mutation(() => Upgrade, {
    description:
      'Has a version of the agent reach the sites stage by stage. It halts by itself when agents refuse it or do not come back. Needs the role ADMIN.',
  })
  @Requires('agents:write')
  async startUpgrade(
    @Args('input') input: UpgradeInput,
    @Context() context: RequestContext,
  ): Promise<Upgrade> {
    return this.service.start(context, input);
  }

  @Mutation(() => Upgrade, {
    description:
      'Goes on with a halted upgrade: agents that refused the version try it again. Needs the role ADMIN.',
  })
  @Requires('agents:write')
  async resumeUpgrade(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Upgrade> {
    return this.service.resume(context, id);
  }

  @Mutation(() => Upgrade, {
    description:
      'Ends an upgrade: agents go back to the version that was wanted before; where none was, they keep what they run. Needs the role ADMIN.',
  })
  @Requires('agents:write')
  async abortUpgrade(
    @Args('id', { type: () => ID }) id: string,
    @Context() context: RequestContext,
  ): Promise<Upgrade> {
    return this.service.abort(context, id);
  }

  @Mutation(() => Boolean, {
    description:
      'Says which version the agents of a site, or of all sites that do not say, are to run from now on, without stages. Needs the role ADMIN.',
  })
  @Requires('agents:write')
  async setAgentVersion(
    @Args('siteId', { type: () => ID, nullable: true, description: 'Of the organization unless given.' })
    siteId: string | null | undefined,
    @Args('version', {
      type: () => String,
      nullable: true,
      description:
        'Of a release; null: of a site, what the organization wants, and of the organization, what they run.',
    })
    version: string | null | undefined,
    @Context() context: RequestContext,
  ): Promise<boolean> {
    await this.service.want(context, siteId, version);
    return true;
  }

  @ResolveField(() => [UpgradeStage], { description: 'In their order; the last one is all sites.' })
  stages(@Parent() { stages }: StoredUpgrade): UpgradeStage[] {
    return stages.map(labelOrPercent);
  }

  @ResolveField(() => UpgradeProgress, { description: 'Of the sites that it has reached.' })
  async progress(
    @Parent() upgrade: StoredUpgrade,
    @Context() context: RequestContext,
  ): Promise<UpgradeProgress> {
    return this.service.progress(context, upgrade);
  }
}
