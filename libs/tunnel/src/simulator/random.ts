/** A small seeded generator (xorshift128, Marsaglia 2003): the same seed gives the same run on every machine. */
export class SeededRandom {
  private readonly state = new Uint32Array(4);

  constructor(seed: number) {
    let value = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      value = (Math.imul(value ^ (value >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
      this.state[i] = value | 1;
    }
    for (let i = 0; i < 16; i++) this.u32();
  }

  u32(): number {
    const { state } = this;
    let t = state[3];
    const s = state[0];
    state[3] = state[2];
    state[2] = state[1];
    state[1] = s;
    t ^= t << 11;
    t ^= t >>> 8;
    state[0] = t ^ s ^ (s >>> 19);
    return state[0];
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.u32() / 2 ** 32;
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1));
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.u32();
    return bytes;
  }
}
