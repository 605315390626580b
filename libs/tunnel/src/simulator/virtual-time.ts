/** A clock that moves only when there is nothing left to do: a binary heap of due times. Microseconds. */
export class VirtualTime {
  nowUs = 0;
  private readonly heap: { dueUs: number; order: number; run: () => void }[] = [];
  private order = 0;

  get pending(): number {
    return this.heap.length;
  }

  /** Things due at the same time run in the order in which they were asked for. */
  at(dueUs: number, run: () => void): void {
    const { heap } = this;
    heap.push({ dueUs: Math.max(dueUs, this.nowUs), order: this.order++, run });
    let child = heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >>> 1;
      if (!this.before(child, parent)) break;
      this.swap(child, parent);
      child = parent;
    }
  }

  /** Runs the next thing that is due; false when there is none at or before `untilUs`. */
  step(untilUs: number): boolean {
    const { heap } = this;
    const top = heap[0];
    if (top === undefined || top.dueUs > untilUs) return false;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) {
      heap[0] = last;
      this.sink();
    }
    this.nowUs = top.dueUs;
    top.run();
    return true;
  }

  private sink(): void {
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      let least = parent;
      if (left < this.heap.length && this.before(left, least)) least = left;
      if (left + 1 < this.heap.length && this.before(left + 1, least)) least = left + 1;
      if (least === parent) return;
      this.swap(parent, least);
      parent = least;
    }
  }

  private before(a: number, b: number): boolean {
    const { heap } = this;
    return (
      heap[a].dueUs < heap[b].dueUs || (heap[a].dueUs === heap[b].dueUs && heap[a].order < heap[b].order)
    );
  }

  private swap(a: number, b: number): void {
    [this.heap[a], this.heap[b]] = [this.heap[b], this.heap[a]];
  }
}
