import { z } from 'zod';
import type { RunUsage } from '../runs/run-watch.js';
import { linkSeriesSchema, type Transport, TRANSPORTS } from '../runs/transfer-result.js';
import { type GuestMemory, isIntact, type MemoryReport } from './guest-memory.js';
import type { WebOutages } from './outages.js';
import type { MigrationStatus } from './virtual-machine.js';

export const migrationResultSchema = z.object({
  link: z.string(),
  transport: z.enum(TRANSPORTS),
  /** Of the link's losses. */
  seed: z.number(),
  /** QEMU has completed, and the page that the guest served before is served from site b. */
  completed: z.boolean(),
  /** Why it did not; null if it did. */
  failure: z.string().nullable(),
  /** By QEMU's clock, from the command to the far side's word that it has the guest; null if it did not complete. */
  migrationSeconds: z.number().nullable(),
  /** For which QEMU had the guest stopped, by its own account; null if it did not complete. */
  downtimeMs: z.number().nullable(),
  /** Times without an answer for the web client that were longer than `outageThresholdMs`. */
  webOutages: z.number(),
  longestOutageMs: z.number(),
  /** The longest time without an answer, however short. */
  longestGapMs: z.number(),
  outageThresholdMs: z.number(),
  webRequests: z.number(),
  webAnswers: z.number(),
  /** IP bytes that the link carried from site a to site b. */
  bytesOnWire: z.number(),
  bytesOnWireBack: z.number(),
  /** Queue and rate of the link from site a to site b in the course of the migration. */
  linkSeries: linkSeriesSchema,
  /** That QEMU has sent. */
  bytesFromQemu: z.number(),
  /** Passes over the guest's memory. */
  passes: z.number(),
  /** Every byte of the filled and rewritten memory was compared by the guest after the move. */
  memoryIntact: z.boolean(),
  memoryBytesCompared: z.number(),
  /** In whole pages; null if the guest did not answer. */
  memoryBytesWrong: z.number().nullable(),
  /** As read back from the kernel for QEMU's connection; through a tunnel that only reaches its near end. */
  congestionControl: z.string(),
  /** User and system time of each process during the migration. */
  cpuSeconds: z.record(z.string(), z.number()),
  /** Time that the host withheld during the migration. */
  stolenSeconds: z.number(),
});

/** One live migration of a running guest from site a to site b. */
export type MigrationResult = z.output<typeof migrationResultSchema>;

/** What was seen of a migration. */
export interface MigrationEvidence {
  readonly link: string;
  readonly transport: Transport;
  readonly seed: number;
  readonly maxSeconds: number;
  readonly status: MigrationStatus;
  readonly usage: RunUsage;
  readonly outages: WebOutages;
  readonly outageThresholdMs: number;
  /** Whether the page from before the move was served after it. */
  readonly servesSamePage: boolean;
  readonly memory: GuestMemory;
  /** Undefined if the guest did not answer. */
  readonly memoryReport?: MemoryReport;
  /** The end of what the guest has written to its console at site b. */
  readonly consoleAfter: string;
  readonly congestionControl: string;
}

export function migrationResult(evidence: MigrationEvidence): MigrationResult {
  const { status, usage, outages, memory, memoryReport } = evidence;
  const failure = failureOf(evidence);
  const { link, transport, seed, congestionControl, outageThresholdMs } = evidence;
  const completed = failure === null;
  return {
    ...{ link, transport, seed, completed, failure },
    migrationSeconds: completed ? (status['total-time'] ?? 0) / 1000 : null,
    downtimeMs: completed ? (status.downtime ?? 0) : null,
    webOutages: outages.count,
    longestOutageMs: outages.longestMs,
    longestGapMs: outages.longestGapMs,
    outageThresholdMs,
    webRequests: outages.requests,
    webAnswers: outages.answers,
    bytesOnWire: usage.statistics.aToB.wireBytes,
    bytesOnWireBack: usage.statistics.bToA.wireBytes,
    linkSeries: usage.series,
    bytesFromQemu: status.ram?.transferred ?? 0,
    passes: status.ram?.['dirty-sync-count'] ?? 0,
    memoryIntact: memoryReport !== undefined && isIntact(memoryReport, memory),
    memoryBytesCompared: memoryReport ? memoryReport.filledBytes + memoryReport.rewrittenBytes : 0,
    memoryBytesWrong: memoryReport?.wrongBytes ?? null,
    congestionControl,
    cpuSeconds: usage.cpuSeconds,
    stolenSeconds: usage.stolenSeconds,
  };
}

function failureOf({ status, servesSamePage, maxSeconds, consoleAfter }: MigrationEvidence): string | null {
  if (status.status === 'cancelled') return `not done after ${maxSeconds} s`;
  if (status.status !== 'completed') return status['error-desc'] ?? `QEMU says ${status.status}`;
  return servesSamePage
    ? null
    : `the page was not there after the move; the guest's console: ${consoleAfter}`;
}
