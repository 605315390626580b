import type { Stream } from '../streams/stream.js';
import type { HostEvents } from './simulation.js';

const PATTERN_BYTES = 65_536 - 17;

/** Bytes that can be written and checked at any offset without holding them all. */
export class Pattern {
  private readonly bytes: Uint8Array;

  constructor(seed: number) {
    this.bytes = new Uint8Array(PATTERN_BYTES);
    let value = seed | 1;
    for (let i = 0; i < PATTERN_BYTES; i++) {
      value = (Math.imul(value, 1_103_515_245) + 12_345) | 0;
      this.bytes[i] = value >>> 16;
    }
  }

  /** Writes what the stream takes of the pattern from `from` on, up to `to`; gives the bytes taken. */
  write(stream: Stream, from: number, to: number): number {
    let at = from;
    while (at < to) {
      const start = at % PATTERN_BYTES;
      const wanted = Math.min(to - at, PATTERN_BYTES - start);
      const taken = stream.write(this.bytes, start, start + wanted);
      at += taken;
      if (taken < wanted) break;
    }
    return at - from;
  }

  /** The first of `length` bytes at `offset` in `memory` that is not the pattern's at `position`, or -1. */
  firstDifference(memory: Uint8Array, offset: number, length: number, position: number): number {
    for (let i = 0; i < length; i++)
      if (memory[offset + i] !== this.bytes[(position + i) % PATTERN_BYTES]) return i;
    return -1;
  }
}

/** Sends `total` bytes of a pattern on each stream that is given to it. */
export class BulkSender {
  private readonly progress = new Map<Stream, number>();

  constructor(
    private readonly pattern: Pattern,
    private readonly total: number,
  ) {}

  start(stream: Stream): void {
    this.progress.set(stream, 0);
    this.fill(stream);
  }

  fill(stream: Stream): void {
    const sent = this.progress.get(stream);
    if (sent === undefined) return;
    const now = sent + this.pattern.write(stream, sent, this.total);
    this.progress.set(stream, now);
    if (now === this.total) {
      stream.finish();
      this.progress.delete(stream);
    }
  }

  /** Handlers for the sending host. */
  readonly events: HostEvents = { streamWritable: (stream) => this.fill(stream) };
}

/** Reads streams to their end and compares every byte. */
export class BulkReceiver {
  received = 0;
  /** Streams read to their end, every byte right. */
  finished = 0;
  failure: string | undefined;
  private readonly position = new Map<Stream, number>();

  constructor(
    private readonly pattern: Pattern,
    private readonly memory: () => Uint8Array,
  ) {}

  read(stream: Stream): void {
    let at = this.position.get(stream) ?? 0;
    while (stream.spanLength > 0) {
      const length = stream.spanLength;
      const wrong = this.pattern.firstDifference(this.memory(), stream.spanOffset, length, at);
      if (wrong >= 0) this.failure ??= `stream ${stream.id}: byte ${at + wrong} is wrong`;
      stream.consume(length);
      stream.release(length);
      at += length;
      this.received += length;
    }
    this.position.set(stream, at);
    if (stream.readEnded && this.position.delete(stream)) {
      this.finished++;
      stream.finish();
    }
  }

  /** Handlers for the receiving host. */
  readonly events: HostEvents = { streamReadable: (stream) => this.read(stream) };
}
