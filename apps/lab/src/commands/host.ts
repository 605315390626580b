import { features as nativeFeatures } from '@longhaul/native';
import type { EmulatorFeatures } from '@longhaul/wan-emulator';
import { cpus, release, totalmem } from 'node:os';

/** The machine that figures were measured on. */
export interface HostDescription {
  kernel: string;
  node: string;
  cpus: number;
  cpuModel: string;
  memoryMiB: number;
  emulator: EmulatorFeatures;
  native: typeof nativeFeatures;
}

export function describeHost(emulator: EmulatorFeatures): HostDescription {
  const all = cpus();
  return {
    kernel: release(),
    node: process.versions.node,
    cpus: all.length,
    cpuModel: all[0]?.model ?? 'unknown',
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    emulator,
    native: nativeFeatures,
  };
}
