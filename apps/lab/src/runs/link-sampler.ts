import type { EmulatorStatistics, WanEmulator } from '@longhaul/wan-emulator';
import { mbps } from './series.js';
import type { LinkSeries } from './transfer-result.js';

const INTERVAL_MS = 250;

/** Looks at the emulated link four times a second, from site a to site b. */
export class LinkSampler {
  private readonly startedMs = performance.now();
  private readonly timer: NodeJS.Timeout;
  private readonly series: LinkSeries = { atSeconds: [], queueBytes: [], wireMbps: [] };
  private before = { atSeconds: 0, wireBytes: 0 };

  /** Begins; the link's statistics have just been reset. */
  constructor(emulator: WanEmulator) {
    this.timer = setInterval(() => {
      emulator.statistics().then(
        (statistics) => this.add(statistics),
        () => this.end(), // the emulator has ended, which the run itself reports
      );
    }, INTERVAL_MS);
  }

  end(): LinkSeries {
    clearInterval(this.timer);
    return this.series;
  }

  private add({ aToB }: EmulatorStatistics): void {
    const atSeconds = Number(((performance.now() - this.startedMs) / 1000).toFixed(3));
    const { queueBytes, wireBytes } = aToB;
    this.series.atSeconds.push(atSeconds);
    this.series.queueBytes.push(queueBytes);
    this.series.wireMbps.push(mbps(wireBytes - this.before.wireBytes, atSeconds - this.before.atSeconds));
    this.before = { atSeconds, wireBytes };
  }
}
