import { BASE_UDP_PAYLOAD } from '../../params.js';
import {
  BYTES_PER_US_PER_MBPS,
  type AckSample,
  type CongestionController,
  type PathEstimate,
} from '../controller.js';
import { CarefulResume } from './careful-resume.js';
import { BandwidthModel } from './data-rate.js';
import { Drain } from './drain.js';
import { FullPipeDetector } from './full-pipe.js';
import { HostDelay } from './host-delay.js';
import { ProbeBandwidth } from './probe-bw.js';
import { MinRttFilter, ProbeRtt } from './probe-rtt.js';
import { QueueDelay } from './queue-delay.js';
import { RoundCounter } from './round.js';
import { Startup } from './startup.js';
import type { BbrState } from './state.js';
import { DOUBLE_MINUS_ONE, DOUBLE_ZERO } from '../../memory/double-field.js';

/** In what the profiles `fair` and `lossy` differ. */
export interface BbrTuning {
  /** Share of a round's bytes, 0 to 1, that may be lost before it counts as congestion. */
  readonly lossTolerance: number;
  /** Whether probes come often enough for Reno and CUBIC flows beside us (section 5.3.3.5.2). */
  readonly yieldsToReno: boolean;
  /** Whether the rate gives way to queueing delay although nothing is lost. */
  readonly delayBrake: boolean;
  /** Whether nobody else is there who would be hurt by a larger first window. */
  readonly ownLink: boolean;
  /**
   * Initial windows that are delivered while the window grows as in slow start and pacing follows it (section 5.6.4.6 says
   * one): the rate of the first rounds, most of which was waiting, holds the next ones back.
   */
  readonly youngWindows: number;
}

/** As the draft has it: section 2.7, BBR.LossThresh = 2 %. */
export const FAIR_TUNING: BbrTuning = {
  lossTolerance: 0.02,
  yieldsToReno: true,
  delayBrake: false,
  ownLink: false,
  youngWindows: 1,
};
/** For a link that is one's own: loss is the link's nature up to 15 %, and delay is what tells of a queue. */
export const LOSSY_TUNING: BbrTuning = {
  lossTolerance: 0.15,
  yieldsToReno: false,
  delayBrake: true,
  ownLink: true,
  youngWindows: 10,
};

/** Section 2.5, BBR.MinPipeCwnd: four packets. */
const MIN_PACKETS = 4;
/** RFC 6928's ten packets. */
const INITIAL_PACKETS = 10;
/** On a link that is one's own the first window may be larger, as far as it leaves no faster than this: 10 Mbit/s. */
const OWN_LINK_PACKETS = 88;
const OWN_LINK_RATE = 10 * BYTES_PER_US_PER_MBPS;
/** Section 2.4, BBR.PacingMarginPercent = 1. */
const PACING_MARGIN = 0.99;
/** Before the first sample the initial window leaves within this time (section 5.6.2 takes 1 ms where no round trip is known). */
const INITIAL_RTT_US = 1000;
/** Weight of a round in the mean of the path's loss. */
const PATH_LOSS_WEIGHT = 1 / 16;
/** Rounds of the maximum of acknowledgement aggregation: section 2.11, BBR.ExtraAckedFilterLen. */
const AGGREGATION_ROUNDS = 10;
/** A burst of the pacer, in microseconds of the path's rate; BBR.offload_budget (section 5.6.4.2) is three of them. */
const BURST_US = 1000;
/** On shorter paths a queue is hardly longer than the bursts and the lateness of event loops, and there is no telling them apart. */
const LEAST_TELLING_RTT_US = 6000;
/** So long after a late wake-up a queue may still be what the sender caught up with. */
const LATE_SENDING_ROUNDS = 2;
const LATE_SENDING_LEAST_US = 3000;
/** The window has room for so many mean deviations of the round trip, so that jitter does not close it. */
const DEVIATIONS = 4;

/**
 * BBRv3 (draft-ietf-ccwg-bbr) in bytes and microseconds. The state machine's states are files of their own; this class
 * holds the model that they share and turns it into a pacing rate and a window.
 */
