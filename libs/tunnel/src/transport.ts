import { Bbr, FAIR_TUNING, LOSSY_TUNING } from './congestion/bbr/bbr.js';
import { BYTES_PER_US_PER_MBPS, type CongestionController, type Profile } from './congestion/controller.js';
import { FixedRate } from './congestion/fixed-rate.js';
import type { ChunkPool } from './memory/chunk-pool.js';
import { Pacer } from './pacer.js';
import {
  BASE_UDP_PAYLOAD,
  INITIAL_STREAM_WINDOW,
  MAX_OPEN_PAYLOAD,
  MAX_PEER_STREAMS,
  MIN_SEND_BUFFER,
  SCARCE_SEND_BUFFER,
} from './params.js';
import { MtuDiscovery } from './path/mtu-discovery.js';
import { LossDetector, type PacketFates } from './recovery/loss-detector.js';
import { ReceivedPackets } from './recovery/received-packets.js';
import { RttEstimator } from './recovery/rtt-estimator.js';
import { SentPackets, type SentFrame } from './recovery/sent-packets.js';
import type { MemoryBudget } from './streams/memory-budget.js';
import { Scheduler } from './streams/scheduler.js';
import type { Segment } from './streams/send-stream.js';
import { Stream, type StreamHost, type TrafficClass } from './streams/stream.js';
import {
  AckFrame,
  FrameType,
  MAX_CONTROL_FRAME_BYTES,
  StreamBit,
  streamHeaderLength,
  writeAck,
  writeMaxStreamData,
  writeResetStream,
  writeStopSending,
  writeStreamHeader,
} from './wire/frame.js';
import type { PacketBuilder, PacketTarget } from './wire/packet-builder.js';
import { DATA_OVERHEAD_BYTES, expandLow32 } from './wire/packet.js';
import { Reader, varintLength, writeU32, writeVarint } from './wire/varint.js';

/** Share of the pool that must be free for a stream to buffer more than {@link SCARCE_SEND_BUFFER}. */
const POOL_RESERVE = 1 / 4;
/** A STOP_WAITING goes out when the floor has moved so many packets. */
const STOP_WAITING_EVERY = 256;
/** … and acknowledgements carry more ranges than this. */
const STOP_WAITING_RANGES = 8;
/** A writer that waits is woken when it could write so much. */
const WRITABLE_WAKE_BYTES = 65_536;
/** What an acknowledgement may take of a packet. */
const ACK_ROOM = 1000;

export interface TransportOptions {
  peerId: string;
  profile: Profile;
  /** Hard cap on the pacing rate, Mbit/s of UDP payload; `fixed` needs it. */
  rateMbps?: number;
  maxUdpPayload: number;
  /** Streams opened here have even ids at one side and odd ones at the other. */
  idParity: 0 | 1;
  /** Credit that the peer gives each new stream. */
  peerInitialWindow: number;
}

/** What the owner of the streams is told. Calls come after a batch of packets was worked through, never within. */
export interface StreamEvents {
  streamOpened(stream: Stream): void;
  streamReadable(stream: Stream): void;
  streamWritable(stream: Stream): void;
  streamReset(stream: Stream, code: number): void;
  streamStopped(stream: Stream, code: number): void;
  streamClosed(stream: Stream): void;
}

type PendingEvent =
  | { kind: 'opened' | 'readable' | 'writable' | 'closed'; stream: Stream }
  | { kind: 'reset' | 'stopped'; stream: Stream; code: number };

/** What became of an arriving packet. */
export type PacketVerdict = 'accepted' | 'no-memory' | 'violation';

/**
 * Everything of a tunnel but its keys: packet numbers, acknowledgements, recovery, congestion, streams. It outlives
 * the sessions that carry it, and is made anew when either side has lost its own.
 */
