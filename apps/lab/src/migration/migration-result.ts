import type { Transport } from '../runs/transfer-result.js';
import type { RunUsage } from '../runs/run-watch.js';
import { type GuestMemory, isIntact, type MemoryReport } from './guest-memory.js';
import type { WebOutages } from './outages.js';
import type { MigrationStatus } from './virtual-machine.js';

/** One live migration of a running guest from site a to site b. */
export interface MigrationResult {
  readonly link: string;
  readonly transport: Transport;
  /** Of the link's losses. */
  readonly seed: number;
  /** QEMU has completed, and the page that the guest served before is served from site b. */
  readonly completed: boolean;
  /** Why it did not; null if it did. */
  readonly failure: string | null;
  /** By QEMU's clock, from the command to the far side's word that it has the guest; null if it did not complete. */
  readonly migrationSeconds: number | null;
  /** For which QEMU had the guest stopped, by its own account; null if it did not complete. */
  readonly downtimeMs: number | null;
  /** Times without an answer for the web client that were longer than `outageThresholdMs`. */
  readonly webOutages: number;
  readonly longestOutageMs: number;
  /** The longest time without an answer, however short. */
  readonly longestGapMs: number;
  readonly outageThresholdMs: number;
  readonly webRequests: number;
  readonly webAnswers: number;
  /** IP bytes that the link carried from site a to site b. */
  readonly bytesOnWire: number;
  readonly bytesOnWireBack: number;
  /** That QEMU has sent. */
  readonly bytesFromQemu: number;
  /** Passes over the guest's memory. */
  readonly passes: number;
  /** Every byte of the filled and rewritten memory was compared by the guest after the move. */
  readonly memoryIntact: boolean;
  readonly memoryBytesCompared: number;
  /** As read back from the kernel for QEMU's connection; through agents that only reaches the near one. */
  readonly congestionControl: string;
  /** User and system time of each process during the migration. */
  readonly cpuSeconds: Record<string, number>;
  /** Time that the host withheld during the migration. */
  readonly stolenSeconds: number;
}

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
  readonly memoryReport: MemoryReport;
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
    bytesFromQemu: status.ram?.transferred ?? 0,
    passes: status.ram?.['dirty-sync-count'] ?? 0,
    memoryIntact: isIntact(memoryReport, memory),
    memoryBytesCompared: memoryReport.filledBytes + memoryReport.rewrittenBytes,
    congestionControl,
    cpuSeconds: usage.cpuSeconds,
    stolenSeconds: usage.stolenSeconds,
  };
}

function failureOf({ status, servesSamePage, maxSeconds }: MigrationEvidence): string | null {
  if (status.status === 'cancelled') return `not done after ${maxSeconds} s`;
  if (status.status !== 'completed') return status['error-desc'] ?? `QEMU says ${status.status}`;
  return servesSamePage ? null : 'the page was not there after the move';
}
