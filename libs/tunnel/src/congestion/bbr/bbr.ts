import { BASE_UDP_PAYLOAD } from '../../params.js';
import type { AckSample, CongestionController } from '../controller.js';
import { BandwidthModel } from './data-rate.js';
import { Drain } from './drain.js';
import { FullPipeDetector } from './full-pipe.js';
import { ProbeBandwidth } from './probe-bw.js';
import { MinRttFilter, ProbeRtt } from './probe-rtt.js';
import { RoundCounter } from './round.js';
import { Startup } from './startup.js';
import type { BbrState } from './state.js';

/** In what the profiles `fair` and `lossy` differ. */
export interface BbrTuning {
  /** Share of a round's bytes, 0 to 1, that may be lost before it counts as congestion. */
  readonly lossTolerance: number;
  /** Whether probes come often enough for Reno and CUBIC flows beside us (section 5.3.3.5.2). */
  readonly yieldsToReno: boolean;
  /** Queueing delay above which the rate gives way although nothing is lost. */
  readonly delayBrake: boolean;
}

/** As the draft has it: section 2.7, BBR.LossThresh = 2 %. */
export const FAIR_TUNING: BbrTuning = { lossTolerance: 0.02, yieldsToReno: true, delayBrake: false };
/** For a link that is one's own: loss is the link's nature up to 15 %, and delay is what tells of a queue. */
export const LOSSY_TUNING: BbrTuning = { lossTolerance: 0.15, yieldsToReno: false, delayBrake: true };

/** Section 2.5, BBR.MinPipeCwnd: four packets. */
const MIN_PACKETS = 4;
/** RFC 6928's ten packets. */
const INITIAL_PACKETS = 10;
/** Section 2.4, BBR.PacingMarginPercent = 1. */
const PACING_MARGIN = 0.99;
/** Before the first sample the initial window leaves within this time (section 5.6.2 takes 1 ms where no round trip is known). */
const INITIAL_RTT_US = 1000;
/** Rounds of the maximum of acknowledgement aggregation: section 2.11, BBR.ExtraAckedFilterLen. */
const AGGREGATION_ROUNDS = 10;
/**
 * What a user-space sender and receiver hold back between two turns of their event loops, in microseconds of the
 * path's rate. It plays the part of BBR.offload_budget (section 5.6.4.2): three bursts of the pacer and as long an
 * acknowledgement delay.
 */
const BATCHING_US = 3000;
/** Delay brake: a queue is building when every packet of a round waited longer than this … */
const QUEUE_RTT_SHARE = 0.25;
const QUEUE_LEAST_US = 2000;
const QUEUE_MOST_US = 20_000;

/**
 * BBRv3 (draft-ietf-ccwg-bbr) in bytes and microseconds. The state machine's states are files of their own; this class
 * holds the model that they share and turns it into a pacing rate and a window.
 */
export class Bbr implements CongestionController {
  readonly states = {
    startup: new Startup(),
    drain: new Drain(),
    probeBandwidth: new ProbeBandwidth(),
    probeRtt: new ProbeRtt(),
  };
  readonly bandwidthModel = new BandwidthModel();
  readonly round = new RoundCounter();
  readonly fullPipe = new FullPipeDetector();
  readonly minRtt = new MinRttFilter();
  /** Most in flight that the long-term model allows (section 2.9). */
  inFlightLongTerm = Infinity;
  windowLimited = false;
  delivered = 0;
  congestionWindow: number;
  pacingRate: number;
  private current: BbrState = this.states.startup;
  private aggregationBytes = 0;
  private aggregationSinceUs = 0;
  private readonly aggregation = new Array<number>(AGGREGATION_ROUNDS).fill(0);

  constructor(
    readonly tuning: BbrTuning,
    /** Full packets are about so large. */
    public packetBytes: number,
    /** Uniform in [0, 1). */
    readonly random: () => number,
  ) {
    this.congestionWindow = INITIAL_PACKETS * Math.max(packetBytes, BASE_UDP_PAYLOAD);
    this.pacingRate = (this.states.startup.pacingGain * this.congestionWindow) / INITIAL_RTT_US;
  }

  get state(): string {
    return this.current.name;
  }

  get bandwidth(): number {
    return this.bandwidthModel.bounded;
  }

  /** The bandwidth-delay product times `gain`. */
  bytesInPipe(gain: number): number {
    if (this.minRtt.minUs === Infinity) return INITIAL_PACKETS * this.packetBytes;
    return gain * this.bandwidth * this.minRtt.minUs + this.batchingBytes;
  }

  private get batchingBytes(): number {
    return this.bandwidth * Math.min(BATCHING_US, Math.max(this.minRtt.minUs, BATCHING_US / 2));
  }