export class Transport implements StreamHost, PacketFates {
  readonly rtt = new RttEstimator();
  readonly received = new ReceivedPackets();
  readonly loss: LossDetector;
  readonly mtu: MtuDiscovery;
  nowUs = 0;
  closedReason: string | undefined;
  packetsSent = 0;
  wireBytesSent = 0;
  packetsRetransmitted = 0;
  private readonly sent = new SentPackets();
  private readonly pacer = new Pacer();
  private readonly scheduler = new Scheduler();
  private readonly streams = new Map<number, Stream>();
  private readonly controlQueue: Stream[] = [];
  private readonly events: PendingEvent[] = [];
  private readonly reader: Reader;
  private readonly ackFrame = new AckFrame();
  private readonly segment: Segment = { offset: 0, length: 0, fin: false, again: false };
  private nextLocalId: number;
  private nextPeerId: number;
  private localStreams = 0;
  private peerStreams = 0;
  private pingWanted = false;
  private closeWanted: { code: number; reason: string } | undefined;
  private sentFloor = 0;
  private eliciting = false;

  constructor(
    private options: TransportOptions,
    readonly pool: ChunkPool,
    readonly budget: MemoryBudget,
    private readonly random: () => number,
    nowUs: number,
  ) {
    this.nowUs = nowUs;
    this.reader = new Reader(pool.memory);
    this.mtu = new MtuDiscovery(options.maxUdpPayload);
    this.nextLocalId = options.idParity;
    this.nextPeerId = 1 - options.idParity;
    this.loss = new LossDetector(this.sent, this.rtt, this, this.makeController());
  }

  private makeController(): CongestionController {
    const { profile, rateMbps } = this.options;
    if (profile === 'fixed' && rateMbps !== undefined) {
      return new FixedRate(rateMbps * BYTES_PER_US_PER_MBPS, BASE_UDP_PAYLOAD);
    }
    return new Bbr(profile === 'lossy' ? LOSSY_TUNING : FAIR_TUNING, this.options.maxUdpPayload, this.random);
  }

  /** Takes over a changed policy. A new profile begins with nothing learnt; streams go on. */
  reconfigure(options: TransportOptions): void {
    const before = this.options;
    this.options = options;
    if (before.profile === options.profile && before.rateMbps === options.rateMbps) return;
    this.loss.congestion = this.makeController();
  }

  get peerId(): string {
    return this.options.peerId;
  }

  get smoothedRttUs(): number {
    return this.rtt.smoothedUs;
  }

  get congestion(): CongestionController {
    return this.loss.congestion;
  }

  get streamCount(): number {
    return this.streams.size;
  }

  get sendBufferLimit(): number {
    if (this.pool.available < this.pool.capacity * POOL_RESERVE) return SCARCE_SEND_BUFFER;
    return Math.max(MIN_SEND_BUFFER, Math.ceil(2 * this.congestion.congestionWindow));
  }

  /** Bytes per microsecond at which packets leave, the policy's cap included. */
  get pacingRate(): number {
    const { rateMbps } = this.options;
    const cap = rateMbps === undefined ? Infinity : rateMbps * BYTES_PER_US_PER_MBPS;
    return Math.min(this.congestion.pacingRate, cap);
  }

  // Streams

  /** Throws when there are too many streams, or no memory that the peer could be promised. */
  openStream(openPayload: Uint8Array, trafficClass: TrafficClass, weight: number): Stream {
    if (openPayload.length > MAX_OPEN_PAYLOAD) {
      throw new RangeError(`an open carries at most ${MAX_OPEN_PAYLOAD} bytes, not ${openPayload.length}`);
    }
    if (this.localStreams >= MAX_PEER_STREAMS)
      throw new Error(`the tunnel already carries ${MAX_PEER_STREAMS} streams`);
    if (!this.budget.grant(INITIAL_STREAM_WINDOW))
      throw new Error('the memory budget for streams is used up');
    const stream = this.addStream(this.nextLocalId, true, openPayload);
    this.nextLocalId += 2;
    this.localStreams++;
    stream.trafficClass = trafficClass;
    stream.weight = weight;
    stream.openEagerly();
    return stream;
  }

  private addStream(id: number, local: boolean, openPayload: Uint8Array): Stream {
    const stream = new Stream(this, id, local, openPayload, this.options.peerInitialWindow);
    this.streams.set(id, stream);
    return stream;
  }

  activate(stream: Stream): void {
    if (stream.hasSegment) this.scheduler.activate(stream);
  }

  activateControl(stream: Stream): void {
    if (stream.controlQueued) return;
    stream.controlQueued = true;
    this.controlQueue.push(stream);
  }