export class Bbr implements CongestionController {
  readonly states = {
    startup: new Startup(),
    resume: new CarefulResume(),
    drain: new Drain(),
    probeBandwidth: new ProbeBandwidth(),
    probeRtt: new ProbeRtt(),
  };
  readonly bandwidthModel = new BandwidthModel();
  readonly round = new RoundCounter();
  readonly fullPipe = new FullPipeDetector();
  readonly minRtt = new MinRttFilter();
  readonly queueDelay = new QueueDelay();
  readonly hostDelay = new HostDelay();
  /** Most in flight that the long-term model allows (section 2.9). */
  inFlightLongTerm = Infinity;
  windowLimited = false;
  private lateSendingUs = -Infinity;
  /** There was once enough to send to fill the window. */
  windowWasFull = false;
  delivered = DOUBLE_ZERO;
  /** What the transport had delivered before this model's first sample, under another policy or on another path. */
  private deliveredBefore = DOUBLE_MINUS_ONE;
  /** The latest sample tells what the application sent, not what the path takes. */
  appLimited = false;
  congestionWindow: number;
  pacingRate: number;
  private initialWindow: number;
  /** Share of bytes that the path itself loses, smoothed over rounds. */
  private pathLoss = DOUBLE_ZERO;
  private current: BbrState = this.states.startup;
  private aggregationBytes = DOUBLE_ZERO;
  /** When the model was last confirmed by a sender that had enough to send, with the pipe known to be full; 0: never. */
  private confirmedUs = DOUBLE_ZERO;
  private aggregationSinceUs = DOUBLE_ZERO;
  private readonly aggregation = new Array<number>(AGGREGATION_ROUNDS).fill(0);

  constructor(
    readonly tuning: BbrTuning,
    /** Full packets are about so large. */
    public packetBytes: number,
    /** Uniform in [0, 1). */
    readonly random: () => number,
    /** What is remembered of the path, if anything. */
    remembered?: PathEstimate,
  ) {
    this.initialWindow = INITIAL_PACKETS * Math.max(packetBytes, BASE_UDP_PAYLOAD);
    this.congestionWindow = this.initialWindow;
    this.pacingRate = (this.states.startup.pacingGain() * this.congestionWindow) / INITIAL_RTT_US;
    if (remembered !== undefined) this.states.resume.remember(remembered);
  }

  get state(): string {
    return this.current.name;
  }

  get bandwidth(): number {
    return this.bandwidthModel.bounded;
  }

  get observed(): (PathEstimate & { readonly atUs: number }) | undefined {
    if (this.confirmedUs === 0) return undefined;
    return { bandwidth: this.bandwidthModel.maximum, minRttUs: this.minRtt.minUs, atUs: this.confirmedUs };
  }

  /** Acknowledged as a whole, it shows that the path is there: RFC 6928's ten packets. */
  get leastInitialWindow(): number {
    return INITIAL_PACKETS * this.packetBytes;
  }

  /** What has to leave so that as much arrives as the path carries: on a link that is one's own the path's loss is made up for. */
  private get sendingRate(): number {
    return this.bandwidth / (1 - this.pathLoss);
  }

  /** A round without a queue tells what the path loses by itself. */
  private observePathLoss(): void {
    if (!this.tuning.ownLink || !this.round.started || this.queueBuilds) return;
    const loss = Math.min(this.round.lastLossRate, this.tuning.lossTolerance);
    this.pathLoss += (loss - this.pathLoss) * PATH_LOSS_WEIGHT;
  }

  /** The bandwidth-delay product times `gain`. */
  bytesInPipe(gain: number): number {
    if (this.minRtt.minUs === Infinity) return INITIAL_PACKETS * this.packetBytes;
    return gain * this.sendingRate * this.minRtt.minUs + this.heldUpBytes;
  }

  /** In flight while no queue stands: what the pipe holds, and what waits for its acknowledgement. */
  get drainedBytes(): number {
    return this.sendingRate * (this.minRtt.minUs + BURST_US / 2 + this.hostDelay.meanUs);
  }

  /** What jitter keeps in flight beyond the pipe. In startup the round trip grows for another reason. */
  get jitterBytes(): number {
    return this.fullPipe.reached ? this.sendingRate * DEVIATIONS * this.minRtt.deviationUs : 0;
  }

  /** What the two hosts hold between two turns of their event loops. */
  private get heldUpBytes(): number {
    return this.bandwidth * (BURST_US + this.hostDelay.maxUs);
  }

  /** The queue is more than probing alone explains. */
  get queueBuilds(): boolean {
    return this.tuning.delayBrake && this.queueDelay.builds(this.minRtt.minUs);
  }

  /** The same while the rate should be level: less is too much. */
  get queueStands(): boolean {
    return this.tuning.delayBrake && this.queueDelay.stands(this.minRtt.minUs);
  }

  /**
   * Whether a level rate is the path's doing. Without the delay brake, and where a queue is hardly longer than the event
   * loops' own batches, there is no telling: the draft takes it for that.
   */
  private get saturated(): boolean {
    if (!this.tuning.delayBrake || !this.roundsTell) return true;
    return this.queueStands || this.round.lastLossRate > this.tuning.lossTolerance;
  }

  /** Whether a round is long enough for its mean rate to be the path's, and not that of an event loop that was late in it. */
  get roundsTell(): boolean {
    return this.minRtt.minUs >= LEAST_TELLING_RTT_US;
  }

