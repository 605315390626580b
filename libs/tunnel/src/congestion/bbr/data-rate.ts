import type { AckSample } from '../controller.js';
import { MaxFilter } from './windowed-filter.js';
import { DOUBLE_ZERO } from '../../memory/double-field.js';

/** Cycles of ProbeBW that the maximum covers (section 2.10). */
const MAX_BANDWIDTH_CYCLES = 2;
/** Share of the lower bounds that a round with loss leaves (section 2.7, BBR.Beta). */
const BETA = 0.7;

/** Jitter of a quarter of the round trip makes the maximum of many samples look this much too high; each step takes a part. */
const TRIM_FLOOR = 0.7;
const TRIM_STEP = 0.97;

/** What the path carries: the long-term maximum, and a short-term bound learnt from loss (section 5.5). Bytes per microsecond. */
export class BandwidthModel {
  /** Of the latest round. */
  latest = DOUBLE_ZERO;
  inFlightLatest = DOUBLE_ZERO;
  shortTerm = Infinity;
  inFlightShortTerm = Infinity;
  private readonly filter = new MaxFilter(MAX_BANDWIDTH_CYCLES);
  private roundEnd = DOUBLE_ZERO;
  private lossInRound = false;
  /** The current acknowledgement began a round of loss accounting. */
  private roundStarted = false;

  get maximum(): number {
    return this.filter.value;
  }

  /** What pacing and window are computed from. */
  get bounded(): number {
    return Math.min(this.maximum, this.shortTerm);
  }

  /** Section 5.5.7 and 5.5.10: called first for each acknowledgement. Gives the sample's rate, 0 if it has none. */
  observe(sample: AckSample): number {
    const rate = sample.sampleIntervalUs > 0 ? sample.sampleDelivered / sample.sampleIntervalUs : 0;
    this.latest = Math.max(this.latest, rate);
    this.inFlightLatest = Math.max(this.inFlightLatest, sample.sampleDelivered);
    this.roundStarted = sample.sampleDelivered > 0 && sample.priorDelivered >= this.roundEnd;
    if (this.roundStarted) this.roundEnd = sample.delivered;
    if (rate > 0 && (rate >= this.maximum || !sample.appLimited)) this.filter.update(rate);
    if (sample.lostBytes > 0) this.lossInRound = true;
    return rate;
  }

  /** Lowers the short-term bounds after a round with loss that counts as congestion (section 5.5.10.3). */
  adapt(lossIsCongestion: boolean, congestionWindow: number): void {
    if (!this.roundStarted) return;
    if (this.lossInRound && lossIsCongestion) {
      if (this.shortTerm === Infinity) this.shortTerm = this.maximum;
      if (this.inFlightShortTerm === Infinity) this.inFlightShortTerm = congestionWindow;
      this.shortTerm = Math.max(this.latest, BETA * this.shortTerm);
      this.inFlightShortTerm = Math.max(this.inFlightLatest, BETA * this.inFlightShortTerm);
    }
    this.lossInRound = false;
  }

  /** Bounds the rate, until the next probe, by what was measured over a whole round with a queue: that is what the path carries. */
  lowerShortTerm(rate: number): void {
    this.shortTerm = Math.max(rate, BETA * this.bounded);
  }

  /** Takes a step off a rate that jitter has made look too high, until the next probe. */
  trim(): void {
    this.shortTerm = Math.max(TRIM_FLOOR * this.maximum, this.bounded * TRIM_STEP);
  }

  /** Called last for each acknowledgement. */
  advance(sample: AckSample, rate: number): void {
    if (!this.roundStarted) return;
    this.latest = rate;
    this.inFlightLatest = sample.sampleDelivered;
  }

  /** A cycle of ProbeBW is over. */
  nextCycle(): void {
    this.filter.advance();
  }

  resetShortTerm(): void {
    this.shortTerm = Infinity;
    this.inFlightShortTerm = Infinity;
  }
}
