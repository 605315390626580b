import { Args, Context, Int, Query, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import type { RequestContext } from '../graphql/request-context.js';
import { AuditEventConnection, AuditEventFilter } from './audit-event.model.js';
import { AuditLogService } from './audit-log.service.js';

const DEFAULT_PAGE = 100;

@Resolver()
export class AuditLogResolver {
  constructor(private readonly service: AuditLogService) {}

  @Query(() => AuditEventConnection, {
    description: 'What was changed in the organization, the newest first. Needs the role ADMIN.',
  })
  @Requires('audit:read')
  async auditEvents(
    @Args('filter', { type: () => AuditEventFilter, nullable: true, description: 'All unless given.' })
    filter: AuditEventFilter | null | undefined,
    @Args('first', { type: () => Int, nullable: true, defaultValue: DEFAULT_PAGE, description: '1 to 500.' })
    first: number | null,
    @Args('after', { type: () => String, nullable: true, description: '`endCursor` of the page before.' })
    after: string | null | undefined,
    @Context() context: RequestContext,
  ): Promise<AuditEventConnection> {
    return this.service.page(context, { filter, first: first ?? DEFAULT_PAGE, after });
  }
}
