import { Args, Context, Query, Resolver } from '@nestjs/graphql';
import { Requires } from '../auth/access.guard.js';
import { PageArgs } from '../graphql/page.model.js';
import type { RequestContext } from '../graphql/request-context.js';
import { AuditEventConnection, AuditEventFilter } from './audit-event.model.js';
import { AuditLogService } from './audit-log.service.js';

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
    @Args() page: PageArgs,
    @Context() context: RequestContext,
  ): Promise<AuditEventConnection> {
    return this.service.page(context, page, filter);
  }
}
