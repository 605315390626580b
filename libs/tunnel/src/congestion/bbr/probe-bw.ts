import type { AckSample } from '../controller.js';
import type { Bbr } from './bbr.js';
import type { BbrState } from './state.js';
import { DOUBLE_ZERO } from '../../memory/double-field.js';

type Phase = 'down' | 'cruise' | 'refill' | 'up';

/** Pacing gains of the phases: section 2.4 and 5.3.3. */
const PACING_GAIN: Record<Phase, number> = { down: 0.9, cruise: 1, refill: 1, up: 1.25 };
/** With the delay brake a queue is worth more haste: as BBR had it before version 3. */
const BRAKED_DOWN_GAIN = 0.75;
/** Section 2.5: 2, and 2.25 while probing up. */
const WINDOW_GAIN: Record<Phase, number> = { down: 2, cruise: 2, refill: 2, up: 2.25 };
/** Section 5.3.3.5.1: wall-clock wait between probes, 2 to 3 s. */
const PROBE_WAIT_US = 2_000_000;
const PROBE_WAIT_SPREAD_US = 1_000_000;
/** The wait where there may be more at once: jitter may have ended startup, or the last probe found so much. */
const SOON_ROUNDS = 4;
const SOON_LEAST_US = 100_000;
const FOUND_MORE = 1.25;
/**
 * With the delay brake a probe costs no more than a short queue, and each brings two tunnels of one link nearer to equal
 * shares: they come sooner on short paths.
 */
const BRAKED_WAIT_ROUNDS = 20;
const BRAKED_WAIT_LEAST_US = 500_000;
/** The same in rounds, so that a Reno or CUBIC flow beside us can grow: section 5.3.3.5.2. */
const PROBE_WAIT_ROUNDS = 63;
/** Rounds in which the queue of a probe has run off at {@link BRAKED_DOWN_GAIN}, twice over. */
const ROUNDS_TO_DRAIN = 3;
/** A queue that is there so early in cruise is a remainder, and tells nothing of the rate. */
const SETTLED_ROUNDS = 2;
/** Share of the long-term bound left free for others in cruise: section 2.7, BBR.Headroom. */
const HEADROOM = 0.15;

/** Holds the rate, and looks now and then whether there is more (section 5.3.3). */
export class ProbeBandwidth implements BbrState {
  private phase: Phase = 'down';
  private phaseSinceUs = DOUBLE_ZERO;
  private waitUs = DOUBLE_ZERO;
  private waitRounds = 0;
  private cycleSinceUs = DOUBLE_ZERO;
  private cycleRound = 0;
  private downRounds = 0;
  private upRounds = 0;
  private upAcknowledged = DOUBLE_ZERO;
  /** Before the probe. */
  private bandwidthBefore = DOUBLE_ZERO;

  get name(): string {
    return `probe-bw-${this.phase}`;
  }

  pacingGain(bbr: Bbr): number {
    if (this.phase === 'down' && bbr.tuning.delayBrake) return BRAKED_DOWN_GAIN;
    return PACING_GAIN[this.phase];
  }

  get windowGain(): number {
    return WINDOW_GAIN[this.phase];
  }

  get probing(): boolean {
    return this.phase === 'refill' || this.phase === 'up';
  }

  /** Bytes kept free below the long-term bound. */
  get headroom(): number {
    return this.phase === 'cruise' || this.phase === 'down' ? HEADROOM : 0;
  }

  enter(bbr: Bbr, nowUs: number): void {
    this.startDown(bbr, nowUs);
    // What ended startup may have been jitter that looked like a queue.
    if (bbr.tuning.delayBrake) this.probeSoon(bbr);
  }

  onAck(bbr: Bbr, sample: AckSample): void {
    switch (this.phase) {
      case 'down':
        this.inDown(bbr, sample);
        break;
      case 'cruise':
        this.inCruise(bbr, sample);
        break;
      case 'refill':
        if (bbr.round.started) this.startUp(bbr, sample);
        break;
      case 'up':
        this.inUp(bbr, sample);
        break;
    }
  }

  private probeSoon(bbr: Bbr): void {
    this.waitUs = Math.max(SOON_ROUNDS * bbr.minRtt.minUs, SOON_LEAST_US);
  }

  private startDown(bbr: Bbr, nowUs: number): void {
    const foundMore = this.probing && bbr.bandwidth > FOUND_MORE * this.bandwidthBefore;
    this.to('down', nowUs);
    this.downRounds = 0;
    // As the draft has it: a sender with little to send learns nothing, and so forgets nothing.
    if (!bbr.appLimited) bbr.bandwidthModel.nextCycle();
    bbr.bandwidthModel.resetShortTerm();
    this.waitUs = this.nextWaitUs(bbr);
    if (foundMore && bbr.tuning.delayBrake) this.probeSoon(bbr);
    this.waitRounds = PROBE_WAIT_ROUNDS;
    this.cycleSinceUs = nowUs;
    this.cycleRound = bbr.round.count;
    bbr.round.restart(bbr.delivered);
  }

  private nextWaitUs(bbr: Bbr): number {
    if (!bbr.tuning.delayBrake) return PROBE_WAIT_US + bbr.random() * PROBE_WAIT_SPREAD_US;
    const wait = Math.min(
      Math.max(BRAKED_WAIT_ROUNDS * bbr.minRtt.minUs, BRAKED_WAIT_LEAST_US),
      PROBE_WAIT_US,
    );
    return wait * (1 + bbr.random() / 2);
  }

