import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { CompilerModule } from '../policy/compiler.module.js';
import { ReleaseFiles } from './release-files.js';
import { ReleasesController } from './releases.controller.js';
import { ReleasesService } from './releases.service.js';
import { UpgradesResolver } from './upgrades.resolver.js';
import { UpgradesService } from './upgrades.service.js';

/** Releases of the agent, and how they reach the agents. */
@Module({
  imports: [AuthModule, CompilerModule],
  controllers: [ReleasesController],
  providers: [
    {
      provide: ReleaseFiles,
      inject: [SETTINGS],
      useFactory: ({ stateDir }: Settings) => new ReleaseFiles(stateDir),
    },
    ReleasesService,
    UpgradesService,
    UpgradesResolver,
  ],
})
export class UpgradesModule {}
