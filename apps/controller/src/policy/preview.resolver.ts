import { Args, Context, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { agentLoader } from '../agents/agent.loader.js';
import { Agent } from '../agents/agent.model.js';
import { Requires } from '../auth/access.guard.js';
import { notFound } from '../graphql/errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { AgentChange, PolicyPreviewResult, PreviewPolicyInput } from './preview.model.js';
import { PreviewService } from './preview.service.js';

@Resolver(() => AgentChange)
export class PreviewResolver {
  constructor(private readonly service: PreviewService) {}

  @Query(() => PolicyPreviewResult, { description: 'What saving a policy would do; nothing is saved.' })
  @Requires('read')
  async previewPolicy(
    @Args('input') input: PreviewPolicyInput,
    @Context() context: RequestContext,
  ): Promise<PolicyPreviewResult> {
    return this.service.preview(context, input);
  }

  @ResolveField(() => Agent, { description: 'Whose state it is.' })
  async agent(@Parent() { agentId }: AgentChange, @Context() context: RequestContext): Promise<Agent> {
    const agent = await context.loader(agentLoader).load(agentId);
    if (agent === undefined) throw notFound('agent', agentId);
    return agent;
  }
}
