import type { MigrationResult } from './migration-result.js';

/** A migration by CUBIC that took 100 s, with what a test changes. */
export function migration(changes: Partial<MigrationResult> = {}): MigrationResult {
  return {
    link: 'mpls',
    transport: 'cubic',
    seed: 1,
    completed: true,
    failure: null,
    migrationSeconds: 100,
    downtimeMs: 310,
    webOutages: 1,
    longestOutageMs: 420,
    longestGapMs: 420,
    outageThresholdMs: 250,
    webRequests: 2000,
    webAnswers: 1990,
    bytesOnWire: 560e6,
    bytesOnWireBack: 1e6,
    linkSeries: { atSeconds: [], queueBytes: [], wireMbps: [] },
    bytesFromQemu: 540e6,
    passes: 4,
    memoryIntact: true,
    memoryBytesCompared: 600e6,
    memoryBytesWrong: 0,
    congestionControl: 'cubic',
    cpuSeconds: {},
    stolenSeconds: 0,
    ...changes,
  };
}
