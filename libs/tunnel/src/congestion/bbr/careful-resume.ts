import type { AckSample, PathEstimate } from '../controller.js';
import type { Bbr } from './bbr.js';
import { LEAST_LOST_PACKETS } from './startup.js';
import type { BbrState } from './state.js';
import { DOUBLE_ZERO } from '../../memory/double-field.js';

type Phase = 'unvalidated' | 'validating' | 'safe-retreat';

/** Share of the remembered rate that is jumped to: RFC 9959, Unvalidated Phase, at most one half. */
const JUMP = 0.5;
/** The round trip may be so much shorter or longer than the remembered one: RFC 9959, Reconnaissance Phase. */
const LEAST_RTT_SHARE = 0.5;
const MOST_RTT_SHARE = 10;
/** What the retreat leaves of what was seen to fit the pipe while it drains: RFC 9959, Safe Retreat Phase. */
const RETREAT = 0.5;
/** … and of the bound behind it: section 2.7 of draft-ietf-ccwg-bbr, BBR.Beta. */
const BETA = 0.7;

/**
 * Resumes at half of a remembered rate (RFC 9959). Its reconnaissance is {@link Startup} up to the moment when the round trip
 * is known, the window was full and an initial window is acknowledged. Then half of the remembered rate is sent for one round trip, not validated;
 * the next round trip waits for the verdict; loss or a queue leads into the safe retreat, whose end is {@link Drain}.
 */
export class CarefulResume implements BbrState {
  readonly windowGain = 2;
  readonly probing = true;
  private phase: Phase = 'unvalidated';
  /** What is remembered, until it was used or refuted. */
  private remembered: PathEstimate | undefined = undefined;
  private rate = DOUBLE_ZERO;
  private window = DOUBLE_ZERO;
  private startedUs = DOUBLE_ZERO;
  /** Bytes delivered and lost when the jump began, and when all that was sent in it is settled. */
  private firstUnvalidated = DOUBLE_ZERO;
  private lastUnvalidated = DOUBLE_ZERO;
  private settled = DOUBLE_ZERO;
  private lost = DOUBLE_ZERO;
  /** Bytes that were seen to go through, from the initial window on: PipeSize. */
  private pipeSize = DOUBLE_ZERO;

  get name(): string {
    return `resume-${this.phase}`;
  }

  /** Half of the rate that was measured, while what was too much runs off. */
  pacingGain(): number {
    return 0.5;
  }

  remember(estimate: PathEstimate): void {
    this.remembered = estimate;
  }

  /** Whether there may be a jump. */
  get awaited(): boolean {
    return this.remembered !== undefined;
  }

  /** Whether there was a jump. */
  get used(): boolean {
    return this.rate > 0;
  }

  /** Rate and window, which do not follow from the model here. In the retreat the rate does. */
  get fixedRate(): number {
    return this.phase === 'safe-retreat' ? 0 : this.rate;
  }

  get fixedWindow(): number {
    return this.phase === 'safe-retreat' ? this.pipeSize * RETREAT : this.window;
  }

  /** Called for each acknowledgement in startup: the jump begins when it may, once. */
  reconnoitre(bbr: Bbr, sample: AckSample): void {
    const { remembered } = this;
    if (remembered === undefined) return;
    if (sample.lostBytes > 0 || bbr.fullPipe.reached) {
      this.remembered = undefined;
      return;
    }
    if (!bbr.windowWasFull || bbr.deliveredByModel < bbr.leastInitialWindow || !bbr.minRtt.known) return;
    this.remembered = undefined;
    if (!plausible(bbr.minRtt.minUs, remembered.minRttUs)) return;
    const rate = remembered.bandwidth * JUMP;
    const window = rate * bbr.minRtt.minUs;
    if (rate > bbr.bandwidth && window > bbr.congestionWindow) this.jump(bbr, sample, rate, window);
  }

  private jump(bbr: Bbr, sample: AckSample, rate: number, window: number): void {
    this.phase = 'unvalidated';
    this.rate = rate;
    this.window = window;
    this.startedUs = sample.nowUs;
    this.settled = 0;
    this.lost = 0;
    this.firstUnvalidated = sample.inFlight;
    this.lastUnvalidated = Infinity;
    this.pipeSize = bbr.deliveredByModel;
    bbr.enter(this, sample.nowUs);
  }

  enter(): void {
    // The jump was prepared before.
  }

  onAck(bbr: Bbr, sample: AckSample): void {
    this.settled += sample.acknowledgedBytes + sample.lostBytes;
    this.lost += sample.lostBytes - sample.spuriousBytes;
    this.pipeSize += sample.acknowledgedBytes + sample.spuriousBytes;
    if (this.phase === 'safe-retreat') this.endRetreat(bbr, sample);
    else if (this.congested(bbr)) this.retreat(bbr, sample);
    else if (this.phase === 'unvalidated') this.endJump(bbr, sample);
    else if (this.settled >= this.lastUnvalidated) this.validated(bbr, sample);
  }

  private congested(bbr: Bbr): boolean {
    const tooMuchLoss =
      this.lost >= LEAST_LOST_PACKETS * bbr.packetBytes &&
      this.lost > bbr.tuning.lossTolerance * this.settled;
    return tooMuchLoss || bbr.queueDelay.builds(bbr.minRtt.minUs);
  }

  /** One round trip of jumping is over, or the first packet of it is acknowledged. */
  private endJump(bbr: Bbr, sample: AckSample): void {
    const roundIsOver = sample.nowUs - this.startedUs > bbr.minRtt.minUs;
    if (this.settled <= this.firstUnvalidated && !roundIsOver) return;
    this.phase = 'validating';
    this.lastUnvalidated = this.settled + sample.inFlight;
    // Validating Phase: no more than is in flight, until it is known to fit.
    this.window = Math.max(sample.inFlight, bbr.leastInitialWindow);
  }

  /** Startup goes on from what was measured meanwhile. */
  private validated(bbr: Bbr, sample: AckSample): void {
    bbr.fullPipe.restart(bbr.bandwidth);
    bbr.enter(bbr.states.startup, sample.nowUs);
  }

  private retreat(bbr: Bbr, sample: AckSample): void {
    if (this.phase === 'unvalidated') this.lastUnvalidated = this.settled + sample.inFlight;
    this.phase = 'safe-retreat';
    bbr.fullPipe.reached = true;
  }

  private endRetreat(bbr: Bbr, sample: AckSample): void {
    if (this.settled < this.lastUnvalidated) return;
    bbr.inFlightLongTerm = Math.max(bbr.bytesInPipe(1), BETA * this.pipeSize);
    bbr.enter(bbr.states.drain, sample.nowUs);
  }
}

function plausible(rttUs: number, rememberedUs: number): boolean {
  return rttUs >= LEAST_RTT_SHARE * rememberedUs && rttUs <= MOST_RTT_SHARE * rememberedUs;
}
