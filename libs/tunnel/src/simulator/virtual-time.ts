interface Due {
  readonly dueUs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that moves only when there is nothing left to do: a binary heap of due times. Microseconds. */
export class VirtualTime {
  nowUs = 0;
  private readonly heap: Due[] = [];
  private order = 0;

  get pending(): number {
    return this.heap.length;
  }

  /** Things due at the same time run in the order in which they were asked for. */
  at(dueUs: number, run: () => void): void {
    const item: Due = { dueUs: Math.max(dueUs, this.nowUs), order: this.order++, run };
    this.heap.push(item);
    this.rise(item, this.heap.length - 1);
  }

  private rise(item: Due, from: number): void {
    const { heap } = this;
    let child = from;
    while (child > 0) {
      const parent = (child - 1) >>> 1;
      if (!isBefore(item, heap[parent])) break;
      heap[child] = heap[parent];
      child = parent;
    }
    heap[child] = item;
  }

  /** Runs the next thing that is due; false when there is none at or before `untilUs`, where the clock then stands. */
  step(untilUs: number): boolean {
    const top = this.heap[0];
    if (top === undefined || top.dueUs > untilUs) {
      if (untilUs !== Infinity) this.nowUs = Math.max(this.nowUs, untilUs);
      return false;
    }
    const last = this.heap.pop();
    if (last !== undefined && this.heap.length > 0) this.sink(last);
    this.nowUs = top.dueUs;
    top.run();
    return true;
  }

  private sink(item: Due): void {
    const { heap } = this;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], item)) break;
      heap[parent] = heap[child];
      parent = child;
    }
    heap[parent] = item;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueUs < b.dueUs || (a.dueUs === b.dueUs && a.order < b.order);
}
