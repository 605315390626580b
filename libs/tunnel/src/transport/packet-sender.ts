import type { Clock } from '../clock.js';
import type { CongestionController } from '../congestion/controller.js';
import type { PackedAddress } from '../io.js';
import type { Pacer } from '../pacer.js';
import { BASE_UDP_PAYLOAD } from '../params.js';
import type { MtuDiscovery } from '../path/mtu-discovery.js';
import type { LossDetector } from '../recovery/loss-detector.js';
import type { ReceivedPackets } from '../recovery/received-packets.js';
import type { SentPackets } from '../recovery/sent-packets.js';
import { REPAIR_OVERHEAD, RepairSender } from '../repair/repair-sender.js';
import { SYMBOL_BYTES } from '../repair/repair-code.js';
import type { Segment } from '../streams/send-stream.js';
import type { Stream } from '../streams/stream.js';
import {
  FrameType,
  MAX_CONTROL_FRAME_BYTES,
  MAX_RECOVERED,
  StreamBit,
  streamHeaderLength,
  writeAck,
  writeClose,
  writeMaxStreamData,
  writePathFrame,
  writeRecovered,
  writeRepairHeader,
  writeResetStream,
  writeStopSending,
  writeStreamHeader,
  type AckFrame,
} from '../wire/frame.js';
import type { PacketBuilder, PacketTarget } from '../wire/packet-builder.js';
import { DATA_OVERHEAD_BYTES } from '../wire/packet.js';
import { varintLength, writeU32, writeVarint } from '../wire/varint.js';
import type { StreamTable } from './stream-table.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/** A STOP_WAITING goes out when the floor has moved so many packets … */
const STOP_WAITING_EVERY = 256;
/** … and acknowledgements carry more ranges than this. */
const STOP_WAITING_RANGES = 8;
/** What an acknowledgement may take of a packet. */
const ACK_ROOM = 1000;
/** From the second probe timeout in a row on, probes are of the base size: full ones may be what the path swallows. */
const SMALL_PROBES_AFTER = 2;

/** The parts of a transport that a sender works with. */
export interface SenderParts {
  readonly clock: Clock;
  readonly builder: PacketBuilder;
  readonly sent: SentPackets;
  readonly received: ReceivedPackets;
  readonly loss: LossDetector;
  readonly mtu: MtuDiscovery;
  readonly streams: StreamTable;
  readonly pacer: Pacer;
  readonly ackFrame: AckFrame;
}

/** Turns what there is to send into packets: acknowledgements and control first, then probes, then stream bytes as far as pacing and window let them. */
export class PacketSender {
  packetsSent = 0;
  wireBytesSent = DOUBLE_ZERO;
  packetsRetransmitted = 0;
  readonly repair = new RepairSender();
  pingWanted = false;
  /** Answer to the peer's latest path challenge. */
  pathResponse: Uint8Array | undefined = undefined;
  private readonly builder: PacketBuilder;
  private target: PacketTarget = { peerIndex: 0, sendKeyId: -1 };
  private address: PackedAddress = new Int32Array(5);
  private readonly segment: Segment = { offset: DOUBLE_ZERO, length: 0, fin: false, again: false };
  private sentFloor = 0;

  constructor(private readonly parts: SenderParts) {
    this.builder = parts.builder;
  }

  /** Something waits that neither pacing nor window holds back. */
  get urgent(): boolean {
    return (
      this.pingWanted ||
      this.pathResponse !== undefined ||
      this.parts.streams.controlQueue.length > 0 ||
      this.parts.loss.probesDue > 0
    );
  }

  /** Describes the packets that may leave now. `rate` is in bytes per microsecond, `minRttUs` Infinity while not known. */
  send(target: PacketTarget, address: PackedAddress, rate: number, minRttUs: number): void {
    const { builder } = this;
    this.target = target;
    this.address = address;
    this.parts.pacer.refill(this.parts.clock.nowUs, rate, minRttUs);
    if (this.parts.pacer.late) this.parts.loss.congestion.onLateSending(this.parts.clock.nowUs);
    while (!builder.full && this.controlDue) this.sendControl();
    this.sendMtuProbe();
    while (!builder.full && this.parts.loss.probesDue > 0) this.sendLossProbe();
    this.sendData();
  }

  private get controlDue(): boolean {
    return (
      this.parts.streams.controlQueue.length > 0 ||
      this.parts.clock.nowUs >= this.parts.received.ackDueUs ||
      this.pingWanted ||
      this.pathResponse !== undefined ||
      this.stopWaitingDue
    );
  }

  // Control

  private sendControl(): void {
    const { builder } = this;
    builder.begin();
    const limit = builder.at + Math.min(this.parts.mtu.current, BASE_UDP_PAYLOAD) - DATA_OVERHEAD_BYTES;
    if (this.stopWaitingDue) this.writeStopWaiting();
    this.writeAck(Math.min(limit, builder.at + ACK_ROOM));
    this.writeRecovered(limit);
    this.writePathResponse();
    const pings = this.writePing();
    const controls = this.writeStreamControls(limit);
    this.finishWithoutRun(pings || controls);
  }