  settle(stream: Stream): void {
    if (stream.closed || !stream.sendOver || !stream.receiveOver) return;
    stream.dispose();
    this.streams.delete(stream.id);
    if (stream.local) this.localStreams--;
    else this.peerStreams--;
    if (stream.opened) this.events.push({ kind: 'closed', stream });
  }

  /** Ends every stream as if the peer had reset it. */
  abandon(reason: string, code: number): void {
    this.closedReason = reason;
    for (const stream of this.streams.values()) {
      stream.dispose();
      if (!stream.opened) continue;
      this.events.push({ kind: 'reset', stream, code });
      this.events.push({ kind: 'closed', stream });
    }
    this.streams.clear();
  }

  /** Tells the owner what happened since the last call. */
  deliver(handler: StreamEvents): void {
    for (const event of this.events.splice(0)) this.deliverOne(event, handler);
  }

  private deliverOne(event: PendingEvent, handler: StreamEvents): void {
    const { stream } = event;
    switch (event.kind) {
      case 'opened':
        handler.streamOpened(stream);
        break;
      case 'readable':
        stream.readableQueued = false;
        if (stream.readable) handler.streamReadable(stream);
        break;
      case 'writable':
        if (!stream.closed) handler.streamWritable(stream);
        break;
      case 'reset':
        handler.streamReset(stream, event.code);
        break;
      case 'stopped':
        handler.streamStopped(stream, event.code);
        break;
      case 'closed':
        handler.streamClosed(stream);
        break;
    }
  }

  get hasEvents(): boolean {
    return this.events.length > 0;
  }

  // Receiving

  /** Takes the frames of an authentic packet: `length` bytes of plaintext at `offset` in memory. */
  onPacket(number: number, offset: number, length: number, size: number, nowUs: number): PacketVerdict {
    this.nowUs = nowUs;
    this.eliciting = false;
    this.reader.reset(offset, offset + length);
    while (this.reader.remaining > 0) {
      const verdict = this.onFrame(this.reader.u8());
      if (verdict !== 'accepted') return verdict;
      if (this.reader.failed) return this.violate('a frame is cut short');
    }
    this.received.record(number, size, this.eliciting, nowUs, this.rtt.smoothedUs);
    return 'accepted';
  }

  private violate(reason: string): PacketVerdict {
    this.closedReason = reason;
    return 'violation';
  }

  private onFrame(type: number): PacketVerdict {
    if (type >= FrameType.stream && type < FrameType.stream + 8) return this.onStreamFrame(type);
    switch (type) {
      case FrameType.padding:
        return 'accepted';
      case FrameType.ping:
        this.eliciting = true;
        return 'accepted';
      case FrameType.ack:
        return this.onAckFrame();
      case FrameType.stopWaiting:
        this.received.forgetBelow(expandLow32(this.reader.u32(), Math.max(0, this.received.largest)));
        return 'accepted';
      case FrameType.resetStream:
        return this.onResetFrame();
      case FrameType.stopSending:
        return this.onStopFrame();
      case FrameType.maxStreamData:
        return this.onCreditFrame();
      case FrameType.close:
        return this.onCloseFrame();
      default:
        return this.violate(`frame type ${type} is unknown`);
    }
  }

  private onAckFrame(): PacketVerdict {
    const { ackFrame, sent } = this;
    if (!ackFrame.read(this.reader, (low) => expandLow32(low, sent.next)))
      return this.violate('a malformed ACK');
    if (!this.loss.onAck(ackFrame, this.nowUs)) return this.violate('an ACK of a packet that was never sent');
    return 'accepted';
  }

  private onStreamFrame(type: number): PacketVerdict {
    const { reader } = this;
    this.eliciting = true;
    const id = reader.dense();
    const low = reader.u32();
    const openLength = (type & StreamBit.open) !== 0 ? reader.varint() : 0;
    if (openLength > MAX_OPEN_PAYLOAD) return this.violate('an open payload is too long');
    const openAt = reader.skip(openLength);
    const length = (type & StreamBit.length) !== 0 ? reader.varint() : reader.remaining;
    const dataAt = reader.skip(length);
    if (reader.failed) return this.violate('a STREAM frame is cut short');
    const stream = this.findStream(id);
    if (typeof stream === 'string') return stream === 'gone' ? 'accepted' : stream;
    if ((type & StreamBit.open) !== 0) this.onOpen(stream, openAt, openLength);
    const offset = expandLow32(low, stream.receive.buffer.end);
    return this.storeData(stream, offset, dataAt, length, (type & StreamBit.fin) !== 0);
  }

