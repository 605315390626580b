/** A queue of chunk offsets that drops from the front without moving the rest each time. */
export class ChunkList {
  private items: number[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  at(index: number): number {
    return this.items[this.head + index];
  }

  set(index: number, chunk: number): void {
    this.items[this.head + index] = chunk;
  }

  push(chunk: number): void {
    this.items.push(chunk);
  }

  shift(): number {
    const chunk = this.items[this.head++];
    if (this.head > 256 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return chunk;
  }
}
