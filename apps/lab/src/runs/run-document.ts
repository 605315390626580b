import { linkMeasurementSchema } from '@longhaul/wan-emulator';
import { z } from 'zod';
import { hostSchema } from './host.js';
import { transferResultSchema } from './transfer-result.js';

export const runDocumentSchema = z.object({
  /** When the first run began, ISO 8601. */
  measuredAt: z.iso.datetime(),
  host: hostSchema,
  /** Of each link, what was asked of the emulator and what it gave. */
  emulator: z.record(z.string(), linkMeasurementSchema),
  runs: z.array(transferResultSchema),
});

/** What `lab run --json` prints. */
export type RunDocument = z.output<typeof runDocumentSchema>;
