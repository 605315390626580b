import { Args, Context, Query, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { Flow, FlowConnection, FlowFilter } from './flow.model.js';
import { FlowsService } from './flows.service.js';

@Resolver(() => Flow)
export class FlowsResolver {
  constructor(private readonly service: FlowsService) {}

  @Query(() => FlowConnection, { description: 'TCP connections, the newest first.' })
  @Requires('read')
  async flows(
    @Args('filter', { type: () => FlowFilter, nullable: true, description: 'All unless given.' })
    filter: FlowFilter | null | undefined,
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<FlowConnection> {
    return this.service.page(context, page, filter);
  }
}
