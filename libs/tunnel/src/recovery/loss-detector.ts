import type { AckSample, CongestionController } from '../congestion/controller.js';
import { DeliveryRateEstimator } from '../congestion/delivery-rate.js';
import { MAX_ACK_DELAY_US } from '../params.js';
import { PathLoss } from '../repair/path-loss.js';
import type { AckFrame } from '../wire/frame.js';
import type { RttEstimator } from './rtt-estimator.js';
import { PacketState, type SentPackets } from './sent-packets.js';
import { DOUBLE_MINUS_ONE, DOUBLE_ZERO } from '../memory/double-field.js';

/** RFC 9002 section 6.1.1 and 6.1.2: where reordering was never seen, this much of it is loss. */
const PACKET_THRESHOLD = 3;
const TIME_THRESHOLD = 9 / 8;
/** How far spurious verdicts may widen the two: a window of 4,096 packets, and two round trips. */
const MAX_PACKET_THRESHOLD = 4096;
const MAX_TIME_THRESHOLD = 2;
/** Room above the reordering that was seen. */
const WIDENING = 1.25;
/** Least time threshold: RFC 9002 section 6.1.2, kGranularity. */
const GRANULARITY_US = 1000;
/** No path is faster, whatever a coarse clock says: a round trip of 0 would make a rate infinite. */
const LEAST_RTT_US = 10;
/** An unanswered probe is repeated no later than this, so that the end of an outage is noticed. */
const MAX_PROBE_INTERVAL_US = 1_000_000;
/** Records kept behind the last settled packet, to know a late acknowledgement of a packet given up from a forged one. */
const LATE_WINDOW = 4096;

/** Who is told what became of each packet. */
export interface PacketFates {
  onPacketAcknowledged(number: number): void;
  /** Its content is to be sent again, in new packets. */
  onPacketLost(number: number): void;
  /** Whether it asked if the path carries its size: RFC 8899 section 3 has its loss tell nothing of congestion. */
  probedPath(number: number): boolean;
  /** The same, but it may still arrive. */
  resend(number: number): void;
  /** Its content has arrived in another way: there is no need to send it again. */
  onPacketRecovered(number: number): void;
}

/**
 * Loss detection after RFC 9002, with thresholds that widen when a verdict proves wrong (as RACK does, RFC 8985 section
 * 6.2), so that a path that reorders is not taken for one that loses.
 */
export class LossDetector {
  inFlight = 0;
  readonly rate: DeliveryRateEstimator;
  readonly pathLoss = new PathLoss();
  packetsLost = 0;
  packetsSpurious = 0;
  bytesAcknowledged = DOUBLE_ZERO;
  /** Probes that are due without regard to the congestion window. */
  probesDue = 0;
  /** Probe timeouts since the last acknowledgement. */
  probeCount = 0;
  private packetThreshold = PACKET_THRESHOLD;
  private timeThreshold = TIME_THRESHOLD;
  private largestAcknowledged = DOUBLE_MINUS_ONE;
  /** All before it is settled. */
  private firstUnsettled = 0;
  private lastElicitingUs = DOUBLE_ZERO;
  /** Since when the peer owes an acknowledgement; Infinity: it owes none. */
  private owedSinceUs = Infinity;
  private lossDueUs = Infinity;
  private readonly recentlyLost: number[] = [];
  private readonly sample: AckSample = {
    nowUs: DOUBLE_ZERO,
    rttUs: DOUBLE_MINUS_ONE,
    hostDelayUs: DOUBLE_ZERO,
    acknowledgedBytes: DOUBLE_ZERO,
    lostBytes: DOUBLE_ZERO,
    spuriousBytes: DOUBLE_ZERO,
    inFlight: 0,
    delivered: DOUBLE_ZERO,
    sampleDelivered: DOUBLE_ZERO,
    sampleIntervalUs: DOUBLE_ZERO,
    priorDelivered: DOUBLE_ZERO,
    sampleLost: DOUBLE_ZERO,
    sampleInFlight: DOUBLE_ZERO,
    appLimited: false,
  };

  constructor(
    private readonly sent: SentPackets,
    private readonly rtt: RttEstimator,
    private readonly fates: PacketFates,
    public congestion: CongestionController,
  ) {
    this.rate = new DeliveryRateEstimator(sent);
  }

  /** An ack-eliciting packet left. */
  onSent(number: number, nowUs: number): void {
    const size = this.sent.sizeOf(number);
    if (this.inFlight === 0) {
      this.congestion.onRestartFromIdle(nowUs);
      this.owedSinceUs = nowUs;
    }
    this.inFlight += size;
    this.rate.onSent(number, nowUs, this.inFlight, size);
    this.lastElicitingUs = nowUs;
  }

  /** The number of the next packet. */
  get nextNumber(): number {
    return this.sent.next;
  }