  enter(state: BbrState, nowUs: number): void {
    this.current = state;
    state.enter(this, nowUs);
  }

  onLateSending(nowUs: number): void {
    this.lateSendingUs = nowUs;
  }

  /** Whether the sender itself may have made the queue that is seen now. */
  queueIsOurs(nowUs: number): boolean {
    return (
      nowUs - this.lateSendingUs < LATE_SENDING_ROUNDS * Math.max(this.minRtt.minUs, LATE_SENDING_LEAST_US)
    );
  }

  onWindowLimited(): void {
    this.windowLimited = true;
    this.windowWasFull = true;
  }

  onAck(sample: AckSample): void {
    this.delivered = sample.delivered;
    if (this.deliveredBefore < 0) this.deliveredBefore = sample.delivered - sample.acknowledgedBytes;
    this.appLimited = sample.appLimited;
    this.round.update(sample);
    const rate = this.bandwidthModel.observe(sample);
    const congested = !sample.appLimited && this.round.lastLossRate > this.tuning.lossTolerance;
    if (!this.current.probing) this.bandwidthModel.adapt(congested, this.congestionWindow);
    this.observePathLoss();
    this.observeAggregation(sample);
    this.fullPipe.update(sample, rate, this.round.started, this.saturated);
    this.learnFirstRtt(sample);
    this.minRtt.update(sample, this.queueDelay.wanderUs);
    this.hostDelay.update(sample);
    if (this.watchesQueue) this.queueDelay.update(sample, this.minRtt.minUs, this.round.started);
    this.current.onAck(this, sample);
    this.probeRttIfDue(sample);
    this.bandwidthModel.advance(sample, rate);
    this.setPacingRate();
    this.setWindow(sample);
    this.windowLimited = false;
    if (this.fullPipe.reached && !sample.appLimited) this.confirmedUs = sample.nowUs;
  }

  private get watchesQueue(): boolean {
    return this.tuning.delayBrake || this.states.resume.awaited || this.current === this.states.resume;
  }

  onRestartFromIdle(nowUs: number): void {
    // Section 5.4.1: an idle flow has drained its queue by itself, and goes on at the rate that it knew.
    this.minRtt.probed(nowUs);
    this.aggregationSinceUs = nowUs;
    this.aggregationBytes = 0;
    if (this.current === this.states.probeBandwidth) this.pacingRate = this.sendingRate * PACING_MARGIN;
  }

  /** Section 5.6.2: until a rate is known the initial window leaves within one round trip, times the gain. */
  private learnFirstRtt(sample: AckSample): void {
    if (this.minRtt.minUs !== Infinity || sample.rttUs < 0) return;
    if (this.tuning.ownLink) this.initialWindow = this.ownLinkWindow(sample.rttUs);
    this.congestionWindow = Math.max(this.congestionWindow, this.initialWindow);
    this.pacingRate =
      (this.current.pacingGain(this) * this.congestionWindow) / Math.max(sample.rttUs, INITIAL_RTT_US);
  }

  private ownLinkWindow(rttUs: number): number {
    const most = OWN_LINK_PACKETS * this.packetBytes;
    return Math.max(this.initialWindow, Math.min(most, OWN_LINK_RATE * rttUs));
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

  /** Bytes delivered since the model began, which may be in the middle of a transport. */
  get deliveredByModel(): number {
    return this.delivered - this.deliveredBefore;
  }

  private get young(): boolean {
    return (
      !this.fullPipe.reached &&
      !this.states.resume.used &&
      this.deliveredByModel < this.tuning.youngWindows * this.initialWindow
    );
  }

  private setPacingRate(): void {
    const { fixedRate = 0 } = this.current;
    if (fixedRate > 0) {
      this.pacingRate = fixedRate;
      return;
    }
    if (this.bandwidth === 0) return;
    // A path that reorders may have delivered something in no time at all.
    const roundTripUs = Math.max(this.minRtt.minUs, INITIAL_RTT_US);
    const model = this.young ? this.congestionWindow / roundTripUs : this.sendingRate;
    const rate = this.current.pacingGain(this) * model * PACING_MARGIN;
    if (this.fullPipe.reached || rate > this.pacingRate) this.pacingRate = rate;
  }

  private setWindow(sample: AckSample): void {
    const { windowGain, fixedWindow = 0 } = this.current;
    if (fixedWindow > 0) {
      this.congestionWindow = Math.max(MIN_PACKETS * this.packetBytes, fixedWindow);
      return;
    }
    const most = this.bytesInPipe(windowGain) + Math.max(...this.aggregation) + windowGain * this.jitterBytes;
    const grown = this.congestionWindow + sample.acknowledgedBytes;
    if (this.fullPipe.reached) this.congestionWindow = Math.min(grown, most);
    else if (this.congestionWindow < most || this.young) this.congestionWindow = grown;
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
