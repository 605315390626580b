/** Seeded 32-bit generator (xorshift128, Marsaglia 2003): fast, and the same bytes on every machine. */
export class SeededRandom {
  private x: number;
  private y: number;
  private z: number;
  private w: number;

  constructor(seed: number) {
    let state = seed >>> 0;
    const next = (): number => {
      // mulberry32's step spreads neighbouring seeds over the state
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return (t ^ (t >>> 14)) >>> 0;
    };
    this.x = next();
    this.y = next();
    this.z = next();
    this.w = next() | 1; // the state may not be all zero
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number {
    const t = this.x ^ (this.x << 11);
    this.x = this.y;
    this.y = this.z;
    this.z = this.w;
    this.w = this.w ^ (this.w >>> 19) ^ t ^ (t >>> 8);
    return this.w >>> 0;
  }

  /** A whole number from 0 to limit - 1. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * limit);
  }
}

/** Draws indices 0 to size - 1, the n-th in proportion to 1 / (n + 1): as words and idioms are distributed. */
export class ZipfTable {
  private readonly table = new Uint16Array(1 << 16);

  constructor(readonly size: number) {
    const weights = Array.from({ length: size }, (_, i) => 1 / (i + 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let slot = 0;
    let reached = 0;
    weights.forEach((weight, index) => {
      reached += weight / total;
      const end = Math.round(reached * this.table.length);
      this.table.fill(index, slot, end);
      slot = Math.max(slot, end);
    });
  }

  draw(random: SeededRandom): number {
    return this.table[random.uint32() >>> 16] ?? 0;
  }
}
