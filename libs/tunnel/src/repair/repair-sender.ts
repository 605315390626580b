import { addSource, BLOCK_SPAN, MAX_SOURCES, SYMBOL_BYTES } from './repair-code.js';
import { RepairDecision } from './repair-decision.js';
import { DOUBLE_ZERO } from '../memory/double-field.js';

/** Bytes that a REPAIR frame has in front of its symbol, and the symbol in front of the frames: sources are so much shorter. */
export const REPAIR_OVERHEAD = 1 + 4 + 4 + 1 + 2;

/** Collects the packets at the end of a flight into blocks, and makes their repair symbols. */
export class RepairSender {
  readonly decision = new RepairDecision();
  packetsSent = 0;
  bytesSent = DOUBLE_ZERO;
  /** The block is complete: its repair symbols go before anything else. */
  full = false;
  /** Number of the block's first packet, and which of those behind it belong to it. */
  first = 0;
  mask = 0;
  /** Type of service of its latest packet, and so of its repair symbols. */
  tos = 0;
  private count = 0;
  private length = 0;
  /** Repair symbols of a block that is being repaired; -1: it is still collected. */
  private total = -1;
  private made = 0;
  private symbols = new Uint8Array(0);

  /** Whether packet `number` of a stream that has `remaining` bytes unsent goes into the block: it is near the end of its flight. */
  protects(number: number, remaining: number, packetBytes: number): boolean {
    if (this.count > 0 && number - this.first >= BLOCK_SPAN) this.full = true;
    return !this.full && this.total < 0 && remaining <= MAX_SOURCES * packetBytes;
  }

  /** There are packets whose repair symbols wait to be sent. */
  get pending(): boolean {
    return this.count > 0;
  }

  /** Where the frames of packet `number` are to be put, `length` bytes; they belong to the block from then on. */
  add(number: number, length: number, tos: number): Uint8Array {
    this.tos = tos;
    if (this.symbols.length === 0) this.symbols = new Uint8Array(MAX_SOURCES * SYMBOL_BYTES);
    if (this.count === 0) this.first = number;
    const at = this.count * SYMBOL_BYTES;
    this.symbols[at] = length >>> 8;
    this.symbols[at + 1] = length;
    this.symbols.fill(0, at + 2 + length, at + SYMBOL_BYTES);
    this.mask |= 1 << (number - this.first);
    this.length = Math.max(this.length, length + 2);
    this.count++;
    this.full = this.count === MAX_SOURCES;
    return this.symbols.subarray(at + 2, at + 2 + length);
  }

  /** Writes the next repair symbol; gives its length, 0 when the block is done with. */
  next(target: Uint8Array, at: number): number {
    if (this.total < 0) this.total = this.decision.symbolsFor(this.count, this.length);
    if (this.made >= this.total) {
      this.begin();
      return 0;
    }
    const { length } = this;
    target.fill(0, at, at + length);
    for (let i = 0; i < this.count; i++)
      addSource(target, at, this.made, this.symbols, i * SYMBOL_BYTES, length, i);
    this.made++;
    return length;
  }

  /** Index of the symbol that {@link next} writes. */
  get index(): number {
    return this.made;
  }

  /** A repair packet of `bytes` has left. */
  onSent(bytes: number): void {
    this.packetsSent++;
    this.bytesSent += bytes;
    this.decision.spend(bytes);
  }

  private begin(): void {
    this.count = 0;
    this.mask = 0;
    this.length = 0;
    this.total = -1;
    this.made = 0;
    this.full = false;
  }
}
