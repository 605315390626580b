import type { Clock } from '../clock.js';
import type { EventQueue } from '../events.js';
import { MAX_OPEN_PAYLOAD } from '../params.js';
import type { LossDetector } from '../recovery/loss-detector.js';
import type { ReceivedPackets } from '../recovery/received-packets.js';
import type { Stream } from '../streams/stream.js';
import { isBlock, RepairReceiver, type RecoveredPacket } from '../repair/repair-receiver.js';
import { AckFrame, FrameType, MAX_RECOVERED, PATH_TOKEN_BYTES, StreamBit } from '../wire/frame.js';
import { expandLow32 } from '../wire/packet.js';
import { Reader } from '../wire/varint.js';
import type { StreamTable } from './stream-table.js';

/** Type bits of a STREAM frame whose packet is part of a block; no other type has both. */
const PROTECTED_STREAM = FrameType.stream | StreamBit.protect;

/** What the frames of paths are handed to. */
export interface PathFrames {
  /** The peer asks us to prove that we are where it believes: `token` is to go back. */
  onPathChallenge(token: Uint8Array): void;
  onPathResponse(token: Uint8Array): void;
}

/** Works through the frames of authentic packets. Whatever they hold, nothing throws: {@link failure} says why the tunnel has to end. */
export class FrameReceiver {
  /** Why the peer is not to be listened to any more: it broke the protocol, or said goodbye. */
  failure: string | undefined = undefined;
  /** The peer's latest acknowledgement. */
  readonly ackFrame = new AckFrame();
  readonly repair = new RepairReceiver();
  private readonly reader: Reader;
  private eliciting = false;

  constructor(
    private readonly memory: Uint8Array,
    private readonly clock: Clock,
    private readonly events: EventQueue,
    private readonly streams: StreamTable,
    private readonly received: ReceivedPackets,
    private readonly loss: LossDetector,
    private readonly path: PathFrames,
    /** Where in memory frames that were rebuilt are put to be read, at least a symbol's length. */
    private readonly recoveredAt: number,
  ) {
    this.reader = new Reader(memory);
  }

  /** Takes the frames of packet `number`: `length` bytes at `offset` in memory. True: the packet is to be acknowledged. */
  take(number: number, offset: number, length: number): boolean {
    const { reader } = this;
    this.eliciting = false;
    reader.reset(offset, offset + length);
    const keep = (this.memory[offset] & PROTECTED_STREAM) === PROTECTED_STREAM;
    if (keep) this.repair.keep(number, this.memory, offset, length);
    this.readFrames();
    if (keep && this.repair.waits) this.takeRecovered(this.repair.onKept());
    return this.eliciting;
  }

  private readFrames(): void {
    const { reader } = this;
    while (reader.remaining > 0 && this.failure === undefined) {
      this.onFrame(reader.u8());
      if (reader.failed) this.fail('a frame is cut short');
    }
  }

  private fail(reason: string): void {
    this.failure ??= reason;
  }

  private onFrame(type: number): void {
    if (type >= FrameType.stream && type < FrameType.stream + 16) {
      this.onStream(type);
      return;
    }
    switch (type) {
      case FrameType.padding:
        return;
      case FrameType.ping:
        this.eliciting = true;
        return;
      case FrameType.ack:
        return this.onAck();
      case FrameType.stopWaiting:
        return this.onStopWaiting();
      case FrameType.resetStream:
        return this.onReset();
      case FrameType.stopSending:
        return this.onStop();
      case FrameType.maxStreamData:
        return this.onCredit();
      case FrameType.close:
        return this.onClose();
      case FrameType.repair:
        return this.onRepair();
      case FrameType.recovered:
        return this.onRecovered();
      case FrameType.pathChallenge:
        return this.onPathFrame(true);
      case FrameType.pathResponse:
        return this.onPathFrame(false);
      default:
        this.fail(`frame type ${type} is unknown`);
    }
  }

  private onAck(): void {
    const { ackFrame } = this;
    if (!ackFrame.read(this.reader, this.loss.nextNumber)) this.fail('a malformed ACK');
    else if (!this.loss.onAck(ackFrame, this.clock.nowUs, this.clock.arrivedUs))
      this.fail('an ACK of a packet that was never sent');
  }

  private onStopWaiting(): void {
    const low = this.reader.u32();
    if (!this.reader.failed) this.received.forgetBelow(expandLow32(low, Math.max(0, this.received.largest)));
  }

  private onStream(type: number): void {
    const { reader } = this;
    this.eliciting = true;
    const id = reader.dense();
    const low = reader.u32();
    const opens = (type & StreamBit.open) !== 0;
    const openLength = opens ? reader.varint() : 0;
    const openAt = reader.skip(openLength);
    const length = (type & StreamBit.length) !== 0 ? reader.varint() : reader.remaining;
    const dataAt = reader.skip(length);
    if (reader.failed) return;
    if (openLength > MAX_OPEN_PAYLOAD) {
      this.fail('an open payload is too long');
      return;
    }
    const stream = this.resolve(id);
    if (stream === undefined) return;
    if (opens) this.onOpen(stream, openAt, openLength);
    this.takeBytes(
      stream,
      expandLow32(low, stream.receive.buffer.end),
      dataAt,
      length,
      (type & StreamBit.fin) !== 0,
    );
  }