  private writeAck(limit: number): void {
    const { received, clock } = this.parts;
    if (received.ranges.size === 0) return;
    const { builder } = this;
    const delay = received.ackDelayUs(clock.nowUs);
    builder.at = writeAck(builder.memory, builder.at, limit, received.ranges, delay, received.deliveredBytes);
    received.onAckSent();
  }

  private writeRecovered(limit: number): void {
    const { received } = this.parts;
    if (received.recovered.length === 0) return;
    const { builder } = this;
    const room = Math.min(MAX_RECOVERED, Math.floor((limit - builder.at - 3) / 4));
    builder.at = writeRecovered(builder.memory, builder.at, received.recovered.splice(0, Math.max(0, room)));
  }

  private writePathResponse(): void {
    if (this.pathResponse === undefined) return;
    const { builder } = this;
    builder.at = writePathFrame(builder.memory, builder.at, FrameType.pathResponse, this.pathResponse);
    this.pathResponse = undefined;
  }

  private writePing(): boolean {
    if (!this.pingWanted) return false;
    this.builder.memory[this.builder.at++] = FrameType.ping;
    this.pingWanted = false;
    return true;
  }

  private writeStreamControls(limit: number): boolean {
    const { controlQueue } = this.parts.streams;
    const number = this.parts.sent.next;
    let taken = 0;
    let wrote = false;
    while (taken < controlQueue.length && this.builder.at + 3 * MAX_CONTROL_FRAME_BYTES <= limit) {
      const stream = controlQueue[taken++];
      stream.controlQueued = false;
      if (!stream.closed && this.writeStreamControl(stream, number)) wrote = true;
    }
    if (taken === controlQueue.length) controlQueue.length = 0;
    else if (taken > 0) controlQueue.splice(0, taken);
    return wrote;
  }

  private writeStreamControl(stream: Stream, number: number): boolean {
    const { builder } = this;
    const { sent } = this.parts;
    const { memory } = builder;
    const { id } = stream;
    const start = builder.at;
    if (stream.resetWanted && stream.resetCode !== undefined) {
      builder.at = writeResetStream(memory, builder.at, id, stream.resetCode, stream.send.next);
      sent.addFrame(number, { kind: 'reset', streamId: id });
      stream.resetWanted = false;
    }
    if (stream.stopWanted && stream.stopCode !== undefined) {
      builder.at = writeStopSending(memory, builder.at, id, stream.stopCode);
      sent.addFrame(number, { kind: 'stop', streamId: id });
      stream.stopWanted = false;
    }
    if (stream.creditWanted && stream.knownToPeer) {
      builder.at = writeMaxStreamData(memory, builder.at, id, stream.receive.limit);
      sent.addFrame(number, { kind: 'credit', streamId: id, limit: stream.receive.limit });
      stream.creditWanted = false;
    }
    return builder.at > start;
  }

  /** The peer repeats ranges that are settled: it is to be told. */
  private get stopWaitingDue(): boolean {
    return (
      this.parts.ackFrame.count > STOP_WAITING_RANGES &&
      this.parts.loss.settledBelow - this.sentFloor >= STOP_WAITING_EVERY
    );
  }

  private writeStopWaiting(): void {
    const floor = this.parts.loss.settledBelow;
    const { builder } = this;
    builder.memory[builder.at] = FrameType.stopWaiting;
    builder.at = writeU32(builder.memory, builder.at + 1, floor >>> 0);
    this.sentFloor = floor;
  }

  private finishWithoutRun(eliciting: boolean): void {
    const { sent, clock } = this.parts;
    const { size } = this.builder;
    const number = eliciting
      ? sent.add(clock.nowUs, size, -1, 0, 0, false, false)
      : sent.addUntracked(clock.nowUs);
    this.builder.finish(this.target, this.address, number);
    this.account(number, size, eliciting);
  }

  private account(number: number, size: number, eliciting: boolean): void {
    this.count(size);
    this.parts.pacer.spend(size);
    if (eliciting) this.parts.loss.onSent(number, this.parts.clock.nowUs);
  }

  private count(size: number): void {
    this.packetsSent++;
    this.wireBytesSent += size;
    this.parts.loss.rate.bytesSent += size;
  }

  /** A packet that is not of the usual path: it asks whether the peer is at `address`. */
  sendPathChallenge(target: PacketTarget, address: PackedAddress, token: Uint8Array): void {
    const { builder } = this;
    builder.begin();
    builder.at = writePathFrame(builder.memory, builder.at, FrameType.pathChallenge, token);
    this.count(builder.size);
    builder.finish(target, address, this.parts.sent.addUntracked(this.parts.clock.nowUs));
  }

  /** A last packet. The reason is for people. */
  sendClose(target: PacketTarget, address: PackedAddress, code: number, reason: string): void {
    const { builder } = this;
    builder.begin();
    builder.at = writeClose(builder.memory, builder.at, code, reason.slice(0, 63));
    this.count(builder.size);
    builder.finish(target, address, this.parts.sent.addUntracked(this.parts.clock.nowUs));
  }

  // Probes

