export const PAGE_BYTES = 4096;

/** One page of a larger buffer, seen as bytes and as 32-bit words. */
export interface MemoryPage {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

/** A buffer of whole pages that generators fill and files are written from. */
export class PageBuffer {
  readonly bytes: Uint8Array;
  readonly pages: readonly MemoryPage[];

  constructor(pageCount: number) {
    const memory = new ArrayBuffer(pageCount * PAGE_BYTES);
    this.bytes = new Uint8Array(memory);
    this.pages = Array.from({ length: pageCount }, (_, i) => ({
      bytes: new Uint8Array(memory, i * PAGE_BYTES, PAGE_BYTES),
      words: new Uint32Array(memory, i * PAGE_BYTES, PAGE_BYTES / 4),
    }));
  }
}
