import { Inject, Module, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CONTROLLER_STATE } from '../bootstrap/controller-state.module.js';
import type { ControllerState } from '../bootstrap/prepare.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { WorkerDatabase } from '../database/worker-database.js';
import { AgentCredentials } from '../nats/agent-credentials.js';
import { ChallengesService } from './challenges.service.js';
import { EnrollmentController } from './enrollment.controller.js';
import { EnrollmentService } from './enrollment.service.js';
import { FLEET_CHANGES, type FleetChanges } from './fleet-changes.js';
import { KeyRotation } from './key-rotation.js';
import { EnrollmentRefusals } from './refusals.js';

/** Needs a provider of {@link FLEET_CHANGES}, and {@link agentApiGate} in front of it. */
@Module({
  controllers: [EnrollmentController],
  providers: [
    {
      provide: ChallengesService,
      inject: [WorkerDatabase],
      useFactory: (database: WorkerDatabase) => new ChallengesService(database),
    },
    {
      provide: KeyRotation,
      inject: [WorkerDatabase, ChallengesService, FLEET_CHANGES],
      useFactory: (database: WorkerDatabase, challenges: ChallengesService, fleet: FleetChanges) =>
        new KeyRotation(database, challenges, fleet),
    },
    {
      provide: EnrollmentService,
      inject: [
        WorkerDatabase,
        ChallengesService,
        FLEET_CHANGES,
        KeyRotation,
        EnrollmentRefusals,
        SETTINGS,
        CONTROLLER_STATE,
      ],
      useFactory: (
        database: WorkerDatabase,
        challenges: ChallengesService,
        fleet: FleetChanges,
        rotation: KeyRotation,
        refusals: EnrollmentRefusals,
        settings: Settings,
        state: ControllerState,
      ) =>
        new EnrollmentService(
          database,
          challenges,
          new AgentCredentials(state.nats),
          fleet,
          rotation,
          refusals,
          {
            natsPublicUrls: settings.natsPublicUrls,
            caPem: state.caPem,
          },
        ),
    },
    {
      provide: EnrollmentRefusals,
      inject: [WorkerDatabase],
      useFactory: (database: WorkerDatabase) => new EnrollmentRefusals(database),
    },
  ],
})
export class EnrollmentModule implements OnModuleInit, BeforeApplicationShutdown {
  constructor(
    @Inject(KeyRotation) private readonly rotation: KeyRotation,
    @Inject(EnrollmentRefusals) private readonly refusals: EnrollmentRefusals,
  ) {}

  onModuleInit(): void {
    this.rotation.start();
    this.refusals.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.rotation.stop();
    await this.refusals.stop();
  }
}
