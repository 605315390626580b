import type { Stream } from '../streams/stream.js';

const PATTERN_BYTES = 65_536 - 17;

/** Bytes that can be written and checked at any position without holding them all. */
export class Pattern {
  private readonly bytes = Buffer.alloc(PATTERN_BYTES);

  constructor(seed: number) {
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

  /** Whether the `length` bytes at `offset` in `memory` are the pattern's at `position`. */
  matches(memory: Uint8Array, offset: number, length: number, position: number): boolean {
    let done = 0;
    while (done < length) {
      const start = (position + done) % PATTERN_BYTES;
      const count = Math.min(length - done, PATTERN_BYTES - start);
      const from = offset + done;
      if (this.bytes.compare(memory, from, from + count, start, start + count) !== 0) return false;
      done += count;
    }
    return true;
  }
}
