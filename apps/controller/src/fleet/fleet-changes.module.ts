import { Global, Module } from '@nestjs/common';
import { FLEET_CHANGES, type FleetChanges } from '../enrollment/fleet-changes.js';
import { CompilerModule } from '../policy/compiler.module.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';

/** What enrolment changes in a fleet is compiled into desired states. */
@Global()
@Module({
  imports: [CompilerModule],
  providers: [
    {
      provide: FLEET_CHANGES,
      inject: [DesiredStateCompiler],
      useFactory: (compiler: DesiredStateCompiler): FleetChanges => ({
        agentsChanged: async (tx, organizationId) => {
          await compiler.recompile(tx, organizationId);
        },
      }),
    },
  ],
  exports: [FLEET_CHANGES],
})
export class FleetChangesModule {}