  private storeData(stream: Stream, offset: number, at: number, length: number, fin: boolean): PacketVerdict {
    if (stream.peerResetCode !== undefined) return 'accepted';
    if (stream.stopCode !== undefined) {
      if (fin) stream.receive.finalSize = offset + length;
      this.settle(stream);
      return 'accepted';
    }
    const arrival = stream.receive.store(offset, at, length, fin);
    if (arrival === 'no-memory') return 'no-memory';
    if (arrival !== 'stored') return this.violate(`stream ${stream.id}: ${arrival}`);
    if (stream.opened && (stream.readableBytes > 0 || stream.receive.allArrived)) this.queueReadable(stream);
    return 'accepted';
  }

  private queueReadable(stream: Stream): void {
    if (stream.readableQueued) return;
    stream.readableQueued = true;
    this.events.push({ kind: 'readable', stream });
  }

  private onOpen(stream: Stream, at: number, length: number): void {
    if (stream.opened) return;
    stream.opened = true;
    stream.openPayload = this.pool.memory.slice(at, at + length);
    this.events.push({ kind: 'opened', stream });
  }

  /** The stream of an arriving frame. `gone`: it is over, and the frame late. */
  private findStream(id: number): Stream | 'gone' | 'no-memory' | 'violation' {
    const stream = this.streams.get(id);
    if (stream !== undefined) return stream;
    if (id % 2 === this.options.idParity) {
      if (id < this.nextLocalId) return 'gone';
      this.violate(`stream ${id} was never opened`);
      return 'violation';
    }
    if (id < this.nextPeerId) return 'gone';
    return this.admitPeerStreams(id);
  }

  /** The peer opens ids in order: a frame of one opens, without their payload yet, all before it. */
  private admitPeerStreams(id: number): Stream | 'no-memory' | 'violation' {
    const count = (id - this.nextPeerId) / 2 + 1;
    if (this.peerStreams + count > MAX_PEER_STREAMS) {
      this.violate(`the peer opens more than ${MAX_PEER_STREAMS} streams`);
      return 'violation';
    }
    for (;;) {
      if (!this.budget.grant(INITIAL_STREAM_WINDOW)) return 'no-memory';
      const stream = this.addStream(this.nextPeerId, false, new Uint8Array(0));
      this.peerStreams++;
      this.nextPeerId += 2;
      stream.openEagerly();
      if (stream.id === id) return stream;
    }
  }

  private onResetFrame(): PacketVerdict {
    this.eliciting = true;
    const id = this.reader.dense();
    const code = this.reader.varint();
    this.reader.varint();
    if (this.reader.failed) return this.violate('a RESET_STREAM frame is cut short');
    const stream = this.findStream(id);
    if (typeof stream === 'string') return stream === 'gone' ? 'accepted' : stream;
    if (stream.peerResetCode !== undefined || stream.receiveOver) return 'accepted';
    stream.peerResetCode = code;
    stream.receive.buffer.clear();
    if (stream.opened) this.events.push({ kind: 'reset', stream, code });
    else stream.reset(code);
    this.settle(stream);
    return 'accepted';
  }

  private onStopFrame(): PacketVerdict {
    this.eliciting = true;
    const id = this.reader.dense();
    const code = this.reader.varint();
    if (this.reader.failed) return this.violate('a STOP_SENDING frame is cut short');
    const stream = this.findStream(id);
    if (typeof stream === 'string') return stream === 'gone' ? 'accepted' : stream;
    if (stream.peerStopCode !== undefined) return 'accepted';
    stream.peerStopCode = code;
    if (stream.opened) this.events.push({ kind: 'stopped', stream, code });
    stream.reset(code);
    return 'accepted';
  }

