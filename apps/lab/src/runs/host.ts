import { features as nativeFeatures } from '@longhaul/native';
import type { EmulatorFeatures } from '@longhaul/wan-emulator';
import { cpus, release, totalmem } from 'node:os';
import { z } from 'zod';

export const hostSchema = z.object({
  kernel: z.string(),
  node: z.string(),
  cpus: z.number(),
  cpuModel: z.string(),
  memoryMiB: z.number(),
  emulator: z.object({ udpSegmentation: z.boolean(), realtime: z.boolean(), spinners: z.number() }),
  native: z.record(z.string(), z.unknown()),
});

/** The machine that figures were measured on. */
export type HostDescription = z.output<typeof hostSchema>;

export function describeHost(emulator: EmulatorFeatures): HostDescription {
  const all = cpus();
  return {
    kernel: release(),
    node: process.versions.node,
    cpus: all.length,
    cpuModel: all[0]?.model ?? 'unknown',
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    emulator,
    native: { ...nativeFeatures },
  };
}
