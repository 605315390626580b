import { Global, Module } from '@nestjs/common';
import { AgentApiError } from '../enrollment/agent-api-error.js';
import { FLEET_CHANGES, type FleetChanges } from '../enrollment/fleet-changes.js';
import { ApiError } from '../graphql/errors.js';
import { CompilerModule } from '../policy/compiler.module.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';

/** What enrolment changes in a fleet, compiled into desired states. */
export const compiledFleetChanges = (compiler: DesiredStateCompiler): FleetChanges => ({
  agentsChanged: async (tx, organizationId) => {
    try {
      await compiler.recompile(tx, organizationId);
    } catch (error) {
      throw error instanceof ApiError ? new AgentApiError('BAD_REQUEST', error.message) : error;
    }
  },
});

@Global()
@Module({
  imports: [CompilerModule],
  providers: [{ provide: FLEET_CHANGES, inject: [DesiredStateCompiler], useFactory: compiledFleetChanges }],
  exports: [FLEET_CHANGES],
})
export class FleetChangesModule {}
