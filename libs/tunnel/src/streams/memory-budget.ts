import { NEW_STREAMS_BUDGET_SHARE } from '../params.js';

/** Counts credit that was granted to peers, not bytes held: what was promised must have room when it arrives. */
export class MemoryBudget {
  private granted = 0;

  constructor(
    /** Most credit, in bytes, that all streams together may have been promised. */
    readonly limit: number,
  ) {}

  get free(): number {
    return this.limit - this.granted;
  }

  /** What windows may grow into, in bytes: the rest is for streams that are yet to come. */
  get spare(): number {
    return Math.max(0, this.free - this.limit * NEW_STREAMS_BUDGET_SHARE);
  }

  /** False: it would exceed the budget, nothing was granted. */
  grant(bytes: number): boolean {
    if (bytes > this.free) return false;
    this.granted += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.granted -= bytes;
  }
}
