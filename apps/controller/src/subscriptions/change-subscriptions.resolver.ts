import { Inject } from '@nestjs/common';
import { Args, Context, ID, Resolver, Subscription } from '@nestjs/graphql';
import { Agent } from '../agents/agent.model.js';
import { Alert } from '../alerts/alert.model.js';
import { Requires } from '../auth/access.guard.js';
import { CHANGE_FEED, type ChangeFeed } from '../changes/change.js';
import { watch } from '../changes/changed-things.js';
import { TenantDatabase } from '../database/tenant-database.js';
import type { RequestContext } from '../graphql/request-context.js';
import { requireId } from '../graphql/validation.js';
import { describeTarget } from '../policy/policy-draft.js';
import { Policy } from '../policy/policy.model.js';
import { Rollout } from '../policy/rollout.model.js';
import { toRollout } from '../policy/rollout-store.js';

/** What is sent is the thing itself, as it is then. */
const itself = <Thing>(thing: Thing): Thing => thing;

@Resolver()
export class ChangeSubscriptionsResolver {
  constructor(
    @Inject(CHANGE_FEED) private readonly feed: ChangeFeed,
    private readonly database: TenantDatabase,
  ) {}

  @Subscription(() => Agent, {
    description:
      'Agents as they are after each change: that they enrol, are approved or revoked, come and go, get or apply a state.',
    resolve: itself,
  })
  @Requires('read')
  agentChanged(
    @Args('id', { type: () => ID, nullable: true, description: 'Only this one.' })
    idGiven: string | null | undefined,
    @Args('siteId', { type: () => ID, nullable: true, description: 'Only those of this site.' })
    siteIdGiven: string | null | undefined,
    @Context() { organizationId }: RequestContext,
  ): AsyncIterableIterator<Agent> {
    const only = idGiven == null ? undefined : requireId('agent', idGiven);
    const siteId = siteIdGiven == null ? undefined : requireId('site', siteIdGiven);
    return watch(this.feed, {
      organizationId,
      kind: 'agent',
      load: async (id) => {
        if (only !== undefined && id !== only) return undefined;
        return this.database.transaction(organizationId, (tx) =>
          tx.agent.findFirst({ where: { organizationId, id, ...(siteId ? { siteId } : {}) } }),
        );
      },
    });
  }

  @Subscription(() => Rollout, {
    description:
      'Rollouts as they are after each step: begun, advanced, halted, resumed, completed, aborted.',
    resolve: itself,
  })
  @Requires('read')
  rolloutChanged(
    @Args('id', { type: () => ID, nullable: true, description: 'Only this one.' })
    idGiven: string | null | undefined,
    @Context() { organizationId }: RequestContext,
  ): AsyncIterableIterator<Rollout> {
    const only = idGiven == null ? undefined : requireId('rollout', idGiven);
    return watch(this.feed, {
      organizationId,
      kind: 'rollout',
      load: async (id) => {
        if (only !== undefined && id !== only) return undefined;
        const row = await this.database.transaction(organizationId, (tx) =>
          tx.rollout.findUnique({ where: { organizationId_id: { organizationId, id } } }),
        );
        return row && toRollout(row);
      },
    });
  }

  @Subscription(() => Alert, {
    description:
      'Alerts as they are after each change: begun, firing, acknowledged, silenced, resolved. One that is away before it fired is not told of.',
    resolve: itself,
  })
  @Requires('read')
  alertChanged(@Context() { organizationId }: RequestContext): AsyncIterableIterator<Alert> {
    return watch(this.feed, {
      organizationId,
      kind: 'alert',
      load: (id) =>
        this.database.transaction(organizationId, (tx) =>
          tx.alert.findUnique({ where: { organizationId_id: { organizationId, id } } }),
        ),
    });
  }

  @Subscription(() => Policy, {
    description:
      'Policies of which another revision is in force: saved for all sites at once, or rolled out to the end.',
    resolve: itself,
  })
  @Requires('read')
  policyPublished(@Context() { organizationId }: RequestContext): AsyncIterableIterator<Policy> {
    return watch(this.feed, {
      organizationId,
      kind: 'policy',
      load: async (id) => {
        const policy = await this.database.transaction(organizationId, (tx) =>
          tx.policy.findUnique({ where: { organizationId_id: { organizationId, id } } }),
        );
        return policy && { ...policy, ...describeTarget(policy) };
      },
    });
  }
}
