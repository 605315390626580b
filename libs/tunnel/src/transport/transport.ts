import { Bbr, FAIR_TUNING, LOSSY_TUNING } from '../congestion/bbr/bbr.js';
import {
  BYTES_PER_US_PER_MBPS,
  type CongestionController,
  type PathEstimate,
  type Profile,
} from '../congestion/controller.js';
import { FixedRate } from '../congestion/fixed-rate.js';
import type { PackedAddress } from '../io.js';
import { Pacer } from '../pacer.js';
import {
  CHUNK_BYTES,
  BASE_UDP_PAYLOAD,
  MAX_ACK_DELAY_US,
  MIN_UNSENT_BYTES,
  SCARCE_POOL_SHARE,
  SCARCE_UNSENT_BYTES,
  UNSENT_POOL_SHARE,
  UNSENT_US,
  USUAL_UDP_PAYLOAD,
} from '../params.js';
import { MtuDiscovery } from '../path/mtu-discovery.js';
import { rateStillHeld, type PathMemory, type RememberedRate } from '../path/path-memory.js';
import { ReceiveRate } from '../path/receive-rate.js';
import { LossDetector } from '../recovery/loss-detector.js';
import { ReceivedPackets } from '../recovery/received-packets.js';
import { RttEstimator } from '../recovery/rtt-estimator.js';
import { SentPackets } from '../recovery/sent-packets.js';
import { DEFAULT_CLASS_WEIGHTS, type ClassWeights } from '../streams/scheduler.js';
import type { Stream, TrafficClass } from '../streams/stream.js';
import type { PacketTarget } from '../wire/packet-builder.js';
import { expandLow32 } from '../wire/packet.js';
import { FrameReceiver, type PathFrames } from './frame-receiver.js';
import { FrameFates } from './packet-fates.js';
import { PacketSender } from './packet-sender.js';
import { StreamTable, type SharedResources, type StreamTableOptions } from './stream-table.js';

/** How a tunnel meets its path: what policy may change while streams live. */
export interface PathPolicy {
  readonly profile: Profile;
  /** Hard cap on the pacing rate, Mbit/s of UDP payload; `fixed` needs it. */
  readonly rateMbps?: number;
  readonly maxUdpPayload: number;
  /** Forward error correction at the end of flights: where it pays, or never. By default where it pays. */
  readonly repair?: 'auto' | 'off';
  /** Shares of the classes of streams in what is sent; by default {@link DEFAULT_CLASS_WEIGHTS}. */
  readonly classWeights?: ClassWeights;
}

export interface TransportOptions extends StreamTableOptions {
  /** What is known of the path from an earlier transport. */
  readonly remembered?: PathMemory;
  /** Milliseconds since 1970, as the transport begins. */
  readonly unixTimeMs: number;
}

/** Who a transport belongs to. */
export interface TransportOwner extends PathFrames {
  /** Something was done that {@link Transport.poll} has to see to. */
  touch(): void;
}

/**
 * Everything of a tunnel but its keys: packet numbers, acknowledgements, recovery, congestion, streams. It outlives
 * the sessions that carry it, and is made anew when either side has lost its own.
 */
export class Transport {
  readonly rtt = new RttEstimator();
  readonly received = new ReceivedPackets();
  readonly loss: LossDetector;
  readonly mtu: MtuDiscovery;
  readonly sender: PacketSender;
  readonly receiveRate: ReceiveRate;
  private readonly sent = new SentPackets();
  private readonly pacer = new Pacer();
  private readonly streams: StreamTable;
  private readonly receiver: FrameReceiver;

