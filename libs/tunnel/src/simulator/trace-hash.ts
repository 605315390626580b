/** Bytes of each datagram that are folded in: header, first frames; and as many of its end, where the tag is. */
const EDGE_BYTES = 16;

/** Folds what happened into one number (FNV-1a), so that two runs can be compared. */
export class TraceHash {
  private hash = 0x811c9dc5;

  get value(): number {
    return this.hash >>> 0;
  }

  add(nowUs: number, datagram: Uint8Array): void {
    this.fold(Math.floor(nowUs * 1000) | 0);
    this.fold(datagram.length);
    for (let i = 0; i < Math.min(EDGE_BYTES, datagram.length); i++) this.fold(datagram[i]);
    for (let i = Math.max(0, datagram.length - EDGE_BYTES); i < datagram.length; i++) this.fold(datagram[i]);
  }

  private fold(word: number): void {
    this.hash = Math.imul(this.hash ^ word, 0x01000193);
  }
}
