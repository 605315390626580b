import { join } from 'node:path';
import { z } from 'zod';
import { vmImageFill } from '../workloads/vm-image.js';
import { ensureWorkloadFile } from '../workloads/workload-file.js';

/** Where the guest answers, over HTTP, whether its memory holds what it must. */
export const GUEST_MEMORY_PORT = 8080;

const MIB = 2 ** 20;
/** The same content on every machine. */
const CONTENT_SEED = 1;
/**
 * Of the machine's memory, so much is filled with the lab's memory image of a loaded guest. A fifth of that image is
 * zero pages, of which QEMU sends none; with what the guest's kernel has written, half of the machine is in use.
 */
const FILLED_SHARE = 1 / 2;
/** The area that is rewritten again and again, as a working set is. */
const REWRITTEN_SHARE = 1 / 64;
const REWRITTEN_BYTES_PER_SECOND = 1_000_000;

/** What the guest's memory is to be. */
export interface GuestMemory {
  readonly machineMiB: number;
  readonly filledMiB: number;
  readonly rewrittenMiB: number;
  readonly rewrittenBytesPerSecond: number;
  /** The file that the guest has as its disk and fills its memory from. */
  readonly content: string;
}

/** Lays out a machine of so many MiB. Its content is made under `folder` if it is not there yet. */
export async function planGuestMemory(
  machineMiB: number,
  folder: string,
  progress: (text: string) => void,
): Promise<GuestMemory> {
  const filledMiB = Math.round(machineMiB * FILLED_SHARE);
  const content = join(folder, `memory-${CONTENT_SEED}-${filledMiB}MiB.bin`);
  await ensureWorkloadFile(content, filledMiB * MIB, () => vmImageFill(CONTENT_SEED), progress);
  return {
    machineMiB,
    filledMiB,
    rewrittenMiB: Math.round(machineMiB * REWRITTEN_SHARE),
    rewrittenBytesPerSecond: REWRITTEN_BYTES_PER_SECOND,
    content,
  };
}

/** The guest's own word on its memory. */
export const memoryReportSchema = z.object({
  filledBytes: z.number(),
  rewrittenBytes: z.number(),
  /** Since the guest booted. */
  pagesRewritten: z.number(),
  wrongBytes: z.number(),
});

export type MemoryReport = z.output<typeof memoryReportSchema>;

/** Whether all of the memory is there and right. */
export function isIntact(report: MemoryReport, plan: GuestMemory): boolean {
  return (
    report.wrongBytes === 0 &&
    report.filledBytes === plan.filledMiB * MIB &&
    report.rewrittenBytes === plan.rewrittenMiB * MIB
  );
}
