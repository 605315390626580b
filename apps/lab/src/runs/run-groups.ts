import type { TransferResult, Transport } from './transfer-result.js';

/** The runs of one combination, which differ in their seeds. */
export interface RunGroup {
  link: string;
  workload: string;
  transport: Transport;
  runs: readonly TransferResult[];
}

/** Runs by link, workload and transport, in the order of their first appearance. */
export function groupRuns(runs: readonly TransferResult[]): RunGroup[] {
  const groups = new Map<string, TransferResult[]>();
  for (const run of runs) {
    const key = JSON.stringify([run.link, run.workload, run.transport]);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].flatMap((members) => {
    const [first] = members;
    if (!first) return [];
    return [{ link: first.link, workload: first.workload, transport: first.transport, runs: members }];
  });
}

/** The middle value; of an even number of values the mean of the middle two; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The run whose goodput is the middle one; of an even number the lower of the middle two. */
export function medianRun({ runs }: RunGroup): TransferResult | undefined {
  const sorted = [...runs].sort((a, b) => a.goodputMbps - b.goodputMbps);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