  private onCreditFrame(): PacketVerdict {
    this.eliciting = true;
    const id = this.reader.dense();
    const limit = this.reader.varint();
    if (this.reader.failed) return this.violate('a MAX_STREAM_DATA frame is cut short');
    const stream = this.findStream(id);
    if (typeof stream === 'string') return stream === 'gone' ? 'accepted' : stream;
    if (limit > stream.send.credit) {
      stream.send.credit = limit;
      this.activate(stream);
    }
    return 'accepted';
  }

  private onCloseFrame(): PacketVerdict {
    this.reader.varint();
    const at = this.reader.skip(this.reader.varint());
    if (this.reader.failed) return this.violate('a CLOSE frame is cut short');
    const text = this.pool.memory.subarray(at, this.reader.at);
    this.closedReason = `the peer said goodbye: ${String.fromCharCode(...text)}`;
    return 'violation';
  }

  // What became of our packets

  onPacketAcknowledged(number: number): void {
    const { sent } = this;
    this.mtu.onPacketAcknowledged(sent.sizeOf(number));
    const stream = this.streams.get(sent.streamOf(number));
    if (stream !== undefined) {
      if (sent.openOf(number)) stream.openAcknowledged = true;
      if (stream.resetCode === undefined) {
        stream.send.onAcknowledged(sent.offsetOf(number), sent.lengthOf(number), sent.finOf(number));
        this.wakeWriter(stream);
      }
      this.settle(stream);
    }
    const frames = sent.framesOf(number);
    if (frames !== undefined) for (const frame of frames) this.onFrameAcknowledged(frame);
  }

  private wakeWriter(stream: Stream): void {
    if (!stream.wantsWritable || stream.writableBytes < WRITABLE_WAKE_BYTES) return;
    stream.wantsWritable = false;
    this.events.push({ kind: 'writable', stream });
  }

  private onFrameAcknowledged(frame: SentFrame): void {
    if (frame.kind === 'mtu-probe') {
      this.mtu.onProbeAcknowledged(frame.size);
      return;
    }
    const stream = this.streams.get(frame.streamId);
    if (stream === undefined || frame.kind !== 'reset') return;
    stream.resetAcknowledged = true;
    this.settle(stream);
  }

  onPacketLost(number: number): void {
    const { sent } = this;
    const stream = this.streams.get(sent.streamOf(number));
    if (stream !== undefined) {
      this.mtu.onPacketLost(sent.sizeOf(number));
      if (sent.openOf(number) && !stream.openAcknowledged) stream.openSent = false;
      if (stream.resetCode === undefined) {
        stream.send.onLost(sent.offsetOf(number), sent.lengthOf(number), sent.finOf(number));
        this.activate(stream);
      }
    }
    const frames = sent.framesOf(number);
    if (frames !== undefined) for (const frame of frames) this.onFrameLost(frame);
  }

  private onFrameLost(frame: SentFrame): void {
    if (frame.kind === 'mtu-probe') {
      this.mtu.onProbeLost();
      return;
    }
    const stream = this.streams.get(frame.streamId);
    if (stream === undefined) return;
    if (frame.kind === 'reset' && !stream.resetAcknowledged) stream.resetWanted = true;
    else if (frame.kind === 'stop') stream.stopWanted = stream.peerResetCode === undefined;
    else if (frame.kind === 'credit') stream.creditWanted = frame.limit === stream.receive.limit;
    else return;
    this.activateControl(stream);
  }

  // Sending

  /** Asks the peer for a sign of life. */
  ping(): void {
    this.pingWanted = true;
  }

  /** Says goodbye; the reason is for people, at most 100 ASCII characters. */
  close(code: number, reason: string): void {
    this.closeWanted = { code, reason: reason.slice(0, 100) };
  }

  /** When {@link poll} has something to do next, if nothing arrives before. */
  nextTimeoutUs(): number {
    const timers = Math.min(this.loss.timeoutUs, this.received.ackDueUs);
    if (this.controlQueue.length > 0 || this.pingWanted || this.loss.probesDue > 0) return this.nowUs;
    if (this.scheduler.idle || this.loss.inFlight >= this.congestion.congestionWindow) return timers;
    return Math.min(timers, this.pacer.nextUs(this.nowUs));
  }

