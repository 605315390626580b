/** Disjoint half-open ranges `[start, end)` of numbers, in order. Appending at the end is the fast path. */
export class RangeSet {
  private starts: number[] = [];
  private ends: number[] = [];

  /** Number of ranges. */
  get size(): number {
    return this.starts.length;
  }

  start(index: number): number {
    return this.starts[index];
  }

  end(index: number): number {
    return this.ends[index];
  }

  /** Sum of all lengths. */
  get total(): number {
    let sum = 0;
    for (let i = 0; i < this.starts.length; i++) sum += this.ends[i] - this.starts[i];
    return sum;
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    const last = this.starts.length - 1;
    if (last < 0 || start > this.ends[last]) {
      this.starts.push(start);
      this.ends.push(end);
      return;
    }
    if (start >= this.starts[last]) {
      if (end > this.ends[last]) this.ends[last] = end;
      return;
    }
    this.insert(start, end);
  }

  private insert(start: number, end: number): void {
    const from = this.firstEndingAtOrAfter(start);
    let to = from;
    while (to < this.starts.length && this.starts[to] <= end) to++;
    if (from === to) {
      this.starts.splice(from, 0, start);
      this.ends.splice(from, 0, end);
      return;
    }
    this.starts[from] = Math.min(start, this.starts[from]);
    this.ends[from] = Math.max(end, this.ends[to - 1]);
    this.starts.splice(from + 1, to - from - 1);
    this.ends.splice(from + 1, to - from - 1);
  }

  /** Index of the first range whose end is at or after `value`. */
  private firstEndingAtOrAfter(value: number): number {
    let low = 0;
    let high = this.ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ends[middle] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  remove(start: number, end: number): void {
    if (start >= end) return;
    let index = this.firstEndingAtOrAfter(start);
    if (index < this.ends.length && this.ends[index] === start) index++;
    while (index < this.starts.length && this.starts[index] < end) {
      const rangeStart = this.starts[index];
      const rangeEnd = this.ends[index];
      if (rangeStart >= start && rangeEnd <= end) {
        this.starts.splice(index, 1);
        this.ends.splice(index, 1);
      } else if (rangeStart < start && rangeEnd > end) {
        this.ends[index] = start;
        this.starts.splice(index + 1, 0, end);
        this.ends.splice(index + 1, 0, rangeEnd);
        return;
      } else if (rangeStart < start) {
        this.ends[index] = start;
        index++;
      } else {
        this.starts[index] = end;
        return;
      }
    }
  }

  removeBelow(value: number): void {
    let drop = 0;
    while (drop < this.ends.length && this.ends[drop] <= value) drop++;
    if (drop > 0) {
      this.starts.splice(0, drop);
      this.ends.splice(0, drop);
    }
    if (this.starts.length > 0 && this.starts[0] < value) this.starts[0] = value;
  }

  /** Keeps the highest `count` ranges. */
  keepHighest(count: number): void {
    const drop = this.starts.length - count;
    if (drop <= 0) return;
    this.starts.splice(0, drop);
    this.ends.splice(0, drop);
  }

  /** Whether all of `[start, end)` is inside. */
  covers(start: number, end: number): boolean {
    const index = this.firstEndingAtOrAfter(end);
    return index < this.starts.length && this.starts[index] <= start;
  }

  clear(): void {
    this.starts = [];
    this.ends = [];
  }
}
