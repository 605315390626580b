import { Send, SEND_FLAG_MTU_PROBE, SEND_STRIDE, type PackedAddress } from '../io.js';
import { MAX_POLL_PACKETS, MAX_UDP_PAYLOAD, SCRATCH_SLOT_BYTES } from '../params.js';
import { FrameType } from './frame.js';
import { DATA_HEADER_BYTES, DATA_OVERHEAD_BYTES, high32, writeDataHeader } from './packet.js';

/** Under which key packets of a session go, and for which session of the peer. */
export interface PacketTarget {
  readonly peerIndex: number;
  readonly sendKeyId: number;
}

/** Slots for headers and small frames, then what a probe of the path's MTU is padded with. */
export const SCRATCH_BYTES = MAX_POLL_PACKETS * SCRATCH_SLOT_BYTES + MAX_UDP_PAYLOAD;

/** Turns frames into send descriptors. Headers and small frames go into a scratch region, stream bytes stay where they lie. */
export class PacketBuilder {
  /** Packets described since {@link reset}. */
  count = 0;
  /** Where the next byte of the current packet's prefix goes. */
  at = 0;
  private descriptors: Int32Array = new Int32Array(0);
  private capacity = 0;
  private base = 0;
  private record = 0;

  /** Scratch region: {@link SCRATCH_BYTES} at `scratchOffset`. */
  constructor(
    readonly memory: Uint8Array,
    readonly scratchOffset: number,
  ) {
    const paddingAt = scratchOffset + MAX_POLL_PACKETS * SCRATCH_SLOT_BYTES;
    memory.fill(FrameType.padding, paddingAt, paddingAt + MAX_UDP_PAYLOAD);
  }

  reset(descriptors: Int32Array, capacity: number): void {
    this.descriptors = descriptors;
    this.capacity = Math.min(capacity, MAX_POLL_PACKETS, Math.floor(descriptors.length / SEND_STRIDE));
    this.count = 0;
  }

  get full(): boolean {
    return this.count >= this.capacity;
  }

  /** Packets that still find room. */
  get free(): number {
    return this.capacity - this.count;
  }

  /** Begins a data packet: frames are written at {@link at}. */
  begin(): void {
    this.base = this.scratchOffset + this.count * SCRATCH_SLOT_BYTES;
    this.at = this.base + DATA_HEADER_BYTES;
    this.record = this.count * SEND_STRIDE;
    const { descriptors, record } = this;
    descriptors[record + Send.piece1Length] = 0;
    descriptors[record + Send.piece2Length] = 0;
    descriptors[record + Send.flags] = 0;
    descriptors[record + Send.tos] = 0;
  }

  /** Appends bytes that lie at `offset` in memory, after the prefix. At most two pieces. */
  piece(index: 0 | 1, offset: number, length: number): void {
    this.descriptors[this.record + Send.piece1Offset + 2 * index] = offset;
    this.descriptors[this.record + Send.piece1Length + 2 * index] = length;
  }

  /** Bytes of UDP payload that the packet has so far. */
  get size(): number {
    const { descriptors, record } = this;
    const pieces = descriptors[record + Send.piece1Length] + descriptors[record + Send.piece2Length];
    return this.at - this.base - DATA_HEADER_BYTES + pieces + DATA_OVERHEAD_BYTES;
  }

  /** Copies what the packet has so far of frames: as many bytes as `target` holds. */
  copyFrames(target: Uint8Array): void {
    const { descriptors, record, memory } = this;
    const from = this.base + DATA_HEADER_BYTES;
    target.set(memory.subarray(from, this.at));
    let to = this.at - from;
    for (let at = record + Send.piece1Offset; at <= record + Send.piece2Offset; at += 2) {
      if (descriptors[at + 1] === 0) continue;
      target.set(memory.subarray(descriptors[at], descriptors[at] + descriptors[at + 1]), to);
      to += descriptors[at + 1];
    }
  }

  /** Pads the packet to `size` bytes of UDP payload; nothing is to be added after that. */
  pad(size: number): void {
    this.piece(0, this.scratchOffset + MAX_POLL_PACKETS * SCRATCH_SLOT_BYTES, size - this.size);
  }

  /** Ends the packet. */
  finish(target: PacketTarget, address: PackedAddress, packetNumber: number): void {
    const { descriptors, record } = this;
    writeDataHeader(this.memory, this.base, target.peerIndex, packetNumber);
    descriptors[record + Send.headerOffset] = this.base;
    descriptors[record + Send.headerLength] = DATA_HEADER_BYTES;
    descriptors[record + Send.prefixLength] = this.at - this.base - DATA_HEADER_BYTES;
    descriptors[record + Send.keyId] = target.sendKeyId;
    descriptors[record + Send.packetNumberLow] = packetNumber | 0;
    descriptors[record + Send.packetNumberHigh] = high32(packetNumber);
    this.address(address);
    this.count++;
  }

  /** The packet being built is a probe of the path's MTU. */
  markMtuProbe(): void {
    this.descriptors[this.record + Send.flags] |= SEND_FLAG_MTU_PROBE;
  }

  /** Type of service of the packet being built: the DSCP, shifted left by two. */
  mark(tos: number): void {
    this.descriptors[this.record + Send.tos] = tos;
  }

  /** A whole datagram that is not sealed: a message of the handshake. */
  plain(datagram: Uint8Array, address: PackedAddress): void {
    this.begin();
    const { descriptors, record } = this;
    this.memory.set(datagram, this.base);
    descriptors[record + Send.headerOffset] = this.base;
    descriptors[record + Send.headerLength] = datagram.length;
    descriptors[record + Send.prefixLength] = 0;
    descriptors[record + Send.keyId] = -1;
    this.address(address);
    this.count++;
  }

  private address(address: PackedAddress): void {
    for (let i = 0; i < 5; i++) this.descriptors[this.record + Send.familyPort + i] = address[i];
  }
}