  /** Describes packets that may leave now. */
  poll(builder: PacketBuilder, target: PacketTarget, nowUs: number): void {
    this.nowUs = nowUs;
    if (nowUs >= this.loss.timeoutUs) this.loss.onTimeout(nowUs);
    this.sendControl(builder, target);
    this.sendMtuProbe(builder, target);
    this.sendData(builder, target);
  }

  private sendControl(builder: PacketBuilder, target: PacketTarget): void {
    while (!builder.full && this.controlDue) {
      builder.begin();
      const limit = builder.at + this.payloadLimit;
      const number = this.sent.next;
      let eliciting = false;
      this.writeAckFrames(builder, Math.min(limit, builder.at + ACK_ROOM));
      if (this.pingWanted) {
        builder.memory[builder.at++] = FrameType.ping;
        this.pingWanted = false;
        eliciting = true;
      }
      if (this.closeWanted !== undefined) this.writeClose(builder, this.closeWanted);
      eliciting = this.writeControlFrames(builder, limit, number) || eliciting;
      this.finishControl(builder, target, eliciting);
    }
  }

  private get controlDue(): boolean {
    return (
      this.controlQueue.length > 0 ||
      this.pingWanted ||
      this.closeWanted !== undefined ||
      this.stopWaitingDue ||
      this.nowUs >= this.received.ackDueUs
    );
  }

  private get payloadLimit(): number {
    return this.mtu.current - DATA_OVERHEAD_BYTES;
  }

  private writeAckFrames(builder: PacketBuilder, limit: number): void {
    const { received } = this;
    if (this.stopWaitingDue) this.writeStopWaiting(builder);
    if (received.ranges.size === 0) return;
    const delay = received.ackDelayUs(this.nowUs);
    builder.at = writeAck(builder.memory, builder.at, limit, received.ranges, delay, received.deliveredBytes);
    received.onAckSent();
  }

  private writeClose(builder: PacketBuilder, { code, reason }: { code: number; reason: string }): void {
    const { memory } = builder;
    memory[builder.at] = FrameType.close;
    let at = writeVarint(memory, writeVarint(memory, builder.at + 1, code), reason.length);
    for (let i = 0; i < reason.length; i++) memory[at++] = reason.charCodeAt(i) & 0x7f;
    builder.at = at;
    this.closeWanted = undefined;
  }

  private writeControlFrames(builder: PacketBuilder, limit: number, number: number): boolean {
    let wrote = false;
    while (this.controlQueue.length > 0 && builder.at + 3 * MAX_CONTROL_FRAME_BYTES <= limit) {
      const stream = this.controlQueue.shift();
      if (stream === undefined) break;
      stream.controlQueued = false;
      if (!stream.closed) wrote = this.writeStreamControl(builder, stream, number) || wrote;
    }
    return wrote;
  }

  private writeStreamControl(builder: PacketBuilder, stream: Stream, number: number): boolean {
    const { memory } = builder;
    const { id } = stream;
    const start = builder.at;
    if (stream.resetWanted && stream.resetCode !== undefined) {
      builder.at = writeResetStream(memory, builder.at, id, stream.resetCode, stream.send.next);
      this.sent.addFrame(number, { kind: 'reset', streamId: id });
      stream.resetWanted = false;
    }
    if (stream.stopWanted && stream.stopCode !== undefined) {
      builder.at = writeStopSending(memory, builder.at, id, stream.stopCode);
      this.sent.addFrame(number, { kind: 'stop', streamId: id });
      stream.stopWanted = false;
    }
    if (stream.creditWanted) {
      builder.at = writeMaxStreamData(memory, builder.at, id, stream.receive.limit);
      this.sent.addFrame(number, { kind: 'credit', streamId: id, limit: stream.receive.limit });
      stream.creditWanted = false;
    }
    return builder.at > start;
  }

  private finishControl(builder: PacketBuilder, target: PacketTarget, eliciting: boolean): void {
    const size = builder.size;
    const number = eliciting ? this.sent.add(this.nowUs, size, -1, 0, 0, false, false) : this.sent.skip();
    builder.finish(target, number);
    this.account(number, size, eliciting);
  }

  private account(number: number, size: number, eliciting: boolean): void {
    this.packetsSent++;
    this.wireBytesSent += size;
    this.pacer.spend(size);
    if (eliciting) this.loss.onSent(number, this.nowUs);
  }

