import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { createPrismaClient } from './prisma.js';
import { TenantDatabase } from './tenant-database.js';
import { WorkerDatabase } from './worker-database.js';

@Global()
@Module({
  providers: [
    {
      provide: TenantDatabase,
      inject: [SETTINGS],
      useFactory: ({ database }: Settings) =>
        new TenantDatabase(createPrismaClient(database.appUrl, database.connections, 'longhaul-requests')),
    },
    {
      provide: WorkerDatabase,
      inject: [SETTINGS],
      useFactory: ({ database }: Settings) =>
        new WorkerDatabase(
          createPrismaClient(database.workerUrl, database.connections, 'longhaul-worker-prisma'),
        ),
    },
  ],
  exports: [TenantDatabase, WorkerDatabase],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(
    @Inject(TenantDatabase) private readonly tenants: TenantDatabase,
    @Inject(WorkerDatabase) private readonly worker: WorkerDatabase,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.tenants.close(), this.worker.close()]);
  }
}
