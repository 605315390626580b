import { Module } from '@nestjs/common';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { WorkerDatabase } from '../database/worker-database.js';
import { ChallengesService } from '../enrollment/challenges.service.js';
import { AgentReleasesController } from './agent-releases.controller.js';
import { ReleaseFiles } from './release-files.js';

/** Gives agents their releases. Needs the gate of the agent API in front of it. */
@Module({
  controllers: [AgentReleasesController],
  providers: [
    {
      provide: ReleaseFiles,
      inject: [SETTINGS],
      useFactory: ({ stateDir }: Settings) => new ReleaseFiles(stateDir),
    },
    {
      provide: ChallengesService,
      inject: [WorkerDatabase],
      useFactory: (database: WorkerDatabase) => new ChallengesService(database),
    },
  ],
})
export class AgentReleasesModule {}