  constructor(
    options: TransportOptions,
    private policy: PathPolicy,
    private readonly shared: SharedResources,
    owner: TransportOwner,
  ) {
    const { clock, events, builder } = shared;
    const { rtt, received, sent } = this;
    this.mtu = new MtuDiscovery(policy.maxUdpPayload);
    const { remembered, unixTimeMs } = options;
    this.receiveRate = new ReceiveRate(rateStillHeld(remembered?.receive, unixTimeMs));
    this.streams = new StreamTable(options, shared, rtt, this.receiveRate, () => owner.touch());
    this.streams.scheduler.setWeights(policy.classWeights ?? DEFAULT_CLASS_WEIGHTS);
    const fates = new FrameFates(sent, this.streams, this.mtu);
    this.loss = new LossDetector(sent, rtt, fates, this.makeController(estimateOf(options)));
    this.receiver = new FrameReceiver(
      builder.memory,
      clock,
      events,
      this.streams,
      received,
      this.loss,
      owner,
      builder.scratchOffset,
    );
    this.sender = new PacketSender({
      clock,
      builder,
      sent,
      received,
      loss: this.loss,
      mtu: this.mtu,
      streams: this.streams,
      pacer: this.pacer,
      ackFrame: this.receiver.ackFrame,
    });
  }

  private makeController(remembered?: PathEstimate): CongestionController {
    const { profile, rateMbps, maxUdpPayload } = this.policy;
    if (profile === 'fixed' && rateMbps !== undefined)
      return new FixedRate(rateMbps * BYTES_PER_US_PER_MBPS, BASE_UDP_PAYLOAD);
    const tuning = profile === 'lossy' ? LOSSY_TUNING : FAIR_TUNING;
    const packetBytes = Math.min(maxUdpPayload, USUAL_UDP_PAYLOAD);
    return new Bbr(tuning, packetBytes, this.shared.random, remembered);
  }

  /** Takes over a changed policy. A new profile resumes from what was learnt; streams go on. */
  reconfigure(policy: PathPolicy): void {
    const before = this.policy;
    this.policy = policy;
    this.streams.scheduler.setWeights(policy.classWeights ?? DEFAULT_CLASS_WEIGHTS);
    if (before.maxUdpPayload !== policy.maxUdpPayload) this.mtu.restart(policy.maxUdpPayload);
    if (before.profile === policy.profile && before.rateMbps === policy.rateMbps) return;
    this.loss.congestion = this.makeController(this.congestion.observed);
  }

  /** The peer is somewhere else now: nothing that was learnt of the path holds. */
  onPathChanged(): void {
    this.rtt.restart();
    this.mtu.restart(this.policy.maxUdpPayload);
    this.loss.abandonInFlight();
    this.loss.congestion = this.makeController();
    this.receiveRate.peak = 0;
    this.loss.pathLoss.restart();
  }

  get congestion(): CongestionController {
    return this.loss.congestion;
  }

  get streamCount(): number {
    return this.streams.size;
  }

  /** Packet numbers used so far. */
  get nextPacketNumber(): number {
    return this.sent.next;
  }

  /** Whether a packet of this number, known by its low 32 bits, is one whose fate is open. */
  mayBeInFlight(low: number): boolean {
    const number = expandLow32(low, this.sent.next);
    return number < this.sent.next && number >= this.loss.settledBelow;
  }

  /** Bytes per microsecond at which packets leave, the policy's cap included. */
  get pacingRate(): number {
    const { rateMbps } = this.policy;
    const cap = rateMbps === undefined ? Infinity : rateMbps * BYTES_PER_US_PER_MBPS;
    return Math.min(this.congestion.pacingRate, cap);
  }

  /** What is worth remembering of the path to `address`, at `unixTimeMs`; undefined before anything is. */
  pathMemory(address: string, unixTimeMs: number): PathMemory | undefined {
    const { congestion, receiveRate, rtt } = this;
    const { observed } = congestion;
    if (!rtt.hasSample || (observed === undefined && receiveRate.confirmedUs === 0)) return undefined;
    const remember = (bytesPerUs: number, atUs: number): RememberedRate => ({
      bytesPerSecond: bytesPerUs * 1e6,
      observedAtMs: unixTimeMs - (this.shared.clock.nowUs - atUs) / 1000,
    });
    return {
      address,
      minRttUs: rtt.minUs,
      send: observed && remember(observed.bandwidth, observed.atUs),
      receive: receiveRate.confirmedUs > 0 ? remember(receiveRate.peak, receiveRate.confirmedUs) : undefined,
    };
  }

