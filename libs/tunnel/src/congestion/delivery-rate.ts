import type { SentPackets } from '../recovery/sent-packets.js';
import type { AckSample } from './controller.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/**
 * The delivery-rate estimator of draft-cheng-iccrg-delivery-rate-estimation, per packet rather than per segment. What was
 * delivered is what the peer has counted as each acknowledgement left: that has in it what was given up for lost and came
 * late, and what lies below the ranges that an acknowledgement has room for.
 */
export class DeliveryRateEstimator {
  /** Bytes of UDP payload of all packets that left, whatever they carry: the peer cannot have received more. */
  bytesSent = DOUBLE_ZERO;
  delivered = DOUBLE_ZERO;
  lost = DOUBLE_ZERO;
  /** What was acknowledged packet by packet: a peer that counts less is not believed. */
  private acknowledged = DOUBLE_ZERO;
  private deliveredUs = DOUBLE_ZERO;
  private deliveryUs = DOUBLE_ZERO;
  private firstSentUs = DOUBLE_ZERO;
  /** Samples up to this count of delivered bytes are application-limited; 0 = not limited. */
  private appLimitedUntil = DOUBLE_ZERO;
  private sampleNumber = -1;

  constructor(private readonly sent: SentPackets) {}

  onSent(number: number, nowUs: number, inFlightAfter: number, size: number): void {
    if (inFlightAfter === size) {
      this.firstSentUs = nowUs;
      this.deliveredUs = nowUs;
      this.deliveryUs = nowUs;
    }
    this.sent.snapshot(
      number,
      this.delivered,
      this.deliveredUs,
      this.firstSentUs,
      inFlightAfter,
      this.lost,
      this.appLimitedUntil > 0,
    );
  }

  /** There is less to send than would be allowed. */
  onAppLimited(inFlight: number): void {
    this.appLimitedUntil = Math.max(this.delivered + inFlight, 1);
  }

  beginAck(): void {
    this.sampleNumber = -1;
  }

  /**
   * When what is acknowledged next reached the peer, a one-way delay later: an acknowledgement that either host has held
   * up tells of a path no slower for that.
   */
  deliveredAt(atUs: number): void {
    this.deliveryUs = Math.max(this.deliveryUs, atUs);
  }

  /** The peer's count of the bytes that it has received; called after {@link deliveredAt}. */
  onPeerCount(bytes: number): void {
    this.advance(Math.min(bytes, this.bytesSent));
  }

  private advance(delivered: number): void {
    if (delivered <= this.delivered) return;
    this.delivered = delivered;
    this.deliveredUs = this.deliveryUs;
  }

  /** A packet that counts as lost has come after all. */
  onSpurious(size: number): void {
    this.lost -= size;
    this.acknowledged += size;
    this.advance(this.acknowledged);
  }

  onAcknowledged(number: number): void {
    this.acknowledged += this.sent.sizeOf(number);
    this.advance(this.acknowledged);
    const best = this.sampleNumber;
    if (best < 0 || this.sent.deliveredOf(number) > this.sent.deliveredOf(best) || number > best) {
      this.sampleNumber = number;
    }
  }

  /** Fills in the delivery-rate part of `sample`. */
  finishAck(sample: AckSample, minRttUs: number): void {
    if (this.appLimitedUntil > 0 && this.delivered > this.appLimitedUntil) this.appLimitedUntil = 0;
    sample.delivered = this.delivered;
    sample.sampleIntervalUs = 0;
    sample.sampleDelivered = 0;
    const number = this.sampleNumber;
    if (number < 0) return;
    const { sent } = this;
    const sendElapsed = sent.sentUsOf(number) - sent.firstSentUsOf(number);
    const ackElapsed = this.deliveredUs - sent.deliveredUsOf(number);
    const interval = Math.max(sendElapsed, ackElapsed);
    this.firstSentUs = sent.sentUsOf(number);
    sample.priorDelivered = sent.deliveredOf(number);
    sample.sampleLost = this.lost - sent.lostBeforeOf(number);
    sample.sampleInFlight = sent.inFlightOf(number);
    sample.appLimited = sent.appLimitedOf(number);
    sample.sampleDelivered = this.delivered - sample.priorDelivered;
    // An interval shorter than the least round trip is acknowledgement compression, not speed (section 4.1.4).
    if (interval >= minRttUs) sample.sampleIntervalUs = interval;
  }
}