  private resolve(id: number): Stream | undefined {
    const stream = this.streams.resolve(id);
    if (this.streams.violation !== undefined) this.fail(this.streams.violation);
    return stream;
  }

  private onOpen(stream: Stream, at: number, length: number): void {
    if (stream.opened || stream.peerResetCode !== undefined || stream.stopCode !== undefined) return;
    stream.opened = true;
    stream.openPayload = this.memory.slice(at, at + length);
    this.events.push({ kind: 'opened', stream });
    if (stream.peerStopCode !== undefined)
      this.events.push({ kind: 'stopped', stream, code: stream.peerStopCode });
    if (stream.readableBytes > 0) this.events.readable(stream);
  }

  private takeBytes(stream: Stream, offset: number, at: number, length: number, fin: boolean): void {
    if (stream.peerResetCode !== undefined) return;
    const arrival = stream.receive.take(offset, at, length, fin);
    if (arrival !== 'taken') {
      this.fail(`stream ${stream.id}: ${arrival}`);
      return;
    }
    if (stream.stopCode !== undefined) {
      this.streams.settle(stream);
      return;
    }
    stream.onArrived();
    if (stream.opened && (stream.readableBytes > 0 || stream.receive.allArrived))
      this.events.readable(stream);
  }

  private onReset(): void {
    this.eliciting = true;
    const { reader } = this;
    const id = reader.dense();
    const code = reader.varint();
    // The final offset: for a receiver that counts credit per tunnel, which this one does not.
    reader.varint();
    if (reader.failed) return;
    const stream = this.resolve(id);
    if (stream === undefined || stream.peerResetCode !== undefined || stream.receiveOver) return;
    stream.peerResetCode = code;
    stream.receive.drop();
    if (stream.opened) this.events.push({ kind: 'reset', stream, code });
    else stream.reset(code);
    this.streams.settle(stream);
  }

  private onStop(): void {
    this.eliciting = true;
    const id = this.reader.dense();
    const code = this.reader.varint();
    if (this.reader.failed) return;
    const stream = this.resolve(id);
    if (stream === undefined || stream.peerStopCode !== undefined) return;
    stream.peerStopCode = code;
    if (stream.opened) this.events.push({ kind: 'stopped', stream, code });
    stream.reset(code);
  }

  private onCredit(): void {
    this.eliciting = true;
    const id = this.reader.dense();
    const limit = this.reader.varint();
    if (this.reader.failed) return;
    const stream = this.resolve(id);
    if (stream === undefined || limit <= stream.send.credit) return;
    stream.send.credit = limit;
    this.streams.activate(stream);
    this.streams.wakeWriter(stream);
  }

  private onClose(): void {
    const { reader } = this;
    reader.varint();
    const at = reader.skip(reader.varint());
    if (reader.failed) return;
    const text = String.fromCharCode(...this.memory.subarray(at, reader.at));
    this.fail(`the peer said goodbye: ${text.replace(/[^\x20-\x7e]/g, '?')}`);
  }

  private onRepair(): void {
    const { reader, received } = this;
    this.eliciting = true;
    const first = expandLow32(reader.u32(), Math.max(0, received.largest));
    const mask = reader.u32();
    const index = reader.u8();
    const length = reader.remaining;
    const at = reader.skip(length);
    if (reader.failed) return;
    if (first < 0 || !isBlock(mask | 0, index, length)) this.fail('a malformed REPAIR');
    else
      this.takeRecovered(this.repair.onRepair(first, mask | 0, index, this.memory.subarray(at, at + length)));
  }

  /**
   * Only what a block can consist of is read: one STREAM frame that reaches to the end of its packet. The packets stay
   * lost: they are not acknowledged.
   */
  private takeRecovered(packets: readonly RecoveredPacket[]): void {
    const { reader, memory, recoveredAt } = this;
    for (const { number, frames } of packets) {
      if ((frames[0] & (PROTECTED_STREAM | StreamBit.length)) !== PROTECTED_STREAM) continue;
      memory.set(frames, recoveredAt);
      reader.reset(recoveredAt, recoveredAt + frames.length);
      this.readFrames();
      this.received.noteRecovered(number, this.clock.nowUs);
    }
  }

  private onRecovered(): void {
    const { reader, loss } = this;
    const count = reader.varint();
    if (count > MAX_RECOVERED) this.fail('a malformed RECOVERED');
    for (let i = 0; i < count && !reader.failed; i++) {
      const number = expandLow32(reader.u32(), loss.nextNumber);
      if (!reader.failed && !loss.onRecovered(number))
        this.fail('a RECOVERED of a packet that was never sent');
    }
  }

  private onPathFrame(challenge: boolean): void {
    const at = this.reader.skip(PATH_TOKEN_BYTES);
    if (this.reader.failed) return;
    const token = this.memory.slice(at, at + PATH_TOKEN_BYTES);
    if (challenge) this.path.onPathChallenge(token);
    else this.path.onPathResponse(token);
  }
}
