/** Of times in milliseconds, to a tenth. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** By nearest rank: the least value that the given share of all values does not exceed. @param sorted ascending, not empty */
function nearestRank(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/** @throws Error if there are no values: nothing was measured */
export function percentilesOf(values: readonly number[]): Percentiles {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => Math.round(nearestRank(sorted, share) * 10) / 10;
  return { p50: at(0.5), p99: at(0.99) };
}
