/** Maximum over the last `length` cycles (draft-ietf-ccwg-bbr section 2.10, MaxBwFilter: two cycles of ProbeBW). */
export class MaxFilter {
  private readonly slots: number[];
  private cycle = 0;

  constructor(length: number) {
    this.slots = new Array<number>(length).fill(0);
  }

  get value(): number {
    return Math.max(...this.slots);
  }

  update(value: number): void {
    const slot = this.cycle % this.slots.length;
    if (value > this.slots[slot]) this.slots[slot] = value;
  }

  /** Begins a new cycle; the oldest is forgotten. */
  advance(): void {
    this.cycle++;
    this.slots[this.cycle % this.slots.length] = 0;
  }
}
