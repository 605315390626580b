import type { MtuDiscovery } from '../path/mtu-discovery.js';
import type { PacketFates } from '../recovery/loss-detector.js';
import type { SentFrame, SentPackets } from '../recovery/sent-packets.js';
import type { Stream } from '../streams/stream.js';
import type { StreamTable } from './stream-table.js';

/** Tells streams and MTU discovery what became of the packets that carried their frames. */
export class FrameFates implements PacketFates {
  constructor(
    private readonly sent: SentPackets,
    private readonly streams: StreamTable,
    private readonly mtu: MtuDiscovery,
  ) {}

  onPacketAcknowledged(number: number): void {
    const { sent } = this;
    this.mtu.onPacketAcknowledged(number, sent.sizeOf(number));
    const stream = this.streamOf(number);
    if (stream !== undefined) this.onRunAcknowledged(stream, number);
    const frames = sent.framesOf(number);
    if (frames !== undefined) for (const frame of frames) this.onFrameAcknowledged(frame);
  }

  private streamOf(number: number): Stream | undefined {
    const id = this.sent.streamOf(number);
    return id < 0 ? undefined : this.streams.get(id);
  }

  private onRunAcknowledged(stream: Stream, number: number): void {
    const { sent } = this;
    if (sent.openOf(number)) this.onOpenAcknowledged(stream);
    if (stream.resetCode === undefined)
      stream.send.onAcknowledged(sent.offsetOf(number), sent.lengthOf(number), sent.finOf(number));
    if (stream.sendOver) this.streams.settle(stream);
  }

  private onOpenAcknowledged(stream: Stream): void {
    stream.openAcknowledged = true;
    stream.openSent = true;
    if (stream.controlWanted) this.streams.activateControl(stream);
  }

  private onFrameAcknowledged(frame: SentFrame): void {
    if (frame.kind === 'mtu-probe') {
      this.mtu.onProbeAcknowledged(frame.size);
      return;
    }
    const stream = this.streams.get(frame.streamId);
    if (stream === undefined || frame.kind !== 'reset') return;
    stream.resetAcknowledged = true;
    this.streams.settle(stream);
  }

  onPacketRecovered(number: number): void {
    const stream = this.streamOf(number);
    if (stream !== undefined) this.onRunAcknowledged(stream, number);
  }

  onPacketLost(number: number): void {
    const size = this.sent.sizeOf(number);
    if (this.probedPath(number)) this.mtu.onProbeLost(size);
    else this.mtu.onPacketLost(number, size);
    this.resend(number);
  }

  probedPath(number: number): boolean {
    return this.sent.framesOf(number)?.[0].kind === 'mtu-probe';
  }

  /** Has the content of a packet sent again, in new packets. */
  resend(number: number): void {
    const { sent } = this;
    const stream = this.streamOf(number);
    if (stream !== undefined) this.resendRun(stream, number);
    const frames = sent.framesOf(number);
    if (frames !== undefined) for (const frame of frames) this.resendFrame(frame);
  }

  private resendRun(stream: Stream, number: number): void {
    const { sent } = this;
    if (sent.openOf(number) && !stream.openAcknowledged) stream.openSent = false;
    if (stream.resetCode !== undefined) return;
    stream.send.onLost(sent.offsetOf(number), sent.lengthOf(number), sent.finOf(number));
    this.streams.activate(stream);
  }

  private resendFrame(frame: SentFrame): void {
    if (frame.kind === 'mtu-probe') return;
    const stream = this.streams.get(frame.streamId);
    if (stream === undefined) return;
    if (frame.kind === 'reset') stream.resetWanted = !stream.resetAcknowledged;
    else if (frame.kind === 'stop') stream.stopWanted = stream.peerResetCode === undefined;
    else if (frame.limit === stream.receive.limit) stream.creditWanted = true;
    if (stream.controlWanted) this.streams.activateControl(stream);
  }
}
