/**
 * Variable-length integers: the two high bits of the first byte give the length. Stream ids use the dense form (1 to 4
 * bytes for 30 bits, what is larger goes on behind them), everything else the form of RFC 9000 section 16 (1, 2, 4 or 8
 * bytes, here up to 2^53 - 1).
 */

/** The highest number of four dense bytes stands for itself and all above it: a varint follows, which is added. */
const DENSE_ESCAPE = 2 ** 30 - 1;

/** Where a decoder stands. Reading past the end, or a number over 2^53 - 1, sets `failed` and yields 0. */
export class Reader {
  failed = false;

  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
    public end = bytes.length,
  ) {}

  reset(at: number, end: number): void {
    this.at = at;
    this.end = end;
    this.failed = false;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  u8(): number {
    if (this.at >= this.end) return this.fail();
    return this.bytes[this.at++];
  }

  u32(): number {
    if (this.at + 4 > this.end) return this.fail();
    this.at += 4;
    return readU32(this.bytes, this.at - 4);
  }

  varint(): number {
    if (this.at >= this.end) return this.fail();
    const first = this.bytes[this.at];
    const length = 1 << (first >>> 6);
    if (this.at + length > this.end) return this.fail();
    let value = first & 0x3f;
    for (let i = 1; i < length; i++) value = value * 256 + this.bytes[this.at + i];
    this.at += length;
    return value <= Number.MAX_SAFE_INTEGER ? value : this.fail();
  }

  dense(): number {
    if (this.at >= this.end) return this.fail();
    const first = this.bytes[this.at];
    const length = (first >>> 6) + 1;
    if (this.at + length > this.end) return this.fail();
    let value = first & 0x3f;
    for (let i = 1; i < length; i++) value = value * 256 + this.bytes[this.at + i];
    this.at += length;
    return value === DENSE_ESCAPE ? this.denseBeyond() : value;
  }

  private denseBeyond(): number {
    const value = DENSE_ESCAPE + this.varint();
    return !this.failed && value <= Number.MAX_SAFE_INTEGER ? value : this.fail();
  }

  /** Skips `count` bytes and gives where they began. */
  skip(count: number): number {
    if (count > this.end - this.at) return this.fail();
    const start = this.at;
    this.at += count;
    return start;
  }

  private fail(): number {
    this.failed = true;
    this.at = this.end;
    return 0;
  }
}

/** Bytes that {@link writeVarint} takes for `value`. */
export function varintLength(value: number): number {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  return value < 0x40000000 ? 4 : 8;
}

/** Writes `value` (0 to 2^53 - 1) at `at`; gives the offset behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  const length = varintLength(value);
  writeBigEndian(bytes, at, value, length);
  bytes[at] |= (31 - Math.clz32(length)) << 6;
  return at + length;
}

/** Bytes that {@link writeDense} takes for `value`. */
export function denseLength(value: number): number {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x400000) return 3;
  return value < DENSE_ESCAPE ? 4 : 4 + varintLength(value - DENSE_ESCAPE);
}

/** Most that {@link writeDense} takes. */
export const MAX_DENSE_BYTES = 4 + 8;

/** Writes `value` (0 to 2^53 - 1) at `at`; gives the offset behind it. */
export function writeDense(bytes: Uint8Array, at: number, value: number): number {
  if (value < 0x40) {
    bytes[at] = value;
    return at + 1;
  }
  if (value >= DENSE_ESCAPE)
    return writeVarint(bytes, writeU32(bytes, at, 0xffff_ffff), value - DENSE_ESCAPE);
  const length = denseLength(value);
  writeBigEndian(bytes, at, value, length);
  bytes[at] |= (length - 1) << 6;
  return at + length;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
  return at + 4;
}

export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

function writeBigEndian(bytes: Uint8Array, at: number, value: number, length: number): void {
  let rest = value;
  for (let i = at + length - 1; i >= at; i--) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}
