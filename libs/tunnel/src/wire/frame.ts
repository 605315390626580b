import { MAX_ACK_RANGES } from '../params.js';
import type { RangeSet } from '../memory/range-set.js';
import { expandLow32 } from './packet.js';
import {
  denseLength,
  MAX_DENSE_BYTES,
  varintLength,
  writeDense,
  writeU32,
  writeVarint,
  type Reader,
} from './varint.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/** First byte of a frame. PROTOCOL.md draws each one. */
export const FrameType = {
  padding: 0x00,
  ping: 0x01,
  ack: 0x02,
  stopWaiting: 0x03,
  resetStream: 0x04,
  stopSending: 0x05,
  maxStreamData: 0x06,
  close: 0x07,
  pathChallenge: 0x08,
  pathResponse: 0x09,
  /** A repair symbol of a block of packets. */
  repair: 0x0a,
  /** Packets whose frames were rebuilt: they are lost, but need not be sent again. */
  recovered: 0x0b,
  /** 0x10 to 0x1f: the low bits are {@link StreamBit}. */
  stream: 0x10,
} as const;

export const StreamBit = {
  /** The stream ends behind these bytes. */
  fin: 1,
  /** A length follows; without it the data reaches to the end of the packet. */
  length: 2,
  /** The opener's payload follows: this frame opens the stream. */
  open: 4,
  /** The packet may be part of a block that repair symbols follow: it is to be kept for a while. */
  protect: 8,
} as const;

/** Random bytes that a PATH_CHALLENGE carries and its PATH_RESPONSE repeats. */
export const PATH_TOKEN_BYTES = 8;

/** Bytes in front of a STREAM frame's data when it ends the packet and does not open: type, id, 32-bit offset. */
export function streamHeaderLength(id: number): number {
  return 1 + denseLength(id) + 4;
}

export function writeStreamHeader(
  bytes: Uint8Array,
  at: number,
  type: number,
  id: number,
  offset: number,
): number {
  bytes[at] = type;
  return writeU32(bytes, writeDense(bytes, at + 1, id), offset >>> 0);
}

export function writeResetStream(
  bytes: Uint8Array,
  at: number,
  id: number,
  code: number,
  finalOffset: number,
): number {
  bytes[at] = FrameType.resetStream;
  return writeVarint(bytes, writeVarint(bytes, writeDense(bytes, at + 1, id), code), finalOffset);
}

export function writeStopSending(bytes: Uint8Array, at: number, id: number, code: number): number {
  bytes[at] = FrameType.stopSending;
  return writeVarint(bytes, writeDense(bytes, at + 1, id), code);
}

/** What stands before the symbol of a REPAIR frame, which reaches to the end of the packet: the block's first packet (low 32 bits), which of the 32 from it on belong to the block, and the symbol's index. */
export function writeRepairHeader(
  bytes: Uint8Array,
  at: number,
  first: number,
  mask: number,
  index: number,
): number {
  bytes[at] = FrameType.repair;
  const position = writeU32(bytes, writeU32(bytes, at + 1, first >>> 0), mask >>> 0);
  bytes[position] = index;
  return position + 1;
}

/** Most packets that one RECOVERED names. */
export const MAX_RECOVERED = 64;

/** A RECOVERED: how many packets, then the low 32 bits of each number. */
export function writeRecovered(bytes: Uint8Array, at: number, numbers: readonly number[]): number {
  bytes[at] = FrameType.recovered;
  let position = writeVarint(bytes, at + 1, numbers.length);
  for (const number of numbers) position = writeU32(bytes, position, number >>> 0);
  return position;
}

/** A PATH_CHALLENGE or PATH_RESPONSE. */
export function writePathFrame(bytes: Uint8Array, at: number, type: number, token: Uint8Array): number {
  bytes[at] = type;
  bytes.set(token, at + 1);
  return at + 1 + PATH_TOKEN_BYTES;
}

/** `reason` is ASCII of at most 63 characters. */
export function writeClose(bytes: Uint8Array, at: number, code: number, reason: string): number {
  bytes[at] = FrameType.close;
  let position = writeVarint(bytes, writeVarint(bytes, at + 1, code), reason.length);
  for (let i = 0; i < reason.length; i++) bytes[position++] = reason.charCodeAt(i) & 0x7f;
  return position;
}

export function writeMaxStreamData(bytes: Uint8Array, at: number, id: number, limit: number): number {
  bytes[at] = FrameType.maxStreamData;
  return writeVarint(bytes, writeDense(bytes, at + 1, id), limit);
}

/** Longest of the three frames above: type, id, two numbers. */
export const MAX_CONTROL_FRAME_BYTES = 1 + MAX_DENSE_BYTES + 8 + 8;

/** An acknowledgement as it was read, valid until the next is read into it. */
export class AckFrame {
  /** Ranges from the highest down: `[start, end)`. */
  readonly starts = new Float64Array(MAX_ACK_RANGES);
  readonly ends = new Float64Array(MAX_ACK_RANGES);
  count = 0;
  delayUs = DOUBLE_ZERO;
  /** Bytes of UDP payload that the peer has received in valid packets of this tunnel. */
  deliveredBytes = DOUBLE_ZERO;

  get largest(): number {
    return this.ends[0] - 1;
  }

  /** Reads what follows the type byte; `next` is the number that our next packet will have. False: malformed. */
  read(reader: Reader, next: number): boolean {
    let end = expandLow32(reader.u32(), next) + 1;
    this.delayUs = reader.varint();
    this.deliveredBytes = reader.varint();
    const count = reader.varint();
    if (reader.failed || count < 1 || count > MAX_ACK_RANGES) return false;
    for (let i = 0; i < count; i++) {
      if (i > 0) end -= reader.varint() + 1;
      const start = end - reader.varint() - 1;
      if (reader.failed || start < 0) return false;
      this.starts[i] = start;
      this.ends[i] = end;
      end = start;
    }
    this.count = count;
    return true;
  }
}

/**
 * Writes an ACK of as many of the highest ranges as fit before `limit`: type, largest (low 32 bits), delay,
 * delivered bytes, number of ranges, then length - 1 of the highest, and for each lower one gap - 1 and length - 1.
 */
export function writeAck(
  bytes: Uint8Array,
  at: number,
  limit: number,
  ranges: RangeSet,
  delayUs: number,
  deliveredBytes: number,
): number {
  const top = ranges.size - 1;
  bytes[at] = FrameType.ack;
  let position = writeU32(bytes, at + 1, (ranges.end(top) - 1) >>> 0);
  position = writeVarint(bytes, position, Math.round(delayUs));
  position = writeVarint(bytes, position, deliveredBytes);
  const countAt = position;
  position = writeVarint(bytes, countAt + 2, ranges.end(top) - ranges.start(top) - 1);
  let count = 1;
  for (let i = top - 1; i >= 0 && count < MAX_ACK_RANGES; i--) {
    const gap = ranges.start(i + 1) - ranges.end(i) - 1;
    const length = ranges.end(i) - ranges.start(i) - 1;
    if (position + varintLength(gap) + varintLength(length) > limit) break;
    position = writeVarint(bytes, writeVarint(bytes, position, gap), length);
    count++;
  }
  bytes[countAt] = 0x40 | (count >>> 8);
  bytes[countAt + 1] = count & 0xff;
  return position;
}
