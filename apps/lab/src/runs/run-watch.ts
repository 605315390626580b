import type { EmulatorStatistics } from '@longhaul/wan-emulator';
import type { LabNetwork } from '../network/lab-network.js';
import { LinkSampler } from './link-sampler.js';
import { processSeconds, stolenSeconds } from './processor-time.js';
import type { LinkSeries } from './transfer-result.js';

/** What was used between the beginning and the end of a run. */
export interface RunUsage {
  statistics: EmulatorStatistics;
  series: LinkSeries;
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
  private readonly sampler: LinkSampler;

  private constructor(
    private readonly network: LabNetwork,
    private readonly pids: Readonly<Record<string, number>>,
  ) {
    this.before = this.readClocks();
    this.sampler = new LinkSampler(network.emulator);
  }

  /** Begins with the link's statistics at zero. */
  static async begin(network: LabNetwork, pids: Readonly<Record<string, number>>): Promise<RunWatch> {
    await network.emulator.resetStatistics();
    return new RunWatch(network, pids);
  }

  /** Ends the watch of a run that came to nothing. */
  abandon(): void {
    this.sampler.end();
  }

  async end(): Promise<RunUsage> {
    const series = this.sampler.end();
    const after = this.readClocks();
    const stolen = stolenSeconds() - this.stolenBefore;
    const statistics = await this.network.emulator.statistics();
    const spent = [...after].map(
      ([name, seconds]) => [name, round(seconds - (this.before.get(name) ?? 0))] as const,
    );
    return {
      statistics,
      series,
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