  private sendMtuProbe(builder: PacketBuilder, target: PacketTarget): void {
    if (builder.full || !this.rtt.hasSample) return;
    const size = this.mtu.probeDue(this.nowUs);
    if (size === 0) return;
    builder.begin();
    const end = builder.at + size - DATA_OVERHEAD_BYTES;
    builder.memory.fill(FrameType.padding, builder.at, end);
    builder.memory[builder.at] = FrameType.ping;
    builder.at = end;
    builder.markMtuProbe();
    this.sent.addFrame(this.sent.next, { kind: 'mtu-probe', size });
    this.mtu.onProbeSent();
    this.finishControl(builder, target, true);
  }

  private sendData(builder: PacketBuilder, target: PacketTarget): void {
    this.pacer.refill(this.nowUs, this.pacingRate);
    if (this.loss.probesDue > 0) this.sendProbes(builder, target);
    if (!this.pacer.mayBegin) return;
    while (!builder.full && this.pacer.ready) {
      if (this.loss.inFlight >= this.congestion.congestionWindow) {
        this.congestion.onWindowLimited();
        return;
      }
      const stream = this.scheduler.next();
      if (stream === undefined) {
        this.loss.rate.onAppLimited(this.loss.inFlight);
        return;
      }
      this.sendSegment(builder, target, stream);
    }
  }

  /** Probes of the loss detector leave whatever the window says; without bytes to send they are PINGs. */
  private sendProbes(builder: PacketBuilder, target: PacketTarget): void {
    while (!builder.full && this.loss.probesDue > 0) {
      this.loss.probesDue--;
      const stream = this.scheduler.next();
      if (stream !== undefined) {
        this.sendSegment(builder, target, stream);
        continue;
      }
      this.pingWanted = true;
      this.sendControl(builder, target);
    }
  }

  private sendSegment(builder: PacketBuilder, target: PacketTarget, stream: Stream): void {
    const { segment, sent } = this;
    const { id, send } = stream;
    builder.begin();
    const opens = stream.local && !stream.openSent;
    const openLength = opens ? varintLength(stream.openPayload.length) + stream.openPayload.length : 0;
    send.peek(Math.max(0, this.payloadLimit - streamHeaderLength(id) - openLength), segment);
    const { offset, length, fin } = segment;
    const type = FrameType.stream | (fin ? StreamBit.fin : 0) | (opens ? StreamBit.open : 0);
    builder.at = writeStreamHeader(builder.memory, builder.at, type, id, offset);
    if (opens) this.writeOpen(builder, stream);
    this.addPieces(builder, stream, offset, length);
    const size = builder.size;
    const number = sent.add(this.nowUs, size, id, offset, length, fin, opens);
    builder.finish(target, number);
    if (segment.again) this.packetsRetransmitted++;
    send.sent(segment);
    this.scheduler.charge(stream, size);
    this.account(number, size, true);
  }

  private writeOpen(builder: PacketBuilder, stream: Stream): void {
    const at = writeVarint(builder.memory, builder.at, stream.openPayload.length);
    builder.memory.set(stream.openPayload, at);
    builder.at = at + stream.openPayload.length;
    stream.openSent = true;
  }

  private addPieces(builder: PacketBuilder, stream: Stream, offset: number, length: number): void {
    if (length === 0) return;
    const { buffer } = stream.send;
    const first = Math.min(length, buffer.contiguous(offset));
    builder.piece(0, buffer.locate(offset), first);
    if (first < length) builder.piece(1, buffer.locate(offset + first), length - first);
  }

  /** The peer repeats ranges that are settled: it is to be told. */
  private get stopWaitingDue(): boolean {
    return (
      this.ackFrame.count > STOP_WAITING_RANGES &&
      this.loss.settledBelow - this.sentFloor >= STOP_WAITING_EVERY
    );
  }

  private writeStopWaiting(builder: PacketBuilder): void {
    const floor = this.loss.settledBelow;
    builder.memory[builder.at] = FrameType.stopWaiting;
    builder.at = writeU32(builder.memory, builder.at + 1, floor % 2 ** 32);
    this.sentFloor = floor;
  }
}
