import { Args, Context, Int, Query, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import type { RequestContext } from '../graphql/request-context.js';
import { Flow, FlowConnection, FlowFilter } from './flow.model.js';
import { FlowsService } from './flows.service.js';

const DEFAULT_PAGE = 100;

@Resolver(() => Flow)
export class FlowsResolver {
  constructor(private readonly service: FlowsService) {}

  @Query(() => FlowConnection, { description: 'TCP connections, the newest first.' })
  @Requires('read')
  async flows(
    @Args('filter', { type: () => FlowFilter, nullable: true, description: 'All unless given.' })
    filter: FlowFilter | null | undefined,
    @Args('first', { type: () => Int, nullable: true, defaultValue: DEFAULT_PAGE, description: '1 to 500.' })
    first: number | null,
    @Args('after', { type: () => String, nullable: true, description: '`endCursor` of the page before.' })
    after: string | null | undefined,
    @Context() context: RequestContext,
  ): Promise<FlowConnection> {
    return this.service.page(context, { filter, first: first ?? DEFAULT_PAGE, after });
  }
}