  private inDown(bbr: Bbr, sample: AckSample): void {
    if (this.timeToProbe(bbr, sample.nowUs)) this.startRefill(bbr, sample.nowUs);
    else if (this.drained(bbr, sample)) this.to('cruise', sample.nowUs);
    else if (bbr.round.started) this.checkDraining(bbr, sample);
  }

  /** A queue that does not fall while less is sent: the path carries no more than what it delivers now. */
  private checkDraining(bbr: Bbr, sample: AckSample): void {
    if (sample.appLimited || !bbr.queueStands || sample.inFlight < bbr.drainedBytes + bbr.jitterBytes) return;
    if (bbr.queueIsOurs(sample.nowUs) || ++this.downRounds <= ROUNDS_TO_DRAIN) return;
    if (bbr.roundsTell) bbr.bandwidthModel.lowerShortTerm(bbr.round.lastRate);
    else bbr.bandwidthModel.trim();
  }

  private drained(bbr: Bbr, sample: AckSample): boolean {
    const { inFlight } = sample;
    return inFlight <= bbr.drainedBytes && inFlight <= bbr.inFlightLongTerm * (1 - HEADROOM);
  }

  private inCruise(bbr: Bbr, sample: AckSample): void {
    if (this.timeToProbe(bbr, sample.nowUs)) this.startRefill(bbr, sample.nowUs);
    else if (bbr.round.started && bbr.queueStands) this.giveWay(bbr, sample.nowUs);
  }

  /** A queue stands although the rate is level: the rate was believed somewhat too high, which jitter does. */
  private giveWay(bbr: Bbr, nowUs: number): void {
    const settled = nowUs - this.phaseSinceUs > SETTLED_ROUNDS * bbr.minRtt.minUs;
    if (settled && !bbr.appLimited && !bbr.queueIsOurs(nowUs)) bbr.bandwidthModel.trim();
    this.downRounds = 0;
    this.to('down', nowUs);
  }

  private startRefill(bbr: Bbr, nowUs: number): void {
    this.bandwidthBefore = bbr.bandwidth;
    this.to('refill', nowUs);
    bbr.bandwidthModel.resetShortTerm();
    this.upRounds = 0;
    this.upAcknowledged = 0;
    bbr.round.restart(bbr.delivered);
  }

  private startUp(bbr: Bbr, sample: AckSample): void {
    this.to('up', sample.nowUs);
    bbr.fullPipe.restart(bbr.bandwidthModel.latest);
    bbr.round.restart(sample.delivered);
  }

  private inUp(bbr: Bbr, sample: AckSample): void {
    if (this.tooMuchLoss(bbr, sample)) {
      if (!sample.appLimited) {
        bbr.inFlightLongTerm = Math.max(sample.sampleInFlight, bbr.bytesInPipe(0.7));
      }
      this.startDown(bbr, sample.nowUs);
      return;
    }
    this.raiseLongTerm(bbr, sample);
    if (bbr.fullPipe.now || bbr.queueBuilds || this.pipeIsFull(bbr, sample))
      this.startDown(bbr, sample.nowUs);
  }

  /** With the delay brake a probe ends when it has filled the pipe by its gain: what the path had to spare would be seen by then. */
  private pipeIsFull(bbr: Bbr, sample: AckSample): boolean {
    return (
      bbr.tuning.delayBrake &&
      sample.nowUs - this.phaseSinceUs > bbr.minRtt.minUs &&
      sample.inFlight >= bbr.bytesInPipe(PACING_GAIN.up)
    );
  }

  /** Section 5.5.10.2, IsInflightTooHigh, with the tolerance of the profile. */
  private tooMuchLoss(bbr: Bbr, sample: AckSample): boolean {
    return sample.lostBytes > 0 && sample.sampleLost > sample.sampleInFlight * bbr.tuning.lossTolerance;
  }

  /** Section 5.3.3.6, ProbeInflightLongTermUpward: slowly at first, then twice as fast each round. */
  private raiseLongTerm(bbr: Bbr, sample: AckSample): void {
    if (bbr.inFlightLongTerm === Infinity) return;
    if (sample.sampleInFlight > bbr.inFlightLongTerm) bbr.inFlightLongTerm = sample.sampleInFlight;
    if (!bbr.windowLimited) return;
    this.upAcknowledged += sample.acknowledgedBytes;
    bbr.inFlightLongTerm +=
      (sample.acknowledgedBytes * bbr.packetBytes * 2 ** this.upRounds) / bbr.congestionWindow;
    if (bbr.round.started) this.upRounds = Math.min(this.upRounds + 1, 30);
  }

  private timeToProbe(bbr: Bbr, nowUs: number): boolean {
    return (
      nowUs - this.cycleSinceUs > this.waitUs ||
      (bbr.tuning.yieldsToReno && bbr.round.count - this.cycleRound >= this.renoRounds(bbr))
    );
  }

  private renoRounds(bbr: Bbr): number {
    return Math.min(this.waitRounds, bbr.bytesInPipe(1) / bbr.packetBytes);
  }

  private to(phase: Phase, nowUs: number): void {
    this.phase = phase;
    this.phaseSinceUs = nowUs;
  }
}