  /** How long an answer may take before the peer has missed something, in microseconds. */
  get probeTimeoutUs(): number {
    return this.rtt.probeTimeoutUs(MAX_ACK_DELAY_US);
  }

  /** Throws when there are too many streams, or no memory that the peer could be promised. */
  openStream(openPayload: Uint8Array, trafficClass: TrafficClass, weight: number): Stream {
    this.updateAllowance();
    return this.streams.open(openPayload, trafficClass, weight);
  }

  /** Ends every stream as if the peer had reset it. */
  abandon(code: number): void {
    this.streams.abandon(code);
  }

  private updateAllowance(): void {
    const { sendPool } = this.shared;
    const scarce = sendPool.available < sendPool.capacity * SCARCE_POOL_SHARE;
    const wanted = scarce ? 0 : Math.max(MIN_UNSENT_BYTES, Math.floor(this.pacingRate * UNSENT_US));
    const share = (sendPool.capacity * CHUNK_BYTES * UNSENT_POOL_SHARE) / Math.max(1, this.streams.size);
    this.streams.unsentAllowance = Math.max(SCARCE_UNSENT_BYTES, Math.floor(Math.min(wanted, share)));
  }

  /**
   * Takes the frames of an authentic packet: `length` bytes of plaintext at `offset` in memory, of a datagram of `size`
   * bytes. False: see {@link failure}.
   */
  onPacket(number: number, offset: number, length: number, size: number): boolean {
    const eliciting = this.receiver.take(number, offset, length);
    if (this.receiver.failure !== undefined) return false;
    this.received.record(number, size, eliciting, this.shared.clock.arrivedUs, this.rtt.smoothedUs);
    return true;
  }

  /** What was rebuilt of the peer's packets. */
  get packetsRecovered(): number {
    return this.receiver.repair.packetsRecovered;
  }

  private decideRepair(nowUs: number): void {
    const { loss, mtu, policy } = this;
    const share = policy.repair === 'off' ? 0 : loss.pathLoss.share;
    this.sender.repair.decision.update(nowUs, share, this.probeTimeoutUs, this.pacingRate, mtu.current);
  }

  /** Why the peer is not to be listened to any more. */
  get failure(): string | undefined {
    return this.receiver.failure;
  }

  /** Asks the peer for a sign of life. */
  ping(): void {
    this.sender.pingWanted = true;
  }

  /** When {@link poll} has something to do next, if nothing arrives before; in the past: now. */
  nextTimeoutUs(): number {
    if (this.sender.urgent) return 0;
    const timers = Math.min(this.loss.timeoutUs, this.received.ackDueUs);
    if (
      (this.streams.scheduler.idle && !this.sender.repair.pending) ||
      this.loss.inFlight >= this.congestion.congestionWindow
    )
      return timers;
    return Math.min(timers, this.pacer.nextUs(this.shared.clock.nowUs));
  }

  /** Describes packets that may leave now. */
  poll(target: PacketTarget, address: PackedAddress): void {
    const { nowUs } = this.shared.clock;
    if (nowUs >= this.loss.timeoutUs) this.loss.onTimeout(nowUs);
    this.updateAllowance();
    this.decideRepair(nowUs);
    this.receiveRate.update(nowUs, this.received.deliveredBytes, this.rtt.smoothedUs);
    this.sender.send(target, address, this.pacingRate, this.rtt.minUs);
  }
}

function estimateOf({ remembered, unixTimeMs }: TransportOptions): PathEstimate | undefined {
  if (remembered === undefined) return undefined;
  const bandwidth = rateStillHeld(remembered.send, unixTimeMs);
  return bandwidth > 0 ? { bandwidth, minRttUs: remembered.minRttUs } : undefined;
}
