import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type RunningPostgres } from '@longhaul/embedded-services';
import { migrate } from '../database/migrate.js';
import { createPrismaClient } from '../database/prisma.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { WorkerDatabase } from '../database/worker-database.js';

/** A real PostgreSQL of one spec, migrated, with both of the controller's faces of it. */
export interface TestDatabase {
  readonly server: RunningPostgres;
  readonly tenants: TenantDatabase;
  readonly worker: WorkerDatabase;
  /** Where the server writes what its settings have it log. */
  readonly logFile: string;
  stop(): Promise<void>;
}

export const startTestDatabase = async (settings: Record<string, string> = {}): Promise<TestDatabase> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'longhaul-database-'));
  chmodSync(dataDir, 0o755);
  const server = await startPostgres({
    dataDir,
    settings: { fsync: 'off', full_page_writes: 'off', ...settings },
  });
  await migrate(server.ownerUrl);
  const tenants = new TenantDatabase(createPrismaClient(server.appUrl, 5));
  const worker = new WorkerDatabase(createPrismaClient(server.workerUrl, 5));
  return {
    server,
    tenants,
    worker,
    logFile: join(dataDir, 'postgres.log'),
    stop: async () => {
      await Promise.all([tenants.close(), worker.close()]);
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};
