import type { Link } from '@longhaul/wan-emulator';
import type { LabNetwork } from '../network/lab-network.js';
import type { Transport } from '../runs/transfer-result.js';
import { retryVoid } from '../runs/void-run.js';
import type { Workload } from '../workloads/workload.js';

export interface Failure {
  what: string;
  message: string;
}

/** What the sections of a bench have in common. */
export interface BenchContext {
  readonly network: LabNetwork;
  /** Those that were asked for, in the order of links.json. */
  readonly links: readonly Link[];
  readonly transports: readonly Transport[];
  readonly seeds: readonly number[];
  readonly workloads: { readonly random: Workload; vm(): Promise<Workload> };
  /** Length of a transfer on a link. */
  secondsOn(link: Link): number;
  readonly failures: Failure[];
  readonly progress: (text: string) => void;
}

/** Does a piece of the bench; made again if it is void. What fails is noted, and the bench goes on. */
export async function attempt<T>(
  { failures, progress }: BenchContext,
  what: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  progress(what);
  try {
    return await retryVoid(work, ({ message }) => progress(`${what}: ${message}`));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    progress(`${what}: ${error.message}`);
    failures.push({ what, message: error.message });
    return undefined;
  }
}

/** The link of that name, if it was asked for. */
export function linkOf({ links }: BenchContext, name: string): Link | undefined {
  return links.find((link) => link.name === name);
}