  /** Every packet of the last round waited: the queue is more than probing alone explains. */
  get queueBuilds(): boolean {
    return this.tuning.delayBrake && this.queueDelayUs > this.queueThresholdUs;
  }

  /** The same while the rate should be level: half as much is too much. */
  get queueStands(): boolean {
    return this.tuning.delayBrake && this.queueDelayUs > this.queueThresholdUs / 2;
  }

  private get queueDelayUs(): number {
    return this.round.lastMinRttUs === Infinity ? 0 : this.round.lastMinRttUs - this.minRtt.minUs;
  }

  private get queueThresholdUs(): number {
    const share = Math.min(QUEUE_MOST_US, Math.max(QUEUE_LEAST_US, this.minRtt.minUs * QUEUE_RTT_SHARE));
    return share + Math.min(this.round.lastRttSpreadUs, this.minRtt.minUs) / 2;
  }

  enter(state: BbrState, nowUs: number): void {
    this.current = state;
    state.enter(this, nowUs);
  }

  onWindowLimited(): void {
    this.windowLimited = true;
  }

  onAck(sample: AckSample): void {
    this.delivered = sample.delivered;
    this.round.update(sample);
    const rate = this.bandwidthModel.observe(sample);
    const congested = this.round.lastLossRate > this.tuning.lossTolerance;
    if (!this.current.probing) this.bandwidthModel.adapt(congested, this.congestionWindow);
    this.observeAggregation(sample);
    this.fullPipe.update(sample, rate, this.round.started);
    this.learnFirstRtt(sample);
    this.minRtt.update(sample);
    this.current.onAck(this, sample);
    this.probeRttIfDue(sample);
    this.bandwidthModel.advance(sample, rate);
    this.setPacingRate();
    this.setWindow(sample);
    this.windowLimited = false;
  }

  onRestartFromIdle(nowUs: number): void {
    // Section 5.4.1: an idle flow has drained its queue by itself.
    this.minRtt.probed(nowUs);
    this.aggregationSinceUs = nowUs;
    this.aggregationBytes = 0;
  }

  /** Section 5.6.2: until a rate is known the initial window leaves within one round trip, times the gain. */
  private learnFirstRtt(sample: AckSample): void {
    if (this.minRtt.minUs !== Infinity || sample.rttUs < 0) return;
    this.pacingRate =
      (this.current.pacingGain * this.congestionWindow) / Math.max(sample.rttUs, INITIAL_RTT_US);
  }

  private probeRttIfDue(sample: AckSample): void {
    if (this.current === this.states.probeRtt || !this.minRtt.probeDue(sample.nowUs)) return;
    this.enter(this.states.probeRtt, sample.nowUs);
  }

  /** How much more arrives acknowledged at once than the rate explains: section 5.5.11. */
  private observeAggregation(sample: AckSample): void {
    const expected = this.bandwidth * (sample.nowUs - this.aggregationSinceUs);
    if (this.aggregationBytes <= expected) {
      this.aggregationBytes = 0;
      this.aggregationSinceUs = sample.nowUs;
    }
    this.aggregationBytes += sample.acknowledgedBytes;
    const slot = this.round.count % AGGREGATION_ROUNDS;
    if (this.round.started) this.aggregation[slot] = 0;
    const extra = Math.min(this.aggregationBytes - Math.max(0, expected), this.congestionWindow);
    if (this.fullPipe.reached && extra > this.aggregation[slot]) this.aggregation[slot] = extra;
  }

  private setPacingRate(): void {
    if (this.bandwidth === 0) return;
    const rate = this.current.pacingGain * this.bandwidth * PACING_MARGIN;
    if (this.fullPipe.reached || rate > this.pacingRate) this.pacingRate = rate;
  }

  private setWindow(sample: AckSample): void {
    const most = this.bytesInPipe(this.current.windowGain) + Math.max(...this.aggregation);
    const grown = this.congestionWindow + sample.acknowledgedBytes;
    if (this.fullPipe.reached) this.congestionWindow = Math.min(grown, most);
    else if (this.congestionWindow < most) this.congestionWindow = grown;
    this.boundWindow();
  }

  private boundWindow(): void {
    const headroom = this.current === this.states.probeBandwidth ? this.states.probeBandwidth.headroom : 0;
    const bound = Math.min(this.inFlightLongTerm * (1 - headroom), this.bandwidthModel.inFlightShortTerm);
    this.congestionWindow = Math.max(MIN_PACKETS * this.packetBytes, Math.min(this.congestionWindow, bound));
    if (this.current === this.states.probeRtt) {
      this.congestionWindow = Math.min(this.congestionWindow, this.bytesInPipe(this.current.windowGain));
    }
  }
}
