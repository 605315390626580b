import { linkMeasurementSchema } from '@longhaul/wan-emulator';
import { z } from 'zod';
import { hostSchema } from '../runs/host.js';
import { transferResultSchema } from '../runs/transfer-result.js';
import { crowdRunSchema, interactiveRunSchema } from './connections.js';
import { directRunSchema } from './direct.js';
import { memoryRunSchema } from './memory.js';
import { pingRunSchema } from './ping.js';
import { requestsRunSchema } from './requests.js';
import { sharingRunSchema } from './sharing.js';

export const SECTIONS = [
  'random',
  'queue',
  'vm',
  'direct',
  'sharing',
  'ping',
  'connections',
  'requests',
  'memory',
] as const;

export type SectionName = (typeof SECTIONS)[number];

export const benchDocumentSchema = z.object({
  bench: z.literal('tunnel'),
  /** When it began, ISO 8601. */
  measuredAt: z.iso.datetime(),
  minutes: z.number(),
  /** Time that the host withheld in the course of it, over all CPUs. */
  stolenSeconds: z.number(),
  host: hostSchema,
  sections: z.array(z.enum(SECTIONS)),
  seeds: z.array(z.number()),
  /** Round trip and length of a transfer on each link. */
  links: z.record(z.string(), z.object({ rttMs: z.number(), seconds: z.number() })),
  emulator: z.record(z.string(), linkMeasurementSchema),
  /** Random bytes and a virtual machine's memory. */
  runs: z.array(transferResultSchema),
  direct: z.array(directRunSchema),
  sharing: z.array(sharingRunSchema),
  ping: z.array(pingRunSchema),
  crowds: z.array(crowdRunSchema),
  interactive: z.array(interactiveRunSchema),
  requests: z.array(requestsRunSchema),
  memory: z.array(memoryRunSchema),
  /** What could not be measured, and why. */
  failures: z.array(z.object({ what: z.string(), message: z.string() })),
});

/** What `lab bench --json` prints. */
export type BenchDocument = z.output<typeof benchDocumentSchema>;