  get hasRtt(): boolean {
    return this.rtt.hasSample;
  }

  /** How long the peer has owed an acknowledgement, in microseconds. */
  silenceUs(nowUs: number): number {
    return this.inFlight > 0 ? Math.max(0, nowUs - this.owedSinceUs) : 0;
  }

  /**
   * Takes an acknowledgement that arrived in this host at `arrivedUs`. False: the peer acknowledges what was never sent.
   */
  onAck(frame: AckFrame, nowUs: number, arrivedUs: number): boolean {
    const { sent, sample } = this;
    if (frame.largest >= sent.next) return false;
    this.begin(nowUs);
    const networkRttUs = this.networkRttUs(frame, arrivedUs);
    this.rate.deliveredAt(networkRttUs < 0 ? arrivedUs : sent.sentUsOf(frame.largest) + networkRttUs);
    this.rate.onPeerCount(frame.deliveredBytes);
    for (let i = 0; i < frame.count; i++) {
      const start = Math.max(frame.starts[i], this.firstUnsettled);
      for (let number = start; number < frame.ends[i]; number++) this.acknowledge(number);
      if (frame.starts[i] <= this.firstUnsettled) break;
    }
    if (sample.acknowledgedBytes > 0) this.sampleRtt(frame, networkRttUs, nowUs, arrivedUs);
    if (this.recentlyLost.length > 0) this.findSpurious(frame, nowUs);
    if (frame.largest > this.largestAcknowledged) this.largestAcknowledged = frame.largest;
    if (sample.acknowledgedBytes > 0) {
      this.probeCount = 0;
      this.owedSinceUs = nowUs;
    }
    this.detectLoss(nowUs);
    this.finish();
    return true;
  }

  private begin(nowUs: number): void {
    const { sample } = this;
    sample.nowUs = nowUs;
    sample.rttUs = -1;
    sample.hostDelayUs = 0;
    sample.acknowledgedBytes = 0;
    sample.lostBytes = 0;
    sample.spuriousBytes = 0;
    this.rate.beginAck();
  }

  private finish(): void {
    const { sample } = this;
    if (sample.acknowledgedBytes === 0 && sample.lostBytes === 0 && sample.spuriousBytes === 0) return;
    const { minUs, smoothedUs } = this.rtt;
    this.pathLoss.observe(sample.acknowledgedBytes, sample.lostBytes, smoothedUs - minUs, minUs);
    sample.inFlight = this.inFlight;
    this.rate.finishAck(sample, this.rtt.minUs);
    this.congestion.onAck(sample);
  }

  /** RFC 9002 section 5.1: of the largest packet, whatever it carried, if it is new and anything that was owed came with it. */
  private sampleRtt(frame: AckFrame, networkRttUs: number, nowUs: number, arrivedUs: number): void {
    if (networkRttUs < 0) return;
    const sentUs = this.sent.sentUsOf(frame.largest);
    const rttUs = Math.max(LEAST_RTT_US, arrivedUs - sentUs);
    this.rtt.sample(rttUs, Math.min(frame.delayUs, MAX_ACK_DELAY_US), nowUs);
    this.sample.rttUs = networkRttUs;
    this.sample.hostDelayUs = Math.max(0, nowUs - sentUs - networkRttUs);
  }

  /**
   * Round trip of the largest packet without what it waited at the peer, which is never believed to have been so long that
   * the rest is shorter than the least round trip; -1 if it is not new.
   */
  private networkRttUs(frame: AckFrame, arrivedUs: number): number {
    if (frame.largest <= this.largestAcknowledged) return -1;
    const rttUs = Math.max(LEAST_RTT_US, arrivedUs - this.sent.sentUsOf(frame.largest));
    return Math.max(rttUs - frame.delayUs, Math.min(rttUs, this.rtt.minUs));
  }

  private acknowledge(number: number): void {
    const { sent } = this;
    if (sent.stateOf(number) !== PacketState.inFlight) return;
    const size = sent.sizeOf(number);
    sent.setState(number, PacketState.acknowledged);
    this.inFlight -= size;
    this.sample.acknowledgedBytes += size;
    this.bytesAcknowledged += size;
    this.rate.onAcknowledged(number);
    this.fates.onPacketAcknowledged(number);
  }

  /** Packets given up that were acknowledged after all: reordering, so the thresholds widen. */
  private findSpurious(frame: AckFrame, nowUs: number): void {
    const { sent, recentlyLost } = this;
    let range = frame.count - 1;
    let kept = 0;
    for (const number of recentlyLost) {
      if (number < sent.oldest) continue;
      while (range > 0 && number >= frame.ends[range]) range--;
      if (number < frame.starts[range] || number >= frame.ends[range]) {
        recentlyLost[kept++] = number;
        continue;
      }
      this.takeBack(number, nowUs);
    }
    recentlyLost.length = kept;
  }

