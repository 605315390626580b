import type { SinkResult } from '@longhaul/wan-emulator';

/** What a run's start may take before its rate counts as steady. */
export const STEADY_AFTER_SECONDS = 2;

export function mbps(bytes: number, seconds: number): number {
  return seconds > 0 ? Number(((bytes * 8) / seconds / 1e6).toFixed(3)) : 0;
}

/** Mbit/s of each whole interval. */
export function seriesMbps({ series, intervalMs, seconds }: SinkResult): number[] {
  const whole = Math.floor((seconds * 1000) / intervalMs + 1e-6);
  return Array.from({ length: whole }, (_, i) => mbps(series[i] ?? 0, intervalMs / 1000));
}

/** Mbit/s after the first two seconds; null if the run was over by then. */
export function steadyMbps({ series, intervalMs, seconds, bytes }: SinkResult): number | null {
  const skipped = (STEADY_AFTER_SECONDS * 1000) / intervalMs;
  const left = seconds - STEADY_AFTER_SECONDS;
  if (left < intervalMs / 1000) return null;
  const before = series.slice(0, skipped).reduce((sum, value) => sum + value, 0);
  return mbps(bytes - before, left);
}
