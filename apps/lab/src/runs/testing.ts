import type { TransferResult } from './transfer-result.js';

/** A run over mpls for tests of what is made of runs. */
export function transferOf(changes: Partial<TransferResult>): TransferResult {
  return {
    link: 'mpls',
    linkMbps: 100,
    workload: 'random',
    transport: 'bbr',
    seed: 1,
    bytes: 36e6,
    seconds: 3,
    goodputMbps: 90,
    limitMbps: 96,
    steadyMbps: 94,
    seriesMbps: [20, 80, 94, 94, 94, 94],
    bytesOnWire: 37.5e6,
    bytesSettled: 37.5e6,
    bytesOnWireBack: 1e6,
    cpuSeconds: { source: 0.036, sink: 0.036, emulator: 5 },
    intact: true,
    congestionControl: 'bbr',
    tcpSegmentsResent: 20,
    queue: {
      limitBytes: 312_500,
      maxBytes: 250_000,
      meanBytes: 125_000,
      standingBytes: 90_000,
      tailDrops: 0,
    },
    linkSeries: { atSeconds: [1, 2], queueBytes: [125_000, 250_000], wireMbps: [99, 98] },
    rttMs: { min: 25, smoothed: 35.4 },
    randomLosses: 12,
    latenessP99Us: 100,
    stolenSeconds: 0,
    ...changes,
  };
}