  private takeBack(number: number, nowUs: number): void {
    const size = this.sent.sizeOf(number);
    this.packetsSpurious++;
    this.sample.spuriousBytes += size;
    this.rate.onSpurious(size);
    this.pathLoss.takeBack(size);
    this.sent.setState(number, PacketState.acknowledged);
    this.widen(number, nowUs);
    this.fates.onPacketAcknowledged(number);
  }

  private widen(number: number, nowUs: number): void {
    const distance = Math.ceil((this.largestAcknowledged - number) * WIDENING);
    this.packetThreshold = Math.min(MAX_PACKET_THRESHOLD, Math.max(this.packetThreshold, distance));
    const late = ((nowUs - this.sent.sentUsOf(number)) / this.rtt.smoothedUs) * 1.05;
    this.timeThreshold = Math.min(MAX_TIME_THRESHOLD, Math.max(this.timeThreshold, late));
  }

  /** RFC 9002 section 6.1. Packets leave in order of number, so what is lost is a prefix of what is in flight. */
  private detectLoss(nowUs: number): void {
    const { sent, rtt } = this;
    const delay = Math.max(this.timeThreshold * Math.max(rtt.smoothedUs, rtt.latestUs), GRANULARITY_US);
    this.lossDueUs = Infinity;
    for (let number = this.firstUnsettled; number < this.largestAcknowledged; number++) {
      if (sent.stateOf(number) !== PacketState.inFlight) {
        if (number === this.firstUnsettled) this.firstUnsettled++;
        continue;
      }
      const dueUs = sent.sentUsOf(number) + delay;
      if (dueUs > nowUs && this.largestAcknowledged - number < this.packetThreshold) {
        this.lossDueUs = dueUs;
        break;
      }
      this.lose(number);
      if (number === this.firstUnsettled) this.firstUnsettled++;
    }
    sent.forgetBelow(this.firstUnsettled - LATE_WINDOW);
  }

  /** What is in flight went another way than what follows: it is sent again, and nobody is blamed. */
  abandonInFlight(): void {
    const { sent } = this;
    for (let number = this.firstUnsettled; number < sent.next; number++) {
      if (sent.stateOf(number) !== PacketState.inFlight) continue;
      sent.setState(number, PacketState.lost);
      this.fates.resend(number);
    }
    this.firstUnsettled = sent.next;
    this.inFlight = 0;
    this.lossDueUs = Infinity;
  }

  private lose(number: number): void {
    const { sent } = this;
    const size = sent.sizeOf(number);
    sent.setState(number, PacketState.lost);
    this.inFlight -= size;
    this.fates.onPacketLost(number);
    if (this.fates.probedPath(number)) return;
    this.sample.lostBytes += size;
    this.rate.lost += size;
    this.packetsLost++;
    this.recentlyLost.push(number);
  }

  /** The peer has rebuilt the content of a packet. Its loss remains one, for congestion control. False: it was never sent. */
  onRecovered(number: number): boolean {
    const { sent } = this;
    if (number >= sent.next) return false;
    const known = number >= sent.oldest;
    const state = known ? sent.stateOf(number) : PacketState.none;
    if (state === PacketState.inFlight || state === PacketState.lost) this.fates.onPacketRecovered(number);
    return true;
  }

  /** Every packet before this number is acknowledged or given up. */
  get settledBelow(): number {
    return this.firstUnsettled;
  }

  /** When {@link onTimeout} is to be called; Infinity while nothing is in flight. */
  get timeoutUs(): number {
    if (this.inFlight === 0) return Infinity;
    return Math.min(this.lossDueUs, this.probeDueUs);
  }

  private get probeDueUs(): number {
    const interval = this.rtt.probeTimeoutUs(MAX_ACK_DELAY_US) * 2 ** this.probeCount;
    return (
      this.lastElicitingUs + Math.min(interval, Math.max(MAX_PROBE_INTERVAL_US, this.rtt.smoothedUs * 2))
    );
  }

  onTimeout(nowUs: number): void {
    if (this.inFlight === 0) return;
    if (nowUs >= this.lossDueUs) {
      this.begin(nowUs);
      this.detectLoss(nowUs);
      this.finish();
      return;
    }
    if (nowUs < this.probeDueUs) return;
    this.probeCount = Math.min(this.probeCount + 1, 10);
    this.probesDue = 2;
    this.lastElicitingUs = nowUs;
    this.resendOldest();
  }

  /** A probe carries what has waited longest (RFC 9002 section 6.2.4), whose first copy stays in flight. */
  private resendOldest(): void {
    const { sent } = this;
    for (let number = this.firstUnsettled; number < sent.next; number++) {
      if (sent.stateOf(number) !== PacketState.inFlight) continue;
      this.fates.resend(number);
      return;
    }
  }
}
