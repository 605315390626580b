/** Choices that a seed determines (xorshift32, Marsaglia 2003). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e37_79b1) >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** 32 bits. */
  next(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    this.state >>>= 0;
    return this.state;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + (this.next() % (most - least + 1));
  }

  /** True so many times of a hundred. */
  percent(chance: number): boolean {
    return this.next() % 100 < chance;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.next() % values.length] as Value;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(new ArrayBuffer(length));
    for (let i = 0; i < length; i++) bytes[i] = this.next() >>> 24;
    return bytes;
  }
}