  private sendMtuProbe(): void {
    const { builder } = this;
    const { loss, mtu, sent, clock } = this.parts;
    if (builder.full || !loss.hasRtt) return;
    const size = mtu.probeDue(clock.nowUs);
    if (size === 0) return;
    builder.begin();
    builder.memory[builder.at++] = FrameType.ping;
    builder.pad(size);
    builder.markMtuProbe();
    sent.addFrame(sent.next, { kind: 'mtu-probe', size });
    mtu.onProbeSent();
    this.finishWithoutRun(true);
  }

  /** Probes of the loss detector leave whatever the window says; without bytes to send they are PINGs. */
  private sendLossProbe(): void {
    const { loss, streams, mtu } = this.parts;
    loss.probesDue--;
    const stream = streams.scheduler.next();
    if (stream === undefined) {
      this.pingWanted = true;
      this.sendControl();
      return;
    }
    const size = loss.probeCount >= SMALL_PROBES_AFTER ? BASE_UDP_PAYLOAD : mtu.current;
    this.sendSegment(stream, Math.min(size, mtu.current) - DATA_OVERHEAD_BYTES);
  }

  // Stream bytes

  private sendData(): void {
    const { builder } = this;
    const { pacer, loss, streams, mtu } = this.parts;
    if (!pacer.mayBegin) return;
    const { congestion } = loss;
    const limit = mtu.current - DATA_OVERHEAD_BYTES;
    while (!builder.full && pacer.ready) {
      if (loss.inFlight >= congestion.congestionWindow) {
        this.onWindowLimited(congestion);
        return;
      }
      const stream = this.repair.full ? undefined : streams.scheduler.next();
      if (stream === undefined) {
        if (this.repair.pending) {
          this.sendRepair();
          continue;
        }
        loss.rate.onAppLimited(loss.inFlight);
        pacer.rest();
        return;
      }
      this.sendSegment(stream, limit);
    }
  }

  private onWindowLimited(congestion: CongestionController): void {
    congestion.onWindowLimited();
    this.parts.pacer.rest();
  }

  /** One packet with the next run of `stream`: at most `limit` bytes of frame. */
  private sendSegment(stream: Stream, limit: number): void {
    const { segment, builder } = this;
    const { sent, clock, streams } = this.parts;
    const { id, send } = stream;
    builder.begin();
    const opens = stream.local && !stream.openSent;
    const openLength = opens ? varintLength(stream.openPayload.length) + stream.openPayload.length : 0;
    const protect = this.protects(stream, limit);
    const room = protect ? Math.min(limit - REPAIR_OVERHEAD, SYMBOL_BYTES - 2) : limit;
    send.peek(Math.max(0, room - streamHeaderLength(id) - openLength), segment);
    const { offset, length, fin } = segment;
    const bits = (fin ? StreamBit.fin : 0) | (opens ? StreamBit.open : 0) | (protect ? StreamBit.protect : 0);
    const type = FrameType.stream | bits;
    builder.at = writeStreamHeader(builder.memory, builder.at, type, id, offset);
    if (opens) this.writeOpen(stream);
    if (length > 0) this.addPieces(stream, offset, length);
    if (stream.tos !== 0) builder.mark(stream.tos);
    const { size } = builder;
    const number = sent.add(clock.nowUs, size, id, offset, length, fin, opens);
    if (protect) builder.copyFrames(this.repair.add(number, size - DATA_OVERHEAD_BYTES, stream.tos));
    builder.finish(this.target, this.address, number);
    if (segment.again) this.packetsRetransmitted++;
    send.sent(segment);
    streams.scheduler.charge(stream, size);
    this.account(number, size, true);
    streams.wakeWriter(stream);
  }

  private protects(stream: Stream, limit: number): boolean {
    const { repair } = this;
    if (!repair.decision.on || stream.trafficClass === 'scavenger') return false;
    return repair.protects(this.parts.sent.next, stream.send.buffer.end - stream.send.next, limit);
  }

  /** The next repair symbol of the block, if it is to have one more. */
  private sendRepair(): void {
    const { builder, repair } = this;
    builder.begin();
    const header = writeRepairHeader(builder.memory, builder.at, repair.first, repair.mask, repair.index);
    const length = repair.next(builder.memory, header);
    if (length === 0) return;
    builder.at = header + length;
    if (repair.tos !== 0) builder.mark(repair.tos);
    repair.onSent(builder.size);
    this.finishWithoutRun(true);
  }

  private writeOpen(stream: Stream): void {
    const { builder } = this;
    const at = writeVarint(builder.memory, builder.at, stream.openPayload.length);
    builder.memory.set(stream.openPayload, at);
    builder.at = at + stream.openPayload.length;
    stream.openSent = true;
    if (stream.creditWanted) this.parts.streams.activateControl(stream);
  }

  private addPieces(stream: Stream, offset: number, length: number): void {
    const { buffer } = stream.send;
    const first = Math.min(length, buffer.contiguous(offset));
    this.builder.piece(0, buffer.locate(offset), first);
    if (first < length) this.builder.piece(1, buffer.locate(offset + first), length - first);
  }
}
