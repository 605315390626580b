import { z } from 'zod';
import { hostSchema } from '../runs/host.js';
import { migrationResultSchema } from './migration-result.js';

export const migrationDocumentSchema = z.object({
  /** When the first migration began, ISO 8601. */
  measuredAt: z.iso.datetime(),
  host: hostSchema,
  guest: z.object({
    accelerator: z.enum(['kvm', 'tcg']),
    machineMiB: z.number(),
    filledMiB: z.number(),
    rewrittenBytesPerSecond: z.number(),
  }),
  runs: z.array(migrationResultSchema),
});

/** What `lab migrate --json` prints. */
export type MigrationDocument = z.output<typeof migrationDocumentSchema>;
