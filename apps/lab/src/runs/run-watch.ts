import type { EmulatorStatistics } from '@longhaul/wan-emulator';
import type { LabNetwork } from '../network/lab-network.js';
import { processSeconds, stolenSeconds } from './processor-time.js';

/** What was used between the beginning and the end of a run. */
export interface RunUsage {
  statistics: EmulatorStatistics;
  elapsedSeconds: number;
  /** User and system seconds of each watched process. */
  cpuSeconds: Record<string, number>;
  /** Time that the host withheld, over all CPUs. */
  stolenSeconds: number;
}

/** Counts of the link and clocks of processes from a moment on. */
export class RunWatch {
  private readonly startedMs = performance.now();
  private readonly stolenBefore = stolenSeconds();
  private readonly before: ReadonlyMap<string, number>;

  private constructor(
    private readonly network: LabNetwork,
    private readonly pids: Readonly<Record<string, number>>,
  ) {
    this.before = this.readClocks();
  }

  /** Begins with the link's statistics at zero. */
  static async begin(network: LabNetwork, pids: Readonly<Record<string, number>>): Promise<RunWatch> {
    await network.emulator.resetStatistics();
    return new RunWatch(network, pids);
  }

  async end(): Promise<RunUsage> {
    const after = this.readClocks();
    const stolen = stolenSeconds() - this.stolenBefore;
    const statistics = await this.network.emulator.statistics();
    const spent = [...after].map(
      ([name, seconds]) => [name, round(seconds - (this.before.get(name) ?? 0))] as const,
    );
    return {
      statistics,
      elapsedSeconds: (performance.now() - this.startedMs) / 1000,
      cpuSeconds: Object.fromEntries(spent),
      stolenSeconds: round(stolen),
    };
  }

  private readClocks(): Map<string, number> {
    return new Map(Object.entries(this.pids).map(([name, pid]) => [name, processSeconds(pid)]));
  }
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
