import type { TransferResult } from './transfer-result.js';

const GIGABYTE = 1e9;

/** Mbit/s after the start; of a run that was over by then, of the whole. */
export function settledMbps(run: TransferResult): number {
  return run.steadyMbps ?? run.goodputMbps;
}

/** How long the link takes for so many queued bytes, milliseconds. */
export function queueMs(run: TransferResult, bytes: number): number {
  return (bytes * 8) / (run.linkMbps * 1e3);
}

/** CPU seconds of one process for each GB of application bytes; undefined if there was no such process. */
export function cpuPerGigabyte({ cpuSeconds, bytes }: TransferResult, process: string): number | undefined {
  const seconds = cpuSeconds[process];
  return seconds === undefined ? undefined : seconds / (bytes / GIGABYTE);
}

/** CPU seconds of all processes but the emulator's for each GB of application bytes. */
export function endsCpuPerGigabyte(run: TransferResult): number {
  return Object.keys(run.cpuSeconds)
    .filter((process) => process !== 'emulator')
    .reduce((total, process) => total + (cpuPerGigabyte(run, process) ?? 0), 0);
}
